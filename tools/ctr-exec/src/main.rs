//! ctr-exec(1).

fn main() {}
