//! What a terminal is like that standard output or standard error goes to, if one does.

use std::io::IsTerminal;
use std::os::fd::AsFd;

/// Columns of a terminal that does not say how many it has.
const USUAL: usize = 80;
/// Fewer than these cannot be meant.
const LEAST: usize = 20;

/// The columns of the terminal behind a stream: what COLUMNS says, else what it says itself. None if
/// there is no terminal: what is written to files does not depend on any.
pub(super) fn columns(stream: &(impl AsFd + IsTerminal)) -> Option<usize> {
    if !stream.is_terminal() {
        return None;
    }
    let told = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
    let size = || Some(usize::from(rustix::termios::tcgetwinsize(stream).ok()?.ws_col));
    let usable = |columns: &usize| *columns >= LEAST;
    Some(told.filter(usable).or_else(|| size().filter(usable)).unwrap_or(USUAL))
}

/// Whether the cursor of a terminal behind a stream can be moved.
pub(super) fn obeys(stream: &impl IsTerminal) -> bool {
    let kind = std::env::var_os("TERM").unwrap_or_default();
    stream.is_terminal() && kind != "dumb" && !kind.is_empty()
}
