//! Doing the same to several things, where one that fails is no reason to
//! leave the others.

use crate::{ErrorFormat, Exit, Failure, failure, warn};

/// Does `work` to each of `items` and returns what came of all of them, or
/// the first error.
///
/// Every further error is written as a warning when it happens. A signal that
/// asks the tool to end ends the work at once.
pub fn each<I: IntoIterator, T, E: Failure>(
    tool: &str,
    format: ErrorFormat,
    items: I,
    mut work: impl FnMut(I::Item) -> Result<T, E>,
) -> Result<Vec<T>, E> {
    let mut first = None;
    let mut done = Vec::new();
    for item in items {
        match work(item) {
            Ok(result) => done.push(result),
            Err(error) if matches!(error.exit(), Exit::Signal(_)) => return Err(error),
            Err(error) if first.is_none() => first = Some(error),
            Err(error) => warn(tool, format, &failure::chain(&error)),
        }
    }
    first.map_or(Ok(done), Err)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Interrupted;

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Refused(i32);

    impl Failure for Refused {
        fn kind(&self) -> &'static str {
            "refused"
        }

        fn exit(&self) -> Exit {
            if self.0 < 0 { Interrupted(2).exit() } else { Exit::DataErr }
        }
    }

    #[track_caller]
    fn check(items: &[i32], tried: &[i32], expected: Result<Vec<i32>, i32>) {
        let mut seen = Vec::new();
        let result = each("t", ErrorFormat::Json, items, |item| {
            seen.push(*item);
            if item % 2 == 0 { Ok(*item) } else { Err(Refused(*item)) }
        });
        assert_eq!(seen, tried);
        assert_eq!(result.map_err(|error| error.0), expected);
    }

    #[test]
    fn all_are_tried_and_the_first_error_is_returned() {
        check(&[2, 4], &[2, 4], Ok(vec![2, 4]));
        check(&[2, 3, 4, 5], &[2, 3, 4, 5], Err(3));
    }

    #[test]
    fn a_signal_ends_it_at_once() {
        check(&[3, -1, 4], &[3, -1], Err(-1));
    }
}
