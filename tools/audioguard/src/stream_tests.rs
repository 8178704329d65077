//! Frames, and what they cost.

use super::*;
use crate::protocol::SEEK_LAST;

const SPEC: SampleSpec = SampleSpec { format: 3, channels: 2, rate: 48_000 };

fn frame(length: u32, offset: i64, flags: u32) -> Descriptor {
    Descriptor { length, channel: 0, offset, flags }
}

#[test]
fn sound_is_put_behind_what_was_sent_and_never_before_it() {
    let mut stream = Stream::new(&Room::default(), SPEC, None).unwrap();
    assert!(stream.takes(frame(1000, 0, SEEK_RELATIVE), false));
    let appended = frame(1000, 0, SEEK_RELATIVE);
    for same in [frame(1000, 50, SEEK_RELATIVE), frame(1000, 1000, SEEK_ABSOLUTE)] {
        assert_eq!(stream.behind(same), same);
    }
    for back in [
        frame(1000, -1, SEEK_RELATIVE),
        frame(1000, i64::MAX, SEEK_RELATIVE),
        frame(1000, 999, SEEK_ABSOLUTE),
        frame(1000, i64::MAX, SEEK_ABSOLUTE),
        frame(1000, 0, 2),
        frame(1000, 5, SEEK_LAST),
    ] {
        assert_eq!(stream.behind(back), appended, "{back:?}");
    }
    assert!(stream.takes(frame(1000, 1500, SEEK_ABSOLUTE), false));
    assert_eq!(stream.position, 2500);
    stream.flush();
    assert_eq!(stream.behind(frame(1000, 1, SEEK_ABSOLUTE)).offset, 1);
}

#[test]
fn short_frames_are_paid_for_by_long_ones_or_joined() {
    let mut stream = Stream::new(&Room::default(), SPEC, None).unwrap();
    let (short, long) = (frame(1, 0, SEEK_RELATIVE), frame(10_000, 0, SEEK_RELATIVE));
    let taken = |stream: &mut Stream| (0..10_000).filter(|_| stream.takes(short, false)).count();
    assert_eq!(taken(&mut stream), 4161);
    assert_eq!(taken(&mut stream), 0);
    assert!(stream.takes(short, true), "a joined frame costs nothing");
    assert!(stream.takes(long, false));
    assert_eq!(taken(&mut stream), 157);
    for _ in 0..1000 {
        stream.takes(long, false);
    }
    assert_eq!(taken(&mut stream), 4161, "there is no more of it than at first");
}

#[test]
fn what_streams_take_of_the_room_comes_back() {
    let (room, mut streams) = (Room::default(), Vec::new());
    let large = SampleSpec { format: 5, channels: 8, rate: 192_000 };
    while let Some(stream) = Stream::new(&room, large, Some(10_000)) {
        streams.push(stream);
    }
    assert_eq!(streams.len(), 7);
    streams.pop();
    assert!(Stream::new(&room, large, None).is_some());
    drop(streams);
    let usual = std::iter::from_fn(|| Stream::new(&room, SPEC, None)).collect::<Vec<_>>();
    assert_eq!(usual.len(), 32);
}
