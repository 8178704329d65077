//! Stop a container.
