//! ctr-up(1).

fn main() {}
