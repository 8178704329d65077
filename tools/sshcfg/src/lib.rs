//! Keep the container's block in the user's ssh configuration.
