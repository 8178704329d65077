//! Names a container as VS Code does: by the address of a window.
//!
//! There are two ways into a container, and an address of each: the extension
//! Remote - SSH, which takes the same way as `ssh NAME`, and Dev Containers, which
//! asks the engine and needs no ssh at all.

mod error;
mod open;

use std::fmt::Write;

use document::labels;
use engine::{Engine, Kind, Link, Place, Server, Summary};
use serde_json::json;

pub use crate::{error::Error, open::open};

/// Returns the address by which ssh gets to the workspace of `container`.
///
/// The form is that of `code --folder-uri` in the VS Code documentation, "Remote
/// development tips and tricks": `vscode-remote://ssh-remote+HOST/PATH`.
pub fn by_ssh(container: &Summary) -> Result<String, Error> {
    let path = encoded(workspace(container)?);
    Ok(format!("vscode-remote://ssh-remote+{}{path}", container.name))
}

/// Returns the address by which the engine gets to the workspace of `container`.
///
/// The authority is what Dev Containers itself writes for a container that it is
/// attached to: a JSON object in hex, with the name as the engine's API has it, and
/// the server as the setting `docker.host` (microsoft/vscode-remote-release, issue
/// 8764). Only Docker's client goes to a server by such a setting.
pub fn by_engine(engine: &Engine, container: &Summary) -> Result<String, Error> {
    let path = encoded(workspace(container)?);
    let server = engine.host().map(Server::parse).transpose()?;
    let place = server.as_ref().map(|server| engine.link().map_or(server.place(), Link::place));
    if let (Some(server), Kind::Podman) = (&server, engine.kind()) {
        let (name, host) = (container.name.clone(), server.url().to_owned());
        return Err(Error::OutOfReach { name, host });
    }
    let authority = attached(&container.name, place);
    Ok(format!("vscode-remote://attached-container+{authority}{path}"))
}

/// Returns what stands for the container `name` of the Docker at `place`, or here.
fn attached(name: &str, place: Option<&Place>) -> String {
    let mut window = json!({"containerName": format!("/{name}")});
    if let Some(place) = place {
        window["settings"] = json!({"host": format!("ssh://{place}")});
    }
    window.to_string().bytes().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// Returns where the code is in the container.
fn workspace(container: &Summary) -> Result<&str, Error> {
    let label = labels::WORKSPACE;
    let found = container.label(label).filter(|path| path.starts_with('/'));
    found.ok_or_else(|| Error::NoLabel { name: container.name.clone(), label })
}

/// Returns `path` as it stands in a URI (RFC 3986, section 3.3).
fn encoded(path: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte);
    path.bytes().fold(String::new(), |mut text, byte| {
        let _ = match is_plain(byte) {
            true => write!(text, "{}", char::from(byte)),
            false => write!(text, "%{byte:02X}"),
        };
        text
    })
}

#[cfg(test)]
mod tests;
