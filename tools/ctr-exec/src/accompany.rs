//! Running the engine's client beside this process.

use std::{
    io,
    os::unix::process::{CommandExt, ExitStatusExt},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use engine::{Engine, EngineError, FailedCall};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGPIPE, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2},
    iterator::Signals,
};

use crate::{Error, Request};

/// The signals that are passed on, as kill(1) calls them.
const PASSED_ON: [(i32, &str); 6] = [
    (SIGHUP, "HUP"),
    (SIGINT, "INT"),
    (SIGQUIT, "QUIT"),
    (SIGTERM, "TERM"),
    (SIGUSR1, "USR1"),
    (SIGUSR2, "USR2"),
];

/// How long a signal may take to reach a command that has just been started.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long is waited before a signal is sent again.
const PAUSE: Duration = Duration::from_millis(50);

/// The statuses with which an engine says that it could not run the command,
/// or with which the command itself may end: podman 125 and 255, docker 126,
/// a shell 126 and 127.
const DOUBTFUL: [i32; 4] = [125, 126, 127, 255];

/// Runs the command without a terminal and returns its exit status, 128+n
/// where signal n ended it. `terminal` says whether standard input is one.
pub fn accompany(engine: &Engine, request: &Request, terminal: bool) -> Result<u8, Error> {
    let mut signals = Signals::new(PASSED_ON.map(|(number, _)| number)).map_err(Error::Signals)?;
    let mut command = engine.command(request.arguments());
    let mut child = start(engine, &mut command, terminal)?;
    let ended = Arc::new(AtomicBool::new(false));
    let messenger = {
        let (engine, request, ended) = (engine.clone(), request.clone(), Arc::clone(&ended));
        move |number| pass_on(&engine, &request, number, &ended)
    };
    let passing = messenger.clone();
    thread::spawn(move || signals.forever().for_each(passing));
    let status = child.wait().map_err(Error::Wait)?;
    if let Some(number) = status.signal() {
        // The client died, the command did not: of a closed pipe, say.
        messenger(number);
    }
    ended.store(true, Ordering::Relaxed);
    judge(engine, request, status)
}

/// Starts the client in a process group of its own: a signal from the
/// terminal must not end it, since it would not pass it on.
///
/// Such a group may not read from the terminal, so that is read here.
fn start(engine: &Engine, command: &mut Command, terminal: bool) -> Result<Child, Error> {
    if terminal {
        command.stdin(Stdio::piped());
    }
    let spawned = command.process_group(0).spawn();
    let mut child = spawned.map_err(|source| {
        Error::from(EngineError::Spawn { program: engine.program().to_owned(), source })
    })?;
    if let Some(mut pipe) = child.stdin.take() {
        // It ends with this process, which does not wait for the next line.
        thread::spawn(move || io::copy(&mut io::stdin().lock(), &mut pipe));
    }
    Ok(child)
}

/// Sends a signal to the command, until it arrives or cannot any more.
///
/// As its user, who may signal it even where root is robbed of its
/// capabilities; as root where the command has become another's.
fn pass_on(engine: &Engine, request: &Request, number: i32, ended: &AtomicBool) {
    let all = PASSED_ON.iter().chain(&[(SIGPIPE, "PIPE")]);
    let Some((_, name)) = all.into_iter().find(|(passed, _)| *passed == number) else { return };
    let begun = Instant::now();
    while !ended.load(Ordering::Relaxed) && begun.elapsed() < PATIENCE {
        let arrived = [false, true]
            .into_iter()
            .any(|as_root| engine.run(request.signal(name, as_root)).is_ok());
        if arrived {
            return;
        }
        thread::sleep(PAUSE);
    }
}

/// Returns the command's status, or the error that kept it from being run.
fn judge(engine: &Engine, request: &Request, status: ExitStatus) -> Result<u8, Error> {
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default());
    if DOUBTFUL.contains(&code) {
        probe(engine, request)?;
    }
    Ok(u8::try_from(code).unwrap_or(u8::MAX))
}

/// Fails as the engine does before it comes to the command.
fn probe(engine: &Engine, request: &Request) -> Result<(), Error> {
    let arguments = request.probe();
    let mut command = engine.command(&arguments);
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|source| {
        Error::from(EngineError::Spawn { program: engine.program().to_owned(), source })
    })?;
    if output.status.success() {
        return Ok(());
    }
    if let Some(error) = request.probed(output.status.code()) {
        return Err(error);
    }
    // Docker says on standard output what the runtime says.
    let words = [output.stderr, output.stdout].concat();
    let words = String::from_utf8_lossy(&words).trim().to_owned();
    let shown = arguments.iter().take_while(|word| *word != "-c");
    let line: Vec<_> = shown.map(|word| word.to_string_lossy()).collect();
    Err(EngineError::Failed(FailedCall {
        program: engine.kind().name(),
        line: format!("{} {}", engine.program().display(), line.join(" ")),
        status: output.status.code(),
        last_words: words,
    })
    .into())
}
