//! ctr-progress(1).

fn main() {}
