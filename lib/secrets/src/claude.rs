//! Where the token of Claude Code is looked for.

use std::path::{Path, PathBuf};

use etcetera::base_strategy::{BaseStrategy, Xdg};

/// What the file is called, and what predecessors of ctrkit called it.
const NAMES: [&str; 2] = [".ctrkit-claude-token", ".devagent-claude-token"];

/// Returns the files that the token may be in, in the order in which they are
/// looked for: `claude` in `$XDG_CONFIG_HOME`, then `~/.claude`. Where there is
/// no home, there are none.
#[must_use]
pub fn usual_files() -> Vec<PathBuf> {
    let Ok(xdg) = Xdg::new() else { return Vec::new() };
    in_order(&xdg.config_dir(), xdg.home_dir())
}

fn in_order(config: &Path, home: &Path) -> Vec<PathBuf> {
    let places = [config.join("claude"), home.join(".claude")];
    NAMES.iter().flat_map(|name| places.each_ref().map(|place| place.join(name))).collect()
}

/// Returns the file that has the token where nothing else is said, if it is
/// there. A link that leads nowhere was put there by somebody: it is not absent.
#[must_use]
pub fn usual_file() -> Option<PathBuf> {
    usual_files().into_iter().find(|path| path.symlink_metadata().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ones_own_file_is_looked_for_first_and_then_the_predecessors() {
        let files = in_order(Path::new("/c"), Path::new("/h"));
        let expected = [
            "/c/claude/.ctrkit-claude-token",
            "/h/.claude/.ctrkit-claude-token",
            "/c/claude/.devagent-claude-token",
            "/h/.claude/.devagent-claude-token",
        ];
        assert_eq!(files, expected.map(PathBuf::from));
    }
}
