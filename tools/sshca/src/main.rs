//! sshca(1).

fn main() {}
