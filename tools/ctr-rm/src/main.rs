//! ctr-rm(1).

fn main() {}
