//! What is decided: whether a certificate is good, and what the lists say.

use document::{Container, Extra, container::Project};
use jiff::Timestamp;
use ssh_key::{
    Algorithm, Certificate, PrivateKey, certificate::CertType, public::KeyData, rand_core::OsRng,
};

use crate::{
    Exposure,
    authority::exposed,
    certificate::{Days, Wanted},
    lists::{self, Revoked},
};

const DAY: i64 = 24 * 60 * 60;

/// A moment like any other, in seconds since 1970.
const NOW: i64 = 1_800_000_000;

fn key() -> PrivateKey {
    PrivateKey::random(&mut OsRng, Algorithm::Ed25519).unwrap()
}

fn public(key: &PrivateKey) -> &KeyData {
    key.public_key().key_data()
}

fn wanted(name: &str, days: u32, now: i64) -> Wanted {
    let project = Project {
        path: "/a".into(),
        name: "a".into(),
        hash: "0".into(),
        branch: None,
        extra: Extra::new(),
    };
    let container = Container::new(name.to_owned(), project);
    Wanted::new(&container, Days::new(days), Timestamp::from_second(now).unwrap()).unwrap()
}

/// A host key, the authority, and the certificate that was issued at [`NOW`].
struct Issued {
    host: PrivateKey,
    authority: PrivateKey,
    certificate: Certificate,
}

impl Issued {
    fn new(days: u32) -> Self {
        let (host, authority) = (key(), key());
        let wanted = wanted("dev-a", days, NOW);
        let certificate = wanted.issue(public(&host), &wanted.term(7), &authority).unwrap();
        Self { host, authority, certificate }
    }

    fn is_good_for(&self, name: &str, days: u32, now: i64) -> bool {
        wanted(name, days, now).is_met_by(
            &self.certificate,
            public(&self.host),
            public(&self.authority),
        )
    }
}

#[test]
fn a_certificate_is_for_one_host_by_its_name_alone() {
    let Issued { host, authority, certificate } = Issued::new(730);
    assert_eq!(certificate.cert_type(), CertType::Host);
    assert_eq!(certificate.valid_principals(), ["dev-a"]);
    assert_eq!((certificate.key_id(), certificate.serial()), ("dev-a", 7));
    assert_eq!(certificate.public_key(), public(&host));
    assert_eq!(certificate.signature_key(), public(&authority));
    assert_eq!(i64::try_from(certificate.valid_after()).unwrap(), NOW - 300);
    assert_eq!(i64::try_from(certificate.valid_before()).unwrap(), NOW + 730 * DAY);
}

#[test]
fn a_fresh_certificate_is_good() {
    assert!(Issued::new(730).is_good_for("dev-a", 730, NOW));
    assert!(Issued::new(1).is_good_for("dev-a", 1, NOW));
}

#[test]
fn a_certificate_is_renewed_thirty_days_before_its_end() {
    let issued = Issued::new(730);
    assert!(issued.is_good_for("dev-a", 730, NOW + 700 * DAY));
    assert!(!issued.is_good_for("dev-a", 730, NOW + 700 * DAY + 1));
}

#[test]
fn a_short_certificate_is_renewed_in_the_last_tenth_of_its_life() {
    let issued = Issued::new(10);
    assert!(issued.is_good_for("dev-a", 10, NOW + 9 * DAY - 30));
    assert!(!issued.is_good_for("dev-a", 10, NOW + 9 * DAY));
}

#[test]
fn a_clock_that_was_wrong_by_a_year_is_got_over() {
    let issued = Issued::new(3650);
    assert!(!issued.is_good_for("dev-a", 3650, NOW - 365 * DAY), "it is not valid yet");
    assert!(!Issued::new(200).is_good_for("dev-a", 200, NOW + 365 * DAY), "it is over");
    assert!(issued.is_good_for("dev-a", 3650, NOW + 365 * DAY));
}

#[test]
fn a_clock_before_1970_still_makes_certificates() {
    let wanted = wanted("dev-a", 1, -DAY);
    assert_eq!(wanted.term(1).after, 0);
    assert!(wanted.issue(public(&key()), &wanted.term(1), &key()).is_ok());
}

#[test]
fn a_certificate_of_another_name_key_authority_or_lifetime_is_not_the_wanted_one() {
    let issued = Issued::new(730);
    assert!(!issued.is_good_for("dev-b", 730, NOW));
    assert!(!issued.is_good_for("dev-a", 30, NOW));
    let (host, authority) = (public(&issued.host), public(&issued.authority));
    let wanted = wanted("dev-a", 730, NOW);
    assert!(!wanted.is_met_by(&issued.certificate, public(&key()), authority));
    assert!(!wanted.is_met_by(&issued.certificate, host, public(&key())));
}

