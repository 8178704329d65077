//! Exit statuses, and the ways of dying that are not an exit.

use std::process::ExitCode;

use nix::sys::signal::{SigHandler, Signal, raise, signal};

/// An exit status from the table in ctrkit(7).
///
/// The numbers are those of sysexits.h. The list is closed: a tool that
/// needs a finer distinction makes it in [`Failure::kind`](crate::Failure::kind).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Exit {
    /// It is done.
    Success,
    /// The answer is no; only of tools that answer a question.
    No,
    /// The command line is wrong.
    Usage,
    /// The input document is malformed or breaks a rule.
    DataErr,
    /// An input file is absent or unreadable.
    NoInput,
    /// Something that the tool needs is absent: a program, a daemon, a port.
    Unavailable,
    /// A bug in the tool.
    Software,
    /// Reading or writing failed.
    IoErr,
    /// It may work if tried again.
    TempFail,
    /// The caller lacks a permission.
    NoPerm,
    /// Nobody reads standard output any more: not reported, but died of.
    Sigpipe,
    /// A signal asked the tool to end, which it did after cleaning up.
    Signal(i32),
    /// The status of the program that was run in the tool's stead.
    Child(u8),
}

impl Exit {
    /// Returns the number that the parent process sees.
    #[must_use]
    pub fn status(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::No => 1,
            Self::Usage => 64,
            Self::DataErr => 65,
            Self::NoInput => 66,
            Self::Unavailable => 69,
            Self::Software => 70,
            Self::IoErr => 74,
            Self::TempFail => 75,
            Self::NoPerm => 77,
            Self::Sigpipe => 141,
            Self::Signal(number) => u8::try_from(number).map_or(70, |number| 128 | number),
            Self::Child(status) => status,
        }
    }

    /// Ends the process: by its signal where there is one, else by its status.
    pub(crate) fn end(self) -> ExitCode {
        match self {
            Self::Sigpipe => die_of(Signal::SIGPIPE),
            Self::Signal(number) => {
                if let Ok(signal) = Signal::try_from(number) {
                    die_of(signal);
                }
            }
            _ => {}
        }
        ExitCode::from(self.status())
    }
}

/// Ends the process the way Unix programs end that do not handle `number`.
///
/// By now destructors have run and everything is cleaned up; the parent
/// nevertheless sees a death by the signal, so that a shell's loop ends too.
#[expect(unsafe_code, reason = "signal(2) is only offered as an unsafe function")]
fn die_of(number: Signal) {
    // SAFETY: SIG_DFL installs no handler, so no code can run in signal
    // context, and no other thread of a tool sets this disposition.
    let restored = unsafe { signal(number, SigHandler::SigDfl) };
    let _ = restored.and_then(|_| raise(number));
}
