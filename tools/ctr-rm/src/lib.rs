//! Remove a container and what was made for it.
