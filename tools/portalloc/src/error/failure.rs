//! The kind, the exit status and the cure of each error.

use document::error::FailedCommand;
use toolkit::{Exit, Failure};

use crate::Error;

impl Failure for Error {
    fn kind(&self) -> &'static str {
        match self {
            Self::Part(part) => part.kind(),
            Self::Unadoptable(missing) => missing.kind(),
            Self::BadHash { .. } => "bad-project-hash",
            Self::BadService { .. } => "bad-service",
            Self::DuplicateService { .. } => "duplicate-service",
            Self::ServiceDiffers { .. } => "service-differs",
            Self::PortZero { .. } => "bad-port",
            Self::BadAddress { .. } => "bad-address",
            Self::NoBlocks => "bad-port-blocks",
            Self::NoStart { .. } => "missing-start",
            Self::DuplicatePort { .. } => "duplicate-port",
            Self::BeyondLastPort { .. } => "port-out-of-range",
            Self::PortDiffers { .. } => "port-differs",
            Self::PortHeld { .. } => "port-held",
            Self::PortTaken { .. } => "port-taken",
            Self::Exhausted { .. } => "range-exhausted",
            Self::SameVariable { .. } => "same-variable",
            Self::AmbiguousName { .. } => "ambiguous-name",
            Self::LedgerNewer { .. } => "ledger-newer",
            Self::LedgerBroken { .. } => "ledger-broken",
            Self::AddressNotHere { .. } => "address-not-here",
            Self::Probe { .. } => "cannot-look-for-listeners",
            Self::UnknownMachine { .. } => "unknown-engine-host",
            Self::Remote { .. } => "remote-unreachable",
            Self::RemoteAnswer { .. } => "remote-answer-unreadable",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Part(part) => part.exit(),
            Self::Unadoptable(missing) => missing.exit(),
            Self::BadHash { .. }
            | Self::BadService { .. }
            | Self::DuplicateService { .. }
            | Self::ServiceDiffers { .. }
            | Self::PortZero { .. }
            | Self::BadAddress { .. }
            | Self::NoBlocks
            | Self::NoStart { .. }
            | Self::DuplicatePort { .. }
            | Self::BeyondLastPort { .. }
            | Self::PortDiffers { .. }
            | Self::SameVariable { .. }
            | Self::AmbiguousName { .. }
            | Self::LedgerNewer { .. }
            | Self::UnknownMachine { .. } => Exit::DataErr,
            Self::PortHeld { .. }
            | Self::Exhausted { .. }
            | Self::LedgerBroken { .. }
            | Self::AddressNotHere { .. }
            | Self::Remote { .. } => Exit::Unavailable,
            Self::PortTaken { .. } => Exit::TempFail,
            Self::Probe { .. } | Self::RemoteAnswer { .. } => Exit::IoErr,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Part(part) => part.hint(),
            other => other.own_hint(),
        }
    }

    fn command(&self) -> Option<FailedCommand> {
        match self {
            Self::Part(part) => part.command(),
            Self::LedgerBroken { source, .. } => source.command(),
            Self::Remote { failed, .. } => Some(FailedCommand::clone(failed)),
            _ => None,
        }
    }
}

impl Error {
    fn own_hint(&self) -> Option<String> {
        let hint = match self {
            // This tool fills them in, but not here.
            Self::Unadoptable(_) => "ctr-adopt writes such a document",
            Self::ServiceDiffers { .. } => "leave --service out, or say the same",
            Self::BadAddress { .. } => "say one like 127.0.0.1",
            Self::NoBlocks => "leave it out, or say --blocks 100",
            Self::NoStart { .. } => "say where its range of host ports begins",
            Self::BeyondLastPort { .. } | Self::PortTaken { .. } => {
                "choose another start for it, or stop what listens there"
            }
            Self::PortDiffers { key, .. } => return Some(differs(key)),
            Self::PortHeld { .. } => "see all of them: portalloc --list",
            Self::Exhausted { .. } => {
                "give up what is not needed any more: portalloc --gc; or widen the ranges: \
                 --blocks 200"
            }
            Self::SameVariable { .. } => "rename one",
            Self::AmbiguousName { .. } => "say one of the keys",
            Self::LedgerNewer { .. } => "update this ctrkit",
            Self::LedgerBroken { path, .. } => return Some(broken(path)),
            Self::AddressNotHere { .. } => "see the addresses: ip address",
            Self::UnknownMachine { .. } => "only ssh://[user@]server[:port][/socket] can be asked",
            Self::Remote { .. } => "ssh must get there without a question, and find ss(8) there",
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

fn differs(key: &str) -> String {
    format!("take 'host' out of the document, or give up the other: portalloc --release {key}")
}

fn broken(path: &std::path::Path) -> String {
    format!(
        "start the engine, or name the one that runs: --engine podman; to begin anew: rm {}",
        shell_words::quote(&path.display().to_string())
    )
}
