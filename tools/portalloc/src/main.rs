//! portalloc(1).

fn main() {}
