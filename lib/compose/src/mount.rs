//! What is mounted into a service.

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::{
    Base,
    at::{At, Checked, gather},
    limit, place,
};

/// Directories of the container that its isolation or its engine need.
const KEPT: [&str; 4] = ["/dev", "/etc/ctrkit", "/proc", "/sys"];

/// What may be mounted into one service.
pub(crate) struct Mounts<'a> {
    pub(crate) base: &'a Base<'a>,
    /// The volumes that the file declares.
    pub(crate) volumes: &'a [&'a str],
    /// Where the model has mounts of its own.
    pub(crate) taken: Vec<&'a str>,
}

/// A mount, before it is known what its source is.
struct Mount<'a> {
    kind: Option<String>,
    source: Option<(At<'a>, String)>,
    target: String,
    read_only: bool,
    size: Option<Value>,
    no_copy: Option<bool>,
}

impl Mounts<'_> {
    /// Checks `volumes`.
    pub(crate) fn volumes(&self, at: &At<'_>) -> Checked<Value> {
        let mut targets = Vec::new();
        let mounts = gather(at.list()?.into_iter().map(|item| {
            let mount = if item.is_table() { self.long(&item)? } else { self.short(&item)? };
            once(&item, &mut targets, &mount.target)?;
            self.mount(&item, mount)
        }))?;
        Ok(Value::Array(mounts))
    }

    /// Checks `tmpfs`, whose items are `TARGET[:OPTIONS]`.
    pub(crate) fn tmpfs(&self, at: &At<'_>) -> Checked<Value> {
        let mut targets = Vec::new();
        let mounts = gather(at.texts()?.into_iter().map(|(item, text)| {
            let (target, options) = text.split_once(':').unwrap_or((&text, ""));
            self.target(&item, target)?;
            once(&item, &mut targets, target)?;
            for option in options.split(',').filter(|_| !options.is_empty()) {
                tmpfs_option(&item, option)?;
            }
            Ok(json!(text))
        }))?;
        Ok(Value::Array(mounts))
    }

    /// Reads `SOURCE:TARGET[:OPTIONS]`.
    fn short<'a>(&self, at: &At<'a>) -> Checked<Mount<'a>> {
        let text = at.text()?;
        let parts: Vec<_> = text.split(':').collect();
        let (source, target, options) = match parts.as_slice() {
            [_] => return Err(nameless(at)),
            [source, target] => (*source, *target, ""),
            [source, target, options] => (*source, *target, *options),
            _ => {
                return Err(at.refused(
                    "it has more than source, target and options",
                    "a path with a colon cannot be mounted; name another",
                ));
            }
        };
        let mut read_only = false;
        for option in options.split(',').filter(|_| !options.is_empty()) {
            match option {
                "ro" => read_only = true,
                "rw" => {}
                _ => {
                    return Err(at.refused(
                        format!("the option '{option}' changes more than what is mounted"),
                        "the options are ro and rw",
                    ));
                }
            }
        }
        self.target(at, target)?;
        Ok(Mount {
            kind: None,
            source: Some((at.clone(), source.to_owned())),
            target: target.to_owned(),
            read_only,
            size: None,
            no_copy: None,
        })
    }

    /// Reads a mount that is a map.
    fn long<'a>(&self, at: &At<'a>) -> Checked<Mount<'a>> {
        let mut mount = Mount {
            kind: None,
            source: None,
            target: String::new(),
            read_only: false,
            size: None,
            no_copy: None,
        };
        for (key, value) in at.table()? {
            match key {
                "type" => mount.kind = Some(value.text()?),
                "source" => mount.source = Some((value.clone(), value.text()?)),
                "target" => {
                    mount.target = value.text()?;
                    self.target(&value, &mount.target)?;
                }
                "read_only" => mount.read_only = value.boolean()?,
                "bind" => no_bind_options(&value)?,
                "tmpfs" => mount.size = self.tmpfs_size(&value)?,
                "volume" => mount.no_copy = volume_options(&value)?,
                _ => {
                    return Err(value.refused(
                        "it is not known what it would do",
                        "a mount has type, source, target and read_only",
                    ));
                }
            }
        }
        if mount.target.is_empty() {
            return Err(at.refused("the mount has no target", "write target: /a/path"));
        }
        if mount.kind.is_none() {
            return Err(at.refused("the mount has no type", "write type: volume, bind or tmpfs"));
        }
        Ok(mount)
    }

    /// Returns a mount as the model has it.
    fn mount(&self, at: &At<'_>, mount: Mount<'_>) -> Checked<Value> {
        let mut out = Map::new();
        let Mount { kind, source, target, read_only, size, no_copy } = mount;
        match (kind.as_deref(), source) {
            (Some("tmpfs"), None) => {
                out.insert("type".into(), json!("tmpfs"));
                if let Some(size) = size {
                    out.insert("tmpfs".into(), json!({ "size": size }));
                }
            }
            (Some("tmpfs"), Some((source, _))) => {
                return Err(source.refused("memory has no source", "take it out"));
            }
            (Some("volume") | None, Some((at, name))) if kind.is_some() || !is_path(&name) => {
                self.declared(&at, &name)?;
                out.insert("type".into(), json!("volume"));
                out.insert("source".into(), json!(name));
                if let Some(no_copy) = no_copy {
                    out.insert("volume".into(), json!({ "nocopy": no_copy }));
                }
            }
            (Some("bind") | None, Some((at, source))) => {
                let source = self.bind(&at, &source, read_only)?;
                out.insert("type".into(), json!("bind"));
                out.insert("source".into(), json!(source));
                // An engine would make a directory on the host, as root.
                out.insert("bind".into(), json!({ "create_host_path": false }));
            }
            (_, None) => return Err(nameless(at)),
            (Some(other), _) => {
                return Err(at.refused(
                    format!("mounts of the type '{other}' bring in what is not the project's"),
                    "the types are volume, bind and tmpfs",
                ));
            }
        }
        out.insert("target".into(), json!(target));
        if read_only {
            out.insert("read_only".into(), json!(true));
        }
        Ok(Value::Object(out))
    }

    fn declared(&self, at: &At<'_>, name: &str) -> Checked<()> {
        if self.volumes.contains(&name) {
            return Ok(());
        }
        Err(at.refused(
            format!("the file declares no volume '{name}', and others' are not to be mounted"),
            format!("write '{name}:' under 'volumes' at the file's end"),
        ))
    }

    /// Returns the absolute path of a directory of the project.
    fn bind(&self, at: &At<'_>, source: &str, read_only: bool) -> Checked<String> {
        if !self.base.engine_is_here {
            return Err(at.refused(
                "the engine is on another machine, which has not this project",
                "use a volume, and bring files in by git",
            ));
        }
        let path = place::beneath(self.base.project, source)
            .map_err(|wrong| at.refused(wrong.reason, wrong.cure))?;
        // A link that the container puts in its place would lead anywhere.
        if let Some(writable) = self.base.writable().find(|writable| path.starts_with(writable)) {
            return Err(at.refused(
                format!("it lies in {writable}, which the container can write"),
                "take it out; it is in the container already",
            ));
        }
        if !read_only {
            return Err(at.refused(
                "what the container writes there, such as a hook, a link or a set-uid program, \
                 would be on the host",
                "append ':ro', or say read_only: true; what is to be written goes to a volume",
            ));
        }
        match path.to_str().filter(|path| is_mountable(path)) {
            Some(path) => Ok(path.to_owned()),
            None => Err(at.refused(
                format!("not all tools can mount '{}'", path.display()),
                "the path may have no colon, comma, quote, backslash or control character",
            )),
        }
    }

    /// Makes sure that a target in the container is one, and free.
    fn target(&self, at: &At<'_>, target: &str) -> Checked<()> {
        let path = Path::new(target);
        let is_whole = target.split('/').skip(1).all(|part| !matches!(part, "" | "." | ".."));
        if !target.starts_with('/') || target == "/" || !is_whole || !is_mountable(target) {
            return Err(at.refused(
                format!("'{target}' is no place for a mount"),
                "write an absolute path in the container, such as /var/lib/data",
            ));
        }
        let meets = |kept: &&&str| path.starts_with(kept) || Path::new(kept).starts_with(path);
        if let Some(kept) = KEPT.iter().find(meets) {
            return Err(at.refused(
                format!("the container's {kept} would be another"),
                "mount it somewhere else",
            ));
        }
        if let Some(taken) = self.taken.iter().find(|taken| Path::new(taken).starts_with(path)) {
            return Err(at.refused(
                format!("it would hide the container's own mount at {taken}"),
                "mount it below that, or somewhere else",
            ));
        }
        Ok(())
    }

    fn tmpfs_size(&self, at: &At<'_>) -> Checked<Option<Value>> {
        let mut size = None;
        for (key, value) in at.table()? {
            match key {
                "size" => size = Some(limit::size(&value, self.base.app_key("mem_limit"))?),
                _ => return Err(value.refused("it is not known what it would do", "take it out")),
            }
        }
        Ok(size)
    }
}

