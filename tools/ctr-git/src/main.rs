//! ctr-git(1).

fn main() {}
