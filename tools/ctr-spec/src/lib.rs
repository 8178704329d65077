//! Describe the container that a git worktree gets.
