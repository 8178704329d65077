//! What ctr-verify(1) puts into a container: a program without needs, which
//! tries what it is told and says what it saw. It decides nothing.
//!
//! Each line on standard input is a job, a JSON array of strings: a number of the
//! caller's choice, what to do, and what with. Each is answered by one line of
//! JSON when it is done. At the end of the input, which is also the end of
//! whoever began it, it ends in the middle of whatever it does; and before it
//! does anything it removes itself.
//!
//! It is compiled by itself (build.rs), and with the tests of the tool.

mod files;
mod json;
mod net;
mod os;
mod sockets;

use std::{
    io::{self, BufRead, Write},
    path::Path,
    sync::{Arc, Mutex},
    thread,
};

/// After how many seconds it ends, whatever happens.
const LIFE: u32 = 300;

/// What came of a job: what was seen, or why it could not be done.
type Seen = Result<Vec<String>, String>;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    os::die_after(LIFE);
    if words.iter().any(|word| word == "remove") {
        let _ = std::env::current_exe().and_then(std::fs::remove_file);
    }
    match words.iter().any(|word| word == "stream") {
        true => files::stream(),
        false => work(),
    }
}

/// Does the jobs on standard input, each in a thread of its own: most of the
/// time they wait.
fn work() {
    let output = Arc::new(Mutex::new(io::stdout()));
    for line in io::stdin().lock().lines() {
        let Ok(line) = line else { return };
        let words = json::strings(&line).unwrap_or_default();
        let shared = Arc::clone(&output);
        let copy = words.clone();
        let begun = thread::Builder::new().spawn(move || answer(&shared, &copy, perform(&copy)));
        if begun.is_err() {
            // No thread is to be had: one after another, then.
            answer(&output, &words, perform(&words));
        }
    }
}

/// Writes what came of a job as one line.
fn answer(output: &Mutex<io::Stdout>, words: &[String], seen: Seen) {
    let number = words.first().map_or("", String::as_str);
    let mut line = format!("{{\"job\":{}", json::quoted(number));
    match seen {
        Ok(seen) => {
            let seen: Vec<_> = seen.iter().map(|each| json::quoted(each)).collect();
            line.push_str(&format!(",\"seen\":[{}]}}\n", seen.join(",")));
        }
        Err(why) => line.push_str(&format!(",\"failed\":{}}}\n", json::quoted(&why))),
    }
    if let Ok(mut output) = output.lock() {
        let _ = output.write_all(line.as_bytes()).and_then(|()| output.flush());
    }
}

/// Does one job.
fn perform(words: &[String]) -> Seen {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        [_, "tcp", patience, targets @ ..] => net::tcp(patience, targets),
        [_, "ports", patience, address] => net::ports(patience, address),
        [_, "udp", patience, targets @ ..] => net::udp(patience, targets),
        [_, "ping", patience, targets @ ..] => net::ping(patience, targets),
        [_, "dns", patience, names, servers @ ..] => net::dns(patience, names, servers),
        [_, "say", patience, at, rounds @ ..] => net::say(patience, at, rounds),
        [_, "cry", port, word, addresses @ ..] => net::cry(port, word, addresses),
        [_, "rights"] => Ok(sockets::rights()),
        [_, "read", paths @ ..] => Ok(files::read(paths)),
        [_, "write", paths @ ..] => Ok(files::writable(paths)),
        [_, "devices"] => Ok(files::devices(Path::new("/dev"))),
        [_, "engines", paths @ ..] => Ok(sockets::engines(paths)),
        [_, "sockets", most, roots @ ..] => sockets::found(most, roots),
        [_, "keys", most, depth, needles, roots @ ..] => files::keys(most, depth, needles, roots),
        _ => Err("no such job".to_owned()),
    }
}

#[cfg(test)]
mod tests;
