//! sshcfg(1).

fn main() {}
