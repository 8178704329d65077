//! ctr-spec(1).

fn main() {}
