//! Tell all about one container.
