//! dotfiles(1).

fn main() {}
