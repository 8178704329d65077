//! Draw progress events for a person.
