//! List the containers.