#[test]
fn a_certificate_that_was_tampered_with_is_not_good() {
    let issued = Issued::new(730);
    let mut bytes = issued.certificate.to_bytes().unwrap();
    // The last byte belongs to the signature.
    *bytes.last_mut().unwrap() ^= 1;
    let certificate = Certificate::from_bytes(&bytes).unwrap();
    let wanted = wanted("dev-a", 730, NOW);
    assert!(!wanted.is_met_by(&certificate, public(&issued.host), public(&issued.authority)));
}

#[test]
fn a_lifetime_is_from_one_day_to_ten_years() {
    for (text, is_one) in
        [("1", true), ("3650", true), ("0", false), ("3651", false), ("-1", false), ("1d", false)]
    {
        assert_eq!(text.parse::<Days>().is_ok(), is_one, "{text}");
    }
}

#[test]
fn the_pattern_of_a_name_is_its_prefix() {
    assert_eq!(lists::pattern("dev-my-app-b3e5ed"), "dev-*");
    assert_eq!(lists::pattern("solo"), "solo");
}

#[track_caller]
fn check_trust(before: &str, after: &str) {
    let authority = key();
    let line = lists::key(public(&authority));
    let (before, after) = (before.replace("KEY", &line), after.replace("KEY", &line));
    let found = lists::trusting(before.as_bytes(), "dev-*", public(&authority));
    assert_eq!(String::from_utf8(found).unwrap(), after);
}

#[test]
fn the_trust_line_is_added_once_and_other_lines_stay() {
    let line = "@cert-authority dev-* KEY ctrkit\n";
    check_trust("", line);
    check_trust(line, line);
    check_trust("# mine\nhost ssh-rsa AAAA", &format!("# mine\nhost ssh-rsa AAAA\n{line}"));
    let other = "@cert-authority work-* KEY ctrkit\n";
    check_trust(other, &format!("{other}{line}"));
    let longer = "@cert-authority dev-*-old KEY ctrkit\n";
    check_trust(longer, &format!("{longer}{line}"));
    let commented = "# @cert-authority dev-* KEY ctrkit\n";
    check_trust(commented, &format!("{commented}{line}"));
}

#[test]
fn a_trust_line_of_the_persons_own_is_enough() {
    for own in ["@cert-authority work-*,dev-* KEY mine\r\n", "  @cert-authority\tdev-*  KEY"] {
        check_trust(own, own);
    }
}

#[test]
fn a_line_for_another_authority_is_kept_beside_ours() {
    let other = format!("@cert-authority dev-* {} old\n", lists::key(public(&key())));
    check_trust(&other, &format!("{other}@cert-authority dev-* KEY ctrkit\n"));
}

#[test]
fn a_list_that_is_not_utf8_keeps_its_bytes() {
    let found = lists::trusting(b"# \xff\n", "dev-*", public(&key()));
    assert!(found.starts_with(b"# \xff\n@cert-authority dev-* ssh-ed25519 "));
}

#[test]
fn a_revoked_key_is_found_and_others_are_not() {
    let (revoked, other) = (key(), key());
    let mut list = Revoked::parse(b"# none yet".to_vec()).unwrap();
    list.add(public(&revoked), "dev-a serial 7");
    let again = Revoked::parse(list.contents).unwrap();
    assert!(again.contains(public(&revoked)) && !again.contains(public(&other)));
    let text = String::from_utf8(again.contents).unwrap();
    assert!(
        text.starts_with("# none yet\nssh-ed25519 AAAA") && text.ends_with(" dev-a serial 7\n")
    );
}

#[test]
fn a_commented_line_revokes_nothing() {
    let key = key();
    let list = Revoked::parse(format!(" # {}\n", lists::key(public(&key))).into_bytes()).unwrap();
    assert!(!list.contains(public(&key)));
}

#[test]
fn a_list_that_ssh_could_not_read_is_refused_with_its_line() {
    assert_eq!(Revoked::parse(b"SSHKRL\n\0\0\0\0\x01".to_vec()).unwrap_err(), 1);
    assert_eq!(Revoked::parse(b"# fine\n\nssh-ed25519\n".to_vec()).unwrap_err(), 3);
    assert_eq!(Revoked::parse(b"dev-a is revoked\n".to_vec()).unwrap_err(), 1);
}

#[test]
fn a_private_key_is_its_owners_alone() {
    assert_eq!(exposed(1000, 0o100_600, 1000, 0o077), None);
    assert_eq!(exposed(1000, 0o100_400, 1000, 0o077), None);
    assert_eq!(exposed(1000, 0o100_640, 1000, 0o077), Some(Exposure::Mode(0o640)));
    assert_eq!(exposed(1000, 0o100_604, 1000, 0o077), Some(Exposure::Mode(0o604)));
    assert_eq!(exposed(0, 0o100_600, 1000, 0o077), Some(Exposure::Owner(0)));
}
