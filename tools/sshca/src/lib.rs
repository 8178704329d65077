//! Keep a file-only SSH certificate authority and certify this container's host key.
