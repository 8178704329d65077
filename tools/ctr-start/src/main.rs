//! ctr-start(1).

fn main() {}
