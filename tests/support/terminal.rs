//! A pseudo-terminal, for what a program shows and takes there.
#![allow(clippy::unwrap_used)] // helpers of tests fail as the tests themselves do

use std::fs::File;
use std::io::{Read, Write};
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::pty::OpenptFlags;

/// Nothing that is typed takes longer to be answered.
const PATIENCE: Duration = Duration::from_secs(20);

/// A pseudo-terminal: our end, and that of a program.
pub(crate) struct Terminal {
    ours: File,
    theirs: File,
}

impl Terminal {
    pub(crate) fn new(columns: u16) -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let ours = rustix::pty::openpt(flags).unwrap();
        rustix::pty::grantpt(&ours).unwrap();
        rustix::pty::unlockpt(&ours).unwrap();
        let name = rustix::pty::ptsname(&ours, Vec::new()).unwrap();
        let theirs = File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
        let size =
            rustix::termios::Winsize { ws_row: 30, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        rustix::termios::tcsetwinsize(&theirs, size).unwrap();
        Self { ours: ours.into(), theirs }
    }

    /// The program's end.
    pub(crate) fn end(&self) -> File {
        self.theirs.try_clone().unwrap()
    }

    /// Runs a command to its end; what it showed here, and its exit code. The command must have this
    /// terminal already.
    pub(crate) fn show(self, mut command: Command) -> (String, Option<i32>) {
        let mut child = command.spawn().unwrap();
        // Our copies of the program's end must close, or our end is never at its end.
        drop(command);
        let Self { mut ours, theirs } = self;
        drop(theirs);
        let mut shown = Vec::new();
        let mut buffer = [0; 4096];
        // When the last process has closed the terminal, reading it is an error.
        while let Ok(length @ 1..) = ours.read(&mut buffer) {
            shown.extend_from_slice(&buffer[..length]);
        }
        let code = child.wait().unwrap().code();
        (String::from_utf8(shown).unwrap(), code)
    }

    /// Starts a command here, types each text when the one before it was answered by what is expected,
    /// and ends the command; all that was shown. Panics where the answer does not come.
    pub(crate) fn type_into(self, mut command: Command, typed: &[(&str, &str)]) -> String {
        command.stdin(self.end()).stdout(self.end()).stderr(self.end());
        let mut child = command.spawn().unwrap();
        drop(command);
        let (mut ours, theirs) = (self.ours, self.theirs);
        let flags = rustix::fs::fcntl_getfl(&ours).unwrap();
        rustix::fs::fcntl_setfl(&ours, flags | rustix::fs::OFlags::NONBLOCK).unwrap();
        let (mut shown, mut from) = (String::new(), 0);
        for (text, expected) in typed {
            ours.write_all(text.as_bytes()).unwrap();
            let start = Instant::now();
            while !shown[from..].contains(expected) {
                assert!(start.elapsed() < PATIENCE, "no `{expected}` after `{text}`: {shown:?}");
                let mut buffer = [0; 4096];
                match ours.read(&mut buffer) {
                    Ok(length) => shown += &String::from_utf8_lossy(&buffer[..length]),
                    Err(_) => std::thread::sleep(Duration::from_millis(20)),
                }
            }
            from = shown.len();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        drop(theirs);
        shown
    }
}
