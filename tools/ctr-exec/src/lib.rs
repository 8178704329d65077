//! Run a command in a container as its user in its workspace.
