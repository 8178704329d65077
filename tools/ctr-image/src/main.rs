//! ctr-image(1).

fn main() {}
