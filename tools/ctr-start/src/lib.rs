//! Start a container.