/// Says whether engines and both tools take `path` in a mount as it is: their
/// notations separate by colons and commas, and one is CSV with quotes.
#[must_use]
pub fn is_mountable(path: &str) -> bool {
    !path.is_empty() && !path.chars().any(|c| c.is_control() || matches!(c, ':' | ',' | '"' | '\\'))
}

/// Says whether the source of a short notation is a path and no volume.
fn is_path(source: &str) -> bool {
    source.starts_with(['.', '~']) || source.contains(['/', '\\'])
}

fn nameless(at: &At<'_>) -> crate::at::Problems {
    at.refused(
        "a volume without a name is lost with its container",
        "write NAME:TARGET, and 'NAME:' under 'volumes' at the file's end",
    )
}

fn once(at: &At<'_>, targets: &mut Vec<String>, target: &str) -> Checked<()> {
    if targets.iter().any(|known| known == target) {
        return Err(at.refused(format!("'{target}' is mounted twice"), "take one out"));
    }
    targets.push(target.to_owned());
    Ok(())
}

fn no_bind_options(at: &At<'_>) -> Checked<()> {
    for (key, value) in at.table()? {
        if key != "create_host_path" || value.boolean()? {
            return Err(value.refused(
                "it would change the host: make directories, label files or pass mounts on",
                "take it out",
            ));
        }
    }
    Ok(())
}

fn volume_options(at: &At<'_>) -> Checked<Option<bool>> {
    let mut no_copy = None;
    for (key, value) in at.table()? {
        match key {
            "nocopy" => no_copy = Some(value.boolean()?),
            _ => return Err(value.refused("it is not known what it would do", "take it out")),
        }
    }
    Ok(no_copy)
}

fn tmpfs_option(at: &At<'_>, option: &str) -> Checked<()> {
    let is_good = match option.split_once('=') {
        Some(("size", size)) => limit::bytes(size).is_some(),
        Some(("mode", mode)) => (3..=4).contains(&mode.len()) && is_octal(mode),
        None => matches!(option, "ro" | "rw" | "noexec" | "exec" | "nosuid" | "nodev"),
        _ => false,
    };
    if is_good {
        return Ok(());
    }
    Err(at.refused(
        format!("the option '{option}' is not known to be harmless"),
        "the options are size=, mode=, ro, rw, exec, noexec, nosuid and nodev",
    ))
}

fn is_octal(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'7'))
}
