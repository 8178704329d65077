//! The variables of a file that is filled in.

use document::Container;

/// How a variable without a value gets one.
const CLAUDE: &str = "pipe the document through claudecfg first";
const SPEC: &str = "pipe the document of ctr-spec --template NAME in";

/// Where the proxy listens, as mkcompose(1) sets it up.
const PROXY_PORT: &str = "8080";

/// The proxy's image, where the document names none.
const PROXY_IMAGE: &str = "localhost/ctrkit-proxy:latest";

/// Makes a container trust the authority of its proxy, whose certificate is
/// mounted where devagent's templates have it; fails where it does not come.
const INSTALL: &str = "n=0; until [ -s /tmp/mitmproxy-certs/mitmproxy-ca-cert.pem ]; do n=$((n + 1)); \
     [ $n -le 60 ] || exit 1; sleep 0.5; done; \
     sudo cp /tmp/mitmproxy-certs/mitmproxy-ca-cert.pem \
     /usr/local/share/ca-certificates/ctrkit-proxy.crt && sudo update-ca-certificates";

/// What stands for no token: a file that is there and has nothing in it.
const NO_TOKEN: &str = "/dev/null";

/// All names, sorted: those of devagent's templates.
const NAMES: [&str; 12] = [
    "CertInstallCommand",
    "ClaudeConfigDir",
    "ClaudeTokenPath",
    "ContainerName",
    "ProjectHash",
    "ProjectName",
    "ProjectPath",
    "ProxyImage",
    "ProxyPort",
    "RemoteUser",
    "TemplateName",
    "WorkspaceFolder",
];

/// What each variable stands for.
#[derive(Clone, Debug, Default)]
pub struct Variables(Vec<(&'static str, Result<String, &'static str>)>);

impl Variables {
    /// Returns what `container` says.
    #[must_use]
    pub fn of(container: &Container) -> Self {
        let project = &container.project;
        let text = |value: Option<&str>, cure| value.map(str::to_owned).ok_or(cure);
        let claude = container.claude.as_ref();
        let directory = claude.and_then(|claude| claude.directory.as_ref()?.to_str());
        let token = claude.map(|claude| match &claude.token_file {
            Some(file) => file.to_str(),
            None => Some(NO_TOKEN),
        });
        let template = container.template.as_ref();
        let isolation = container.isolation.as_ref();
        let image = isolation.and_then(|isolation| isolation.image.as_deref());
        Self(vec![
            ("CertInstallCommand", Ok(INSTALL.to_owned())),
            ("ClaudeConfigDir", text(directory, CLAUDE)),
            ("ClaudeTokenPath", text(token.flatten(), CLAUDE)),
            ("ContainerName", Ok(container.name.clone())),
            ("ProjectHash", Ok(project.hash.clone())),
            ("ProjectName", Ok(project.name.clone())),
            ("ProjectPath", text(project.path.to_str(), "rename the directory")),
            ("ProxyImage", Ok(image.unwrap_or(PROXY_IMAGE).to_owned())),
            ("ProxyPort", Ok(PROXY_PORT.to_owned())),
            ("RemoteUser", text(container.user.as_deref(), SPEC)),
            ("TemplateName", text(template.map(|template| template.name.as_str()), SPEC)),
            ("WorkspaceFolder", text(container.workspace.as_deref(), SPEC)),
        ])
    }

    /// Returns variables with the values of `pairs`, and the others without.
    ///
    /// Names that are none are left out.
    #[must_use]
    pub fn from_pairs(pairs: &[(&str, &str)]) -> Self {
        let value = |name| {
            let pair = pairs.iter().find(|(given, _)| *given == name);
            pair.map(|(_, value)| (*value).to_owned()).ok_or(SPEC)
        };
        Self(NAMES.into_iter().map(|name| (name, value(name))).collect())
    }

    /// Returns the variable's name and what it stands for, or how it gets a
    /// value; none where there is no such variable.
    pub(super) fn find(&self, name: &str) -> Option<(&'static str, Result<&str, &'static str>)> {
        let (name, value) = self.0.iter().find(|(known, _)| *known == name)?;
        Some((name, value.as_deref().map_err(|cure| *cure)))
    }
}

/// Returns the variable whose name resembles `name`.
pub(super) fn like(name: &str) -> Option<&'static str> {
    let letters = |text: &str| text.to_lowercase().replace(['_', '-', ' '], "");
    let name = letters(name);
    NAMES.into_iter().find(|known| {
        let known = letters(known);
        known == name || (name.len() > 3 && (known.starts_with(&name) || name.starts_with(&known)))
    })
}
