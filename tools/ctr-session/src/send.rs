//! Sending text and keys to a session.

use std::{ffi::OsString, os::unix::ffi::OsStringExt, process};

use crate::{
    Error, SessionName, Tmux, keys,
    tmux::{Command, command},
};

/// The longest text that goes by an argument; tmux takes 16 KiB for a whole
/// command.
const SHORT: usize = 4096;

/// What would end a bracketed paste, so that what follows it is as if typed.
const PASTE_END: &[u8] = b"\x1b[201~";

/// What is to be sent, in this order.
#[derive(Clone, Debug, Default)]
pub struct Sending {
    /// Text, as it is.
    pub text: Vec<u8>,
    /// Keys, by the names that tmux has for them.
    pub keys: Vec<String>,
    /// Whether Enter is last.
    pub enter: bool,
}

impl Sending {
    /// Checks what can be known to be wrong before anything is called.
    pub fn check(&self) -> Result<(), Error> {
        if self.text.windows(PASTE_END.len()).any(|bytes| bytes == PASTE_END) {
            return Err(Error::PasteEnd);
        }
        self.keys.iter().try_for_each(|key| keys::check(key))
    }

    /// Says whether the text can be one argument: it is short, of one line,
    /// and of letters alone.
    pub(crate) fn is_short(&self) -> bool {
        let text = std::str::from_utf8(&self.text);
        self.text.len() <= SHORT && text.is_ok_and(|text| !text.chars().any(char::is_control))
    }

    /// Returns tmux's commands; a long text is in the buffer that `buffer`
    /// names, which is read from standard input.
    pub(crate) fn commands(&self, session: &SessionName, buffer: &str) -> Vec<Command> {
        let target = session.target();
        // A pane that somebody scrolls in would take the keys for itself.
        let mut commands = vec![command(["copy-mode", "-q", "-t", &target])];
        if !self.text.is_empty() {
            if self.is_short() {
                let mut typed = command(["send-keys", "-t", &target, "-l", "--"]);
                typed.push(OsString::from_vec(self.text.clone()));
                commands.push(typed);
            } else {
                commands.push(command(["load-buffer", "-b", buffer, "-"]));
                commands.push(command(["paste-buffer", "-p", "-d", "-b", buffer, "-t", &target]));
            }
        }
        let enter = self.enter.then_some("Enter");
        let keys: Vec<_> = self.keys.iter().map(String::as_str).chain(enter).collect();
        if !keys.is_empty() {
            if !self.text.is_empty() {
                // A program that gets both at once takes the key for text.
                commands.push(command(["run-shell", "sleep 0.1"]));
            }
            let mut pressed = command(["send-keys", "-t", &target, "--"]);
            pressed.extend(keys.into_iter().map(OsString::from));
            commands.push(pressed);
        }
        commands
    }
}

/// Sends it: one call of the engine.
pub fn send(tmux: Tmux<'_>, session: &SessionName, sending: &Sending) -> Result<(), Error> {
    sending.check()?;
    let buffer = format!("ctrkit-{}", process::id());
    let commands = sending.commands(session, &buffer);
    match sending.is_short() {
        true => tmux.call(&[], &commands, Some(session))?,
        false => tmux.feed(&commands, session, |pipe| pipe.write_all(&sending.text))?,
    };
    Ok(())
}
