//! ctr-ls(1).

fn main() {}
