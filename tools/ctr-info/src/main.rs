//! ctr-info(1).

fn main() {}
