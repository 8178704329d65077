use tempfile::TempDir;

use super::*;

fn place() -> (TempDir, Place) {
    let directory = tempfile::tempdir().unwrap();
    let place = Place::at(directory.path());
    (directory, place)
}

#[test]
fn a_server_that_is_named_counts_until_sound_is_taken_down() {
    let (_directory, place) = place();
    let audio = Audio::default();
    ask(&place, None).unwrap();
    let before = stamp(&place, &audio);
    ask(&place, Some(Path::new("other"))).unwrap();
    ask(&place, None).unwrap();
    assert_eq!(named(&place), path::absolute("other").ok());
    assert_ne!(stamp(&place, &audio), before);
    stop(&place).unwrap();
    assert_eq!((named(&place), stamp(&place, &audio)), (None, before));
}

#[test]
fn a_guard_is_not_for_a_cookie_that_was_made_anew() {
    let (_directory, place) = place();
    crate::make_files(&place).unwrap();
    let before = stamp(&place, &Audio::default());
    crate::make_files(&place).unwrap();
    assert_eq!(stamp(&place, &Audio::default()), before);
    fs::write(place.cookie(), "short").unwrap();
    crate::make_files(&place).unwrap();
    assert_ne!(stamp(&place, &Audio::default()), before);
}

#[test]
fn a_keeper_that_was_killed_is_not_taken_for_the_one_that_begins() {
    let (_directory, place) = place();
    fs::write(place.keeper(), "1\nplay").unwrap();
    assert_eq!(running(&place), None);
    let _lock = Lock::take(&place.lock(), Duration::ZERO).unwrap();
    let interrupt = Interrupt::watch().unwrap();
    let places = Places::default();
    Keeper::new(place.clone(), "dev-a", &places, ServerArgs::default(), interrupt).begin().unwrap();
    assert_eq!(running(&place), i32::try_from(std::process::id()).ok());
}

#[test]
fn the_log_does_not_grow_without_end_and_who_writes_it_writes_on() {
    use std::io::Write;
    let (_directory, place) = place();
    let mut writer = log(&place).unwrap();
    writer.write_all(b"one\n").unwrap();
    empty_log(&place, 4).unwrap();
    assert_eq!(last_words(&place), "one");
    empty_log(&place, 3).unwrap();
    writer.write_all(b"two\n").unwrap();
    assert_eq!(fs::read(place.log()).unwrap(), b"two\n");
}
