//! The container's sshd_config(5).

use document::Container;

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
    let mut environment = String::new();
    let own =
        [("CTRKIT_NAME", container.name.as_str()), ("CTRKIT_WORKSPACE", container.workspace()?)];
    let given = container.env.iter().map(|v| (v.name.as_str(), v.value.as_str()));
    for (name, value) in own.into_iter().chain(given) {
        let line = set_env(name, value);
        environment += &line.ok_or_else(|| Error::BadVariable { name: name.to_owned() })?;
    }
    Ok(format!(
        "# Written by ctr-up. A rebuild writes it again.\n\
         Port 22\n\
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
         {environment}\
         Include /etc/ssh/sshd_config.d/*.conf\n"
    ))
}

/// Returns a SetEnv line: a session of ssh does not inherit the environment
/// that the engine gives to the container's first process.
///
/// In double quotes sshd takes everything as it is, but for `"` and `\`,
/// which a backslash escapes (sshd_config(5), since OpenSSH 8.7). A line
/// break cannot be written.
fn set_env(name: &str, value: &str) -> Option<String> {
    if value.chars().any(char::is_control) {
        return None;
    }
    let value = value.replace('\\', "\\\\").replace('"', "\\\"");
    Some(format!("SetEnv \"{name}={value}\"\n"))
}
