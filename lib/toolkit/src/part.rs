//! A failure that is not a tool's own.

use std::{error::Error, fmt};

use document::error::FailedCommand;

use crate::{Exit, Failure};

/// The failure of something that several tools have, such as the configuration,
/// an engine, a document or a file. It tells all about itself.
///
/// A tool's error has one variant for all of them, and
/// [`parts!`](crate::parts) says which they are.
#[derive(Debug)]
pub struct Part(Box<dyn Failure + Send + Sync>);

impl Part {
    /// Returns the failure as one of a part.
    pub fn of(failure: impl Failure + Send + Sync) -> Self {
        Self(Box::new(failure))
    }
}

impl fmt::Display for Part {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl Error for Part {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

impl Failure for Part {
    fn kind(&self) -> &'static str {
        self.0.kind()
    }

    fn exit(&self) -> Exit {
        self.0.exit()
    }

    fn hint(&self) -> Option<String> {
        self.0.hint()
    }

    fn command(&self) -> Option<FailedCommand> {
        self.0.command()
    }
}

/// Lets `?` make an error's variant `Part` of each of the failures.
///
/// ```
/// use document::container::Missing;
/// use toolkit::{Part, PlacesError};
///
/// #[derive(Debug, thiserror::Error)]
/// enum Error {
///     #[error(transparent)]
///     Part(Part),
/// }
///
/// toolkit::parts!(Error: Missing, PlacesError);
///
/// let error = Error::from(Missing("image"));
/// assert_eq!(error.to_string(), "the document has no 'image', which this tool needs");
/// ```
#[macro_export]
macro_rules! parts {
    ($error:ident: $($failure:ty),+ $(,)?) => {
        $(impl From<$failure> for $error {
            fn from(failure: $failure) -> Self {
                Self::Part($crate::Part::of(failure))
            }
        })+
    };
}
