//! What a certificate must say, and whether one says it.

use std::str::FromStr;

use document::{Container, container};
use jiff::Timestamp;
use ssh_key::{
    Certificate, PrivateKey,
    certificate::{Builder, CertType},
    public::KeyData,
    rand_core::OsRng,
};

use crate::Error;

/// Seconds in a day.
const DAY: u64 = 24 * 60 * 60;

/// How long before it is made a certificate begins to be valid, in seconds,
/// for machines whose clocks are behind this one's.
const SKEW: u64 = 5 * 60;

/// The lifetime of a certificate where nobody says anything else, in days.
const DEFAULT: u32 = 730;

/// A certificate is renewed when less than this is left of it, in seconds, or
/// less than a tenth of a short one.
const MARGIN: u64 = 30 * DAY;

/// A certificate's lifetime in days, from 1 to 3650.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Days(u32);

impl Days {
    /// Returns `days` as a lifetime, if it is one.
    #[must_use]
    pub fn new(days: u32) -> Option<Self> {
        container::VALIDITY_DAYS.contains(&days).then_some(Self(days))
    }

    /// Returns the seconds from the beginning to the end of the validity.
    fn seconds(self) -> u64 {
        u64::from(self.0) * DAY + SKEW
    }
}

impl FromStr for Days {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().ok().and_then(Self::new).ok_or("expected a number from 1 to 3650")
    }
}

/// A certificate's serial number, and when it is valid.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Term {
    pub(crate) serial: u64,
    /// In seconds since 1970-01-01T00:00:00Z.
    pub(crate) after: u64,
    /// Likewise.
    pub(crate) before: u64,
}

impl Term {
    pub(crate) fn of(certificate: &Certificate) -> Self {
        let (after, before) = (certificate.valid_after(), certificate.valid_before());
        Self { serial: certificate.serial(), after, before }
    }
}

/// The certificate that a container should have.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub(crate) name: String,
    /// The lifetime in days that the command line asks for.
    pub(crate) said: Option<u32>,
    days: Days,
    now: u64,
    /// Whether the key is to be a new one, whatever there is.
    pub(crate) new_key: bool,
}

impl Wanted {
    /// Returns what the document asks for; `days` wins over what it says.
    pub fn new(container: &Container, days: Option<Days>, now: Timestamp) -> Result<Self, Error> {
        let name = container.name.clone();
        if !container::is_name(&name) {
            return Err(Error::BadName { name });
        }
        let said = days.map(|Days(days)| days);
        let days = container.ssh.as_ref().and_then(|ssh| ssh.validity_days).unwrap_or(DEFAULT);
        let days = said.unwrap_or(days);
        let days = Days::new(days).ok_or(Error::BadValidity { days })?;
        Ok(Self { name, said, days, now: crate::seconds(now), new_key: false })
    }

    /// Asks for a new key, and with it a new certificate, if `new_key` says so.
    ///
    /// The old certificate stays valid: it is for the same name, and whoever
    /// has the old key still is that container.
    #[must_use]
    pub fn anew(self, new_key: bool) -> Self {
        Self { new_key, ..self }
    }

    /// Says whether `certificate` is the wanted one, for `key`, signed by
    /// `authority`, valid now and for long enough.
    #[must_use]
    pub(crate) fn is_met_by(
        &self,
        certificate: &Certificate,
        key: &KeyData,
        authority: &KeyData,
    ) -> bool {
        let (after, before) = (certificate.valid_after(), certificate.valid_before());
        let margin = MARGIN.min(self.days.seconds() / 10);
        certificate.cert_type() == CertType::Host
            && certificate.valid_principals() == [self.name.as_str()]
            && certificate.key_id() == self.name
            && certificate.critical_options().is_empty()
            && certificate.public_key() == key
            && certificate.signature_key() == authority
            && before.checked_sub(after) == Some(self.days.seconds())
            && after <= self.now
            && self.now + margin <= before
            && certificate.verify_signature().is_ok()
    }

    /// Returns when a certificate is valid that is issued now.
    pub(crate) fn term(&self, serial: u64) -> Term {
        let after = self.now.saturating_sub(SKEW);
        Term { serial, after, before: after + self.days.seconds() }
    }

    /// Returns a new certificate for `key`, signed by `authority`.
    pub(crate) fn issue(
        &self,
        key: &KeyData,
        term: &Term,
        authority: &PrivateKey,
    ) -> ssh_key::Result<Certificate> {
        let &Term { serial, after, before } = term;
        let mut builder = Builder::new_with_random_nonce(&mut OsRng, key.clone(), after, before)?;
        builder.serial(serial)?.cert_type(CertType::Host)?;
        builder.key_id(&self.name)?.valid_principal(&self.name)?.comment(&self.name)?;
        builder.sign(authority)
    }
}

/// Returns a certificate's time as RFC 3339 in UTC, if it is one that has a
/// date; one that never ends has none.
pub(crate) fn moment(seconds: u64) -> Option<String> {
    let seconds = i64::try_from(seconds).ok()?;
    Timestamp::from_second(seconds).ok().map(|moment| moment.to_string())
}
