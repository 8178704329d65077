//! The container's sshd_config(5).

use document::Container;
use indexmap::IndexMap;

use crate::Error;

/// Where the configuration goes.
pub(crate) const CONFIG: &str = "/etc/ssh/sshd_config";

/// Where the key that `ctr-up` authorises goes: not into the home volume,
/// where a person may keep keys of their own.
pub(crate) const AUTHORIZED_KEYS: &str = "/etc/ssh/ctrkit/authorized_keys";

/// Returns the text of the configuration.
///
/// Every session knows by `CTRKIT_WORKSPACE` where the code is, so that a
/// command that goes there is the same for all containers.
///
/// The Include comes last: for most keywords the first value counts, and
/// nothing that an image brings may turn these off.
pub(crate) fn config(container: &Container) -> Result<String, Error> {
    let user = container.user()?;
    let root = if user == "root" { "prohibit-password" } else { "no" };
    let port = container.port("ssh").map_or(22, |port| port.container);
    let environment = environment(container)?;
    Ok(format!(
        "# Written by ctr-up. A rebuild writes it again.\n\
         Port {port}\n\
         AddressFamily any\n\
         PidFile /run/sshd.pid\n\
         HostKey /etc/ssh/ssh_host_ed25519_key\n\
         HostCertificate /etc/ssh/ssh_host_ed25519_key-cert.pub\n\
         AuthorizedKeysFile {AUTHORIZED_KEYS} .ssh/authorized_keys\n\
         AllowUsers {user}\n\
         PermitRootLogin {root}\n\
         PubkeyAuthentication yes\n\
         PasswordAuthentication no\n\
         KbdInteractiveAuthentication no\n\
         UsePAM yes\n\
         UseDNS no\n\
         X11Forwarding no\n\
         PrintMotd no\n\
         ClientAliveInterval 60\n\
         ClientAliveCountMax 3\n\
         StreamLocalBindUnlink yes\n\
         AcceptEnv LANG LC_* COLORTERM\n\
         Subsystem sftp internal-sftp\n\
         SetEnv {environment}\n\
         Include /etc/ssh/sshd_config.d/*.conf\n"
    ))
}

/// Returns the arguments of SetEnv: a session of ssh does not inherit the
/// environment that the engine gives to the container's first process.
///
/// They stand in one line, because only the first counts. Of a variable that
/// is there twice the last one counts, as it does for the engine.
fn environment(container: &Container) -> Result<String, Error> {
    let mut variables: IndexMap<&str, &str> =
        container.env.iter().map(|v| (v.name.as_str(), v.value.as_str())).collect();
    variables.insert("CTRKIT_NAME", &container.name);
    variables.insert("CTRKIT_WORKSPACE", container.workspace()?);
    let words = variables.into_iter().map(|(name, value)| {
        set_env(name, value).ok_or_else(|| Error::BadVariable { name: name.to_owned() })
    });
    Ok(words.collect::<Result<Vec<_>, _>>()?.join(" "))
}

/// Returns one argument of SetEnv.
///
/// In double quotes sshd takes everything as it is, but for `"` and `\`,
/// which a backslash escapes (sshd_config(5), since OpenSSH 8.7). A line
/// break cannot be written.
fn set_env(name: &str, value: &str) -> Option<String> {
    let text = format!("{name}={value}");
    if text.contains(|c: char| c.is_control() && c != '\t') {
        return None;
    }
    Some(format!("\"{}\"", text.replace('\\', r"\\").replace('"', r#"\""#)))
}
