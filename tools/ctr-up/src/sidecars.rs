//! The sidecars of an isolated container: there and well before it is, and
//! gone with it if this run made them.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, UdpSocket},
    thread::sleep,
    time::{Duration, Instant},
};

use document::{event::Status, labels};
use engine::{EngineError, Nameless, Summary};
use serde::Deserialize;

use crate::{
    Error,
    isolated::Isolated,
    one_line,
    steps::{Run, SETTLE},
};

/// How long they may take until they are well.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long is waited before they are asked again.
const PAUSE: Duration = Duration::from_millis(200);

/// How many seconds one is given to end by itself.
const GRACE: &str = "10";

/// Tries to get out of the container's network.
const ESCAPE: &str = include_str!("escape.py");

/// A way out that was found.
#[derive(Clone, Debug, Deserialize)]
struct Escaped {
    /// Which way.
    probe: String,
    /// What answered.
    detail: String,
}

impl Run<'_> {
    /// Makes the sidecars be there and well; those that are are left alone,
    /// unless they are to be made `anew`. Without isolation there are none.
    pub(crate) fn surround(&mut self, anew: bool) -> Result<(), Error> {
        let Some(isolated) = &self.plan.isolated else { return Ok(()) };
        let found = self.sidecars()?;
        found.iter().try_for_each(|found| self.engine.check_authority(found))?;
        if !anew && all_run(isolated, &found) {
            self.events.emit("surround", Status::Unchanged, None);
            return self.await_health(isolated);
        }
        self.interrupt.check()?;
        self.made.sidecars = found.is_empty();
        let (engine, plan) = (self.engine, self.plan);
        let result = self.events.step("surround", || {
            isolated.up(engine, anew).or_else(|error| {
                // What a call of a run that was killed has left half-way holds
                // nothing of anybody's.
                if !error.is("name-taken") && !error.is("torn") {
                    return Err(error);
                }
                sleep(SETTLE);
                for service in isolated.services() {
                    engine.remove(isolated.container(service), Nameless::Kept)?;
                }
                isolated.up(engine, anew)
            })
        });
        result.map_err(|error| match error.is("port-taken") {
            true => Error::PortTaken {
                name: plan.container.name.clone(),
                ports: self.ports(),
                source: Box::new(error),
            },
            false => error.into(),
        })?;
        self.await_health(isolated)
    }

    /// Lists what stands around the container: one call.
    pub(crate) fn sidecars(&self) -> Result<Vec<Summary>, EngineError> {
        let filter = format!("label={}={}", labels::SIDECAR_OF, self.plan.container.project.hash);
        self.engine.containers(&[&filter])
    }

    /// Waits until each sidecar says that it is well. podman does not ask by
    /// itself, so both engines are asked in the same way.
    fn await_health(&mut self, isolated: &Isolated) -> Result<(), Error> {
        let deadline = Instant::now() + PATIENCE;
        for service in isolated.services() {
            let Some(check) = isolated.check(service) else { continue };
            let name = isolated.container(service);
            let args: Vec<_> = ["exec", name].into_iter().map(str::to_owned).chain(check).collect();
            self.events.emit("health", Status::Started, Some(service.to_owned()));
            while let Err(error) = self.engine.run(&args) {
                self.interrupt.check()?;
                if Instant::now() > deadline {
                    self.events.emit("health", Status::Failed, Some(service.to_owned()));
                    let words = self.last_words(name);
                    let words = if words.is_empty() { one_line(&error.to_string()) } else { words };
                    let (name, seconds) = (name.to_owned(), PATIENCE.as_secs());
                    return Err(Error::Unhealthy { name, seconds, words });
                }
                sleep(PAUSE);
            }
            self.events.emit("health", Status::Done, Some(service.to_owned()));
        }
        Ok(())
    }

    /// Tries to get out of the container's network, from inside it, by every
    /// way but the proxy. One that leads out is an error.
    ///
    /// That is done by another container, which shares the network and nothing
    /// else: what the image has, and what may have been changed in a volume,
    /// does not matter.
    pub(crate) fn try_to_escape(&mut self) -> Result<(), Error> {
        let Some(isolated) = &self.plan.isolated else { return Ok(()) };
        self.interrupt.check()?;
        let (engine, name) = (self.engine, &self.plan.container.name);
        let ear = Ear::new().map_err(|_| Error::Unprobed { name: name.clone() })?;
        let args = attempt(isolated, name, &ear, &own_addresses());
        let answer = self.events.step("probe", || {
            engine.run_with_input(&args, |pipe| pipe.write_all(ESCAPE.as_bytes()))
        })?;
        let found = answer.lines().last().and_then(|line| serde_json::from_str(line).ok());
        let found: Vec<Escaped> = found.ok_or_else(|| Error::Unprobed { name: name.clone() })?;
        let heard = ear.has_heard().then(|| Escaped {
            probe: "host-broadcast".to_owned(),
            detail: "this machine hears what is said to everybody on its network".to_owned(),
        });
        match found.into_iter().chain(heard).next() {
            None => Ok(()),
            Some(Escaped { probe, detail }) => {
                Err(Error::Escaped { name: name.clone(), probe, detail })
            }
        }
    }

    /// Stops the sidecars, so that their ports are free.
    pub(crate) fn stop_sidecars(&mut self) -> Result<(), EngineError> {
        for found in self.sidecars()?.iter().filter(|found| found.status == "running") {
            self.events.step("stop", || self.engine.run(["stop", "-t", GRACE, &found.id]))?;
        }
        Ok(())
    }

    /// Starts them again, as far as they are there.
    pub(crate) fn start_sidecars(&mut self) -> Result<(), EngineError> {
        for found in self.sidecars()?.iter().filter(|found| found.status != "running") {
            self.events.step("start", || self.engine.run(["start", &found.id]))?;
        }
        Ok(())
    }

    /// Removes them, their networks and their volumes, as far as they are there.
    pub(crate) fn remove_sidecars(&mut self) -> Result<(), EngineError> {
        for found in self.sidecars()? {
            self.engine.remove(&found.id, Nameless::Removed)?;
        }
        let hash = &self.plan.container.project.hash;
        for network in self.engine.networks_of(hash)? {
            self.engine.remove_network(&network.name)?;
        }
        let filter = format!("label={}={hash}", labels::SIDECAR_OF);
        for volume in self.engine.volumes(&[&filter])? {
            self.engine.remove_volume(&volume.name)?;
        }
        Ok(())
    }
}

