//! Runs a program to its end and reads what it says. The standard library's way ends this process if it
//! cannot be read, and waits for ever if whoever holds the other end of a pipe does not close it.

use std::io::{self, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use crate::foundations::threads;

/// How long two looks at a program are apart that says nothing.
const LOOK: Duration = Duration::from_millis(20);
/// How long after the end of a program its words may take to arrive: who still holds its pipes then is
/// somebody else.
const LATE: Duration = Duration::from_secs(1);

/// What a program said, and how it ended.
#[derive(Debug)]
pub(crate) struct Said {
    /// How it ended.
    pub(crate) status: ExitStatus,
    /// Its standard output.
    pub(crate) stdout: Vec<u8>,
    /// Its standard error.
    pub(crate) stderr: Vec<u8>,
}

/// A piece of what a program says.
enum Piece {
    Out(io::Result<Vec<u8>>),
    Err(io::Result<Vec<u8>>),
}

/// Runs a program to its end.
///
/// # Errors
/// If it cannot be started, or what it says cannot be read.
pub(crate) fn said(command: &mut Command) -> io::Result<Said> {
    said_meanwhile(command, &mut |_| {})
}

/// The same; `look` gets its standard error so far, again and again while it runs.
///
/// # Errors
/// If it cannot be started, or what it says cannot be read.
pub(crate) fn said_meanwhile(
    command: &mut Command,
    look: &mut dyn FnMut(&[u8]),
) -> io::Result<Said> {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let heard = listen(&mut child).and_then(|pieces| hear(&mut child, &pieces, look));
    // Not killed if it cannot be heard: what it was asked to do, it may have done.
    let status = child.wait()?;
    let (stdout, stderr) = heard?;
    Ok(Said { status, stdout, stderr })
}

/// Has a thread read each of the two streams.
fn listen(child: &mut Child) -> io::Result<Receiver<Piece>> {
    let (sender, pieces) = channel();
    read(child.stdout.take(), Piece::Out, sender.clone())?;
    read(child.stderr.take(), Piece::Err, sender)?;
    Ok(pieces)
}

fn read(
    stream: Option<impl Read + Send + 'static>,
    piece: impl Fn(io::Result<Vec<u8>>) -> Piece + Send + 'static,
    sender: Sender<Piece>,
) -> io::Result<()> {
    let Some(mut stream) = stream else { return Ok(()) };
    let read_all = move || {
        let mut bytes = vec![0; 1 << 14];
        loop {
            let read = match stream.read(&mut bytes) {
                Ok(0) => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Ok(length) => Ok(bytes[..length].to_vec()),
                Err(error) => Err(error),
            };
            let is_over = read.is_err();
            // Once nobody listens, it is read all the same, so that the program can go on.
            let _ = sender.send(piece(read));
            if is_over {
                return;
            }
        }
    };
    threads::spawn("listener", "a thread that reads what it says", read_all)?;
    Ok(())
}

/// Everything that a program says until it ends.
fn hear(
    child: &mut Child,
    pieces: &Receiver<Piece>,
    look: &mut dyn FnMut(&[u8]),
) -> io::Result<(Vec<u8>, Vec<u8>)> {
    let (mut out, mut err, mut ended) = (Vec::new(), Vec::new(), None);
    loop {
        match pieces.recv_timeout(LOOK) {
            Ok(Piece::Out(bytes)) => out.extend(bytes?),
            Ok(Piece::Err(bytes)) => err.extend(bytes?),
            Err(RecvTimeoutError::Disconnected) => return Ok((out, err)),
            Err(RecvTimeoutError::Timeout) => {
                if ended.is_none() && child.try_wait()?.is_some() {
                    ended = Some(Instant::now());
                }
            }
        }
        if ended.is_some_and(|ended| ended.elapsed() > LATE) {
            return Ok((out, err));
        }
        look(&err);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]).stdin(Stdio::null());
        command
    }

    #[test]
    fn all_is_heard_however_long_and_whatever_the_end() {
        let said = said(&mut shell("seq 1 100000; seq 1 50000 >&2; exit 3")).unwrap();
        let lines = |bytes: &[u8]| bytes.iter().filter(|byte| **byte == b'\n').count();
        assert_eq!((lines(&said.stdout), lines(&said.stderr)), (100_000, 50_000));
        assert_eq!(said.status.code(), Some(3));
    }

    #[test]
    fn who_keeps_the_pipes_open_is_not_waited_for() {
        let start = Instant::now();
        let said = said(&mut shell("echo done; sleep 1000 & echo $! >&2")).unwrap();
        assert_eq!(said.stdout, b"done\n");
        assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
        let process = String::from_utf8(said.stderr).unwrap();
        assert!(shell(&format!("kill {process}")).status().unwrap().success());
    }

    #[test]
    fn what_it_says_can_be_looked_at_while_it_runs() {
        let mut seen = Vec::new();
        let mut look = |bytes: &[u8]| seen.push(bytes.to_vec());
        said_meanwhile(&mut shell("echo first >&2; sleep 0.3; echo second >&2"), &mut look)
            .unwrap();
        assert!(seen.iter().any(|bytes| bytes == b"first\n"), "{seen:?}");
    }
}
