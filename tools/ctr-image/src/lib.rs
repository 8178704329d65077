//! Make the base image when it is missing.
