//! The certificates of a bundle.

use std::{fs, path::Path};

use toolkit::files::FileError;

use crate::Error;

/// The lines around a certificate (RFC 7468 section 5.1).
const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// Returns the certificates in `bundle`, each with its two lines.
///
/// Whatever else the file holds, such as a private key, is left out.
pub(crate) fn split(bundle: &str) -> Vec<&str> {
    let mut rest = bundle;
    let mut certificates = Vec::new();
    while let Some(begin) = rest.find(BEGIN) {
        rest = &rest[begin..];
        let Some(end) = rest.find(END) else { break };
        let (certificate, after) = rest.split_at(end + END.len());
        certificates.push(certificate);
        rest = after;
    }
    certificates
}

/// Reads the bundle at `path`, which must hold at least one certificate.
pub(crate) fn read(path: &Path) -> Result<String, Error> {
    let bytes = fs::read(path).map_err(FileError::reading(path))?;
    let bundle = String::from_utf8_lossy(&bytes).into_owned();
    match split(&bundle).is_empty() {
        true => Err(Error::NoCertificate { path: path.to_owned() }),
        false => Ok(bundle),
    }
}
