//! Choose the dotfiles of a container and list them.
