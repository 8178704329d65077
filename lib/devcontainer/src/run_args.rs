//! Options of `run`. Whatever is not here needs trust.

use document::labels::RESERVED;

use crate::danger::is_protection;

/// Options that take a value and give the container nothing of the machine.
const VALUES: [&str; 19] = [
    "--cap-drop",
    "--cpu-shares",
    "--cpus",
    "--dns",
    "--dns-search",
    "--domainname",
    "--hostname",
    "--memory",
    "--memory-reservation",
    "--memory-swap",
    "--name",
    "--pids-limit",
    "--restart",
    "--shm-size",
    "--stop-signal",
    "--stop-timeout",
    "--ulimit",
    "--workdir",
    "--tmpfs",
];

/// Options without a value, likewise.
const FLAGS: [&str; 3] = ["--init", "--no-healthcheck", "--read-only"];

/// Options of one letter, and what they stand for.
const SHORT: [(&str, &str); 5] = [
    ("-e", "--env"),
    ("-h", "--hostname"),
    ("-l", "--label"),
    ("-m", "--memory"),
    ("-w", "--workdir"),
];

/// What the document decides, and so is left out of a file's own options.
const DECIDED: [&str; 3] = ["--hostname", "--name", "--restart"];

/// One option, with its value if it has one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Option_ {
    /// Where it begins.
    pub(crate) index: usize,
    /// Its name: two hyphens, and no value.
    pub(crate) name: String,
    pub(crate) value: Option<String>,
    /// The arguments that it is made of.
    pub(crate) words: Vec<String>,
}

/// Takes `args` apart; what is not known stands for itself.
pub(crate) fn options(args: &[String]) -> Vec<Option_> {
    let mut options = Vec::new();
    let mut rest = args.iter().enumerate();
    while let Some((index, word)) = rest.next() {
        let (name, mut value) = match word.split_once('=') {
            Some((name, value)) if name.starts_with("--") => (name, Some(value.to_owned())),
            _ => (word.as_str(), None),
        };
        let long = SHORT.iter().find(|(short, _)| *short == name).map_or(name, |(_, long)| long);
        let mut words = vec![word.clone()];
        let takes_value = VALUES.contains(&long)
            || ["--env", "--label", "--add-host", "--security-opt"].contains(&long);
        if takes_value && value.is_none() {
            if let Some((_, next)) = rest.next() {
                value = Some(next.clone());
                words.push(next.clone());
            }
        }
        options.push(Option_ { index, name: long.to_owned(), value, words });
    }
    options
}

impl Option_ {
    /// Says whether the document decides it.
    pub(crate) fn is_decided(&self) -> bool {
        DECIDED.contains(&self.name.as_str())
    }

    /// Says why the option reaches more than a container of ctrkit's does.
    pub(crate) fn reaches(&self) -> Option<&'static str> {
        const WIDENS: &str = "it is not among the options that give nothing of this machine";
        let value = self.value.as_deref();
        let is_harmless = match (self.name.as_str(), value) {
            (name, None) => FLAGS.contains(&name),
            (name, Some("true" | "false")) if FLAGS.contains(&name) => true,
            ("--env", Some(value)) if !value.contains('=') => {
                return Some(
                    "without a value the variable is taken from this machine's environment",
                );
            }
            ("--env", Some(_)) => true,
            ("--label", Some(value)) => !RESERVED.iter().any(|own| value.starts_with(own)),
            ("--add-host", Some(value)) => !value.ends_with("host-gateway"),
            ("--security-opt", Some(value)) => is_protection(value),
            ("--tmpfs", Some(value)) => value.starts_with('/'),
            (name, Some(_)) => VALUES.contains(&name),
        };
        (!is_harmless).then_some(WIDENS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reaching(args: &[&str]) -> Vec<String> {
        let args: Vec<_> = args.iter().map(|&arg| arg.to_owned()).collect();
        let options = options(&args);
        options
            .iter()
            .filter(|option| option.reaches().is_some())
            .map(|it| it.words.join(" "))
            .collect()
    }

    #[test]
    fn limits_and_names_reach_nothing() {
        let args = [
            "--memory=2g",
            "--cpus",
            "2",
            "--init",
            "-e",
            "A=b",
            "--name",
            "x",
            "--shm-size=1g",
            "--security-opt=no-new-privileges",
            "--ulimit",
            "nofile=1:2",
            "--label=a=b",
            "--cap-drop",
            "ALL",
        ];
        assert_eq!(reaching(&args), [""; 0]);
    }

    #[test]
    fn what_is_not_known_reaches_the_machine() {
        for args in [
            &["--privileged"][..],
            &["--privileged=true"],
            &["--cap-add=SYS_PTRACE"],
            &["--cap-add", "ALL"],
            &["--device=/dev/kvm"],
            &["-v", "/:/host"],
            &["-v/:/host"],
            &["--volume=/:/host"],
            &["--mount", "type=bind,source=/,target=/host"],
            &["--network=host"],
            &["--net", "host"],
            &["--pid=host"],
            &["--ipc=host"],
            &["--uts=host"],
            &["--userns=host"],
            &["--security-opt", "seccomp=unconfined"],
            &["--env-file=/etc/environment"],
            &["-e", "AWS_SECRET_ACCESS_KEY"],
            &["--env=TOKEN"],
            &["-eTOKEN"],
            &["-p", "3000:3000"],
            &["--publish-all"],
            &["--gpus", "all"],
            &["--label=ctrkit.managed=true"],
            &["--add-host=x:host-gateway"],
            &["--restart"],
            &["--init", "-itd"],
            &["image"],
            &["--hostname", "x", "--privileged"],
            // The value of the first is the second, which is no option then.
            &["--memory=1g", "--annotation=x"],
        ] {
            assert!(!reaching(args).is_empty(), "{args:?}");
        }
        // A value is a value, whatever it looks like.
        assert_eq!(reaching(&["--name", "--privileged"]), [""; 0]);
    }
}
