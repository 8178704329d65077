//! Carry the code between a worktree and its container.
