//! ctr-stop(1).

fn main() {}
