//! Git, called so that nothing but the command line says what it does.

use std::process::Command;

/// Variables that would make git look for another repository, as a hook that
/// runs us has them (githooks(5)), or call other programs (git(1)).
///
/// `GIT_CONFIG_COUNT` is not among them: settings that a person keeps there hold
/// as those of their files do, and what is given by `-c` wins over both.
const ASTRAY: [&str; 15] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_COMMON_DIR",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
    "GIT_SHALLOW_FILE",
    "GIT_CONFIG",
    "GIT_CONFIG_PARAMETERS",
    "GIT_EXTERNAL_DIFF",
    "GIT_DIFF_OPTS",
    "GIT_SSH",
    "GIT_PROXY_COMMAND",
];

/// Settings with which git runs nothing by itself that may be a file of the
/// worktree, and so one that came out of a container.
pub const STILL: [&str; 2] = ["core.hooksPath=/dev/null", "core.fsmonitor=false"];

/// Settings with which git asks nobody, and begins no other work than it is asked
/// for, whatever the configuration says.
pub const ALONE: [&str; 8] = [
    "core.editor=false",
    "core.askPass=",
    "credential.helper=",
    "gc.auto=0",
    "maintenance.auto=false",
    "protocol.ext.allow=never",
    "submodule.recurse=false",
    "fetch.recurseSubmodules=no",
];

/// Makes `git`, or what runs it, deaf to variables that lead it astray.
pub fn deafen(git: &mut Command) -> &mut Command {
    for variable in ASTRAY {
        git.env_remove(variable);
    }
    git
}

/// Returns git without arguments, deaf and [still](STILL), which speaks English
/// and shows no pages.
#[must_use]
pub fn git() -> Command {
    let mut git = Command::new("git");
    deafen(&mut git).env("LC_ALL", "C").env("GIT_TERMINAL_PROMPT", "0").arg("--no-pager");
    for setting in STILL {
        git.args(["-c", setting]);
    }
    git
}

/// Reads the output of `git config --list -z`: `KEY<newline>VALUE<NUL>`. A key
/// without a value has an empty one.
pub fn settings(list: &str) -> impl Iterator<Item = (&str, &str)> {
    list.split_terminator('\0').map(|entry| entry.split_once('\n').unwrap_or((entry, "")))
}

/// Returns the calls that remove the remote `remote`, each the arguments of one.
///
/// `git remote remove` does the same, and runs the repository's hooks meanwhile: it
/// does not read `core.hooksPath` (git 2.47). `refs` are the names of the remote's
/// references, a line each, and `list` is the output of `git config --list -z`.
#[must_use]
pub fn removal(remote: &str, refs: &str, list: &str) -> Vec<Vec<String>> {
    let call = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
    let mut calls: Vec<_> =
        refs.lines().map(|name| call(&["update-ref", "--no-deref", "-d", name])).collect();
    let is_upstream = |key: &str| key.starts_with("branch.") && key.ends_with(".remote");
    for (key, _) in settings(list).filter(|(key, value)| is_upstream(key) && *value == remote) {
        let branch = key.strip_suffix(".remote").unwrap_or(key);
        let has_merge = settings(list).any(|(key, _)| key == format!("{branch}.merge"));
        let keys = [Some("remote"), has_merge.then_some("merge")];
        let unset = |name| call(&["config", "--local", "--unset-all", &format!("{branch}.{name}")]);
        calls.extend(keys.into_iter().flatten().map(unset));
    }
    // Last: it is by its section that a run which was killed finds the rest.
    calls.push(call(&["config", "--local", "--remove-section", &format!("remote.{remote}")]));
    calls
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_the_environment_leads_git_astray() {
        let elsewhere = tempfile::tempdir().unwrap();
        let mut git = git();
        git.current_dir(elsewhere.path()).args(["rev-parse", "--git-dir"]);
        // As in a hook: git would take it, and does not if it is taken away.
        for variable in ASTRAY {
            git.env(variable, "/nowhere");
        }
        deafen(&mut git);
        let is_set = |(name, value): (&std::ffi::OsStr, Option<&std::ffi::OsStr>)| {
            ASTRAY.iter().any(|variable| name == *variable) && value.is_some()
        };
        assert!(!git.get_envs().any(is_set));
        let words = git.output().unwrap().stderr;
        assert!(String::from_utf8_lossy(&words).contains("not a git repository"));
    }

    #[test]
    fn a_remote_is_removed_as_git_does_it_and_no_hook_is_run() {
        let directory = tempfile::tempdir().unwrap();
        let run = |args: &[String]| {
            let output = git().arg("-C").arg(directory.path()).args(args).output().unwrap();
            let words = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success(), "{args:?}: {words}");
            String::from_utf8(output.stdout).unwrap()
        };
        let line = |line: &str| run(&line.split(' ').map(str::to_owned).collect::<Vec<_>>());
        line("init -q -b main");
        line("-c user.name=a -c user.email=a@b commit -q --allow-empty -m x");
        let config = std::fs::read(directory.path().join(".git/config")).unwrap();
        line("remote add dev-a dev-a:/x");
        line("update-ref refs/remotes/dev-a/main HEAD");
        line("symbolic-ref refs/remotes/dev-a/HEAD refs/remotes/dev-a/main");
        line("branch --quiet --set-upstream-to=dev-a/main");
        let hook = directory.path().join(".git/hooks/reference-transaction");
        std::fs::write(&hook, "#!/bin/sh\nexit 1\n").unwrap();
        let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&hook, executable).unwrap();
        let refs = line("for-each-ref --format=%(refname) refs/remotes/dev-a/");
        removal("dev-a", &refs, &line("config --list -z")).iter().for_each(|call| drop(run(call)));
        assert_eq!(line("for-each-ref --format=%(refname)"), "refs/heads/main\n");
        assert_eq!(std::fs::read(directory.path().join(".git/config")).unwrap(), config);
    }

    #[test]
    fn settings_have_keys_and_values() {
        let list = "a.b\nx\ny\0a.c\0";
        assert_eq!(settings(list).collect::<Vec<_>>(), [("a.b", "x\ny"), ("a.c", "")]);
    }
}