/// Says whether all of them run.
fn all_run(isolated: &Isolated, found: &[Summary]) -> bool {
    isolated.services().into_iter().all(|service| {
        let name = isolated.container(service);
        found.iter().any(|found| found.name == name && found.status == "running")
    })
}

/// Returns the arguments that run the attempt beside the container `name`.
fn attempt(isolated: &Isolated, name: &str, ear: &Ear, addresses: &[IpAddr]) -> Vec<String> {
    let mut args: Vec<String> = ["run", "--rm", "--interactive", "--pull=never", "--cap-drop=ALL"]
        .map(str::to_owned)
        .into();
    args.extend(["--security-opt=no-new-privileges", "--read-only"].map(str::to_owned));
    args.push(format!("--label={}={}", labels::SIDECAR_OF, isolated.hash()));
    args.push(format!("--label={}=probe", labels::SIDECAR_TYPE));
    args.push(format!("--network=container:{name}"));
    args.push("--entrypoint=/opt/mitmproxy/bin/python3".to_owned());
    let ours = isolated.addresses().join(",");
    let words = [isolated.image(), "-I", "-", &ours, isolated.subnet()];
    args.extend(words.map(str::to_owned));
    args.extend([ear.port.to_string(), ear.word.clone()]);
    args.extend(addresses.iter().map(IpAddr::to_string));
    args
}

/// A socket of this machine, which nothing in an isolated container gets to:
/// not even by a broadcast, which needs no address of this machine. Linux takes
/// those on a bridge that has none, unless it looks at where they come from
/// (`rp_filter` in the kernel's ip-sysctl).
struct Ear {
    socket: UdpSocket,
    port: u16,
    word: String,
}

impl Ear {
    fn new() -> io::Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        socket.set_nonblocking(true)?;
        let port = socket.local_addr()?.port();
        let word = format!("ctr-up {} {port}", std::process::id());
        Ok(Self { socket, port, word })
    }

    fn has_heard(&self) -> bool {
        let mut heard = [0; 64];
        while let Ok(length) = self.socket.recv(&mut heard) {
            if &heard[..length] == self.word.as_bytes() {
                return true;
            }
        }
        false
    }
}

/// Returns the addresses of this machine, on which an engine here runs.
fn own_addresses() -> Vec<IpAddr> {
    let all = nix::ifaddrs::getifaddrs().into_iter().flatten();
    let ips = all.filter_map(|each| {
        let address = each.address?;
        let v4 = address.as_sockaddr_in().map(|address| IpAddr::from(address.ip()));
        v4.filter(|address| !address.is_loopback())
    });
    ips.collect()
}
