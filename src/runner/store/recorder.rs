//! Keeps the finished pieces of a shard in its journal, while others work on.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::fs::{Timespec, Timestamps, UTIME_NOW, UTIME_OMIT, futimens};

use super::run_dir::RunDir;
use crate::foundations::files::{self, plain};
use crate::foundations::{FileError, threads};
use crate::runner::plan::BoundPlan;

use super::attempt::Attempt;
use super::envelope::Envelope;
use super::journal::Identity;
use super::lock::{changed, is_at};
use super::why::Why;

/// Keeps the finished pieces of a shard in its journal, while others work on.
#[derive(Debug)]
pub struct JournalWriter {
    shared: Arc<Shared>,
    syncer: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    file: File,
    identity: Identity,
    state: Mutex<State>,
    woken: Condvar,
}

/// What became of what was written.
#[derive(Debug, Default)]
struct State {
    /// Written, but not yet synced.
    dirty: bool,
    /// How long the file is, if nobody else writes into it.
    length: u64,
    over: bool,
    error: Option<io::Error>,
}

impl JournalWriter {
    /// How often the journal is synced, and else renewed as the sign of life. A process that is
    /// killed loses what it has in hand; a machine that dies, also what it wrote in the last period.
    pub const PERIOD: Duration = Duration::from_secs(2);

    /// Begins the journal of a shard anew.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn begin(
        run: &RunDir,
        plan: &BoundPlan,
        shard: u32,
        attempt: &Attempt,
    ) -> Result<Self, FileError> {
        Self::open(&run.journal(shard), Identity::new(plan, shard), attempt, 0)
    }

    /// Continues a journal after its sound part, which ends at `end`, or begins one. Its thread syncs it,
    /// and its name, while the work begins.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(crate) fn open(
        path: &Path,
        identity: Identity,
        attempt: &Attempt,
        end: u64,
    ) -> Result<Self, FileError> {
        let error = |e| FileError::new("write", path, e);
        let folder = path.parent().unwrap_or(Path::new("."));
        plain::make_folder(folder)?;
        let options = File::options().create(true).append(true).clone();
        let mut file = plain::open(path, &options).map_err(error)?;
        let mut head = if end == 0 { identity.header_frame() } else { Vec::new() };
        head.extend(identity.attempt_frame(attempt));
        file.set_len(end).and_then(|()| file.write_all(&head)).map_err(error)?;
        let length = end + head.len() as u64;
        let state = Mutex::new(State { length, ..State::default() });
        let woken = Condvar::new();
        let shared = Arc::new(Shared { path: path.into(), file, identity, state, woken });
        let for_syncer = shared.clone();
        let keeps = "the thread that keeps the journal";
        let syncer = threads::spawn("journal", keeps, move || for_syncer.sync_until_over())
            .map_err(|no_thread| error(no_thread.into()))?;
        Ok(Self { shared, syncer: Some(syncer) })
    }

    /// Writes the results of a piece: when this returns, the end of the process cannot lose them.
    pub fn keep(&self, first: u64, results: &[Envelope]) {
        self.shared.append(&self.shared.identity.piece_frame(first, results));
    }

    /// Writes that the attempt is over, and why.
    ///
    /// # Errors
    /// If anything could not be written since the journal was opened: those pieces are not in it.
    pub fn close(mut self, why: &Why) -> Result<(), FileError> {
        self.end_syncer();
        self.shared.append(&self.shared.identity.ended_frame(why));
        self.shared.sync();
        self.trouble()
    }

    /// Ends without another word: what was done stands elsewhere by now.
    ///
    /// # Errors
    /// If anything could not be written since the journal was opened.
    pub(crate) fn discard(mut self) -> Result<(), FileError> {
        self.end_syncer();
        self.trouble()
    }

    fn trouble(&self) -> Result<(), FileError> {
        let Shared { path, file, .. } = &*self.shared;
        let mut state = self.shared.state();
        if let Some(error) = state.error.take() {
            return Err(FileError::new("write", path, error));
        }
        let is_as_long = file.metadata().is_ok_and(|metadata| metadata.len() == state.length);
        if is_as_long && is_at(file, path) { Ok(()) } else { Err(changed(path)) }
    }

    fn end_syncer(&mut self) {
        self.shared.state().over = true;
        self.shared.woken.notify_all();
        if let Some(syncer) = self.syncer.take() {
            // A syncer that panicked has synced what it has synced.
            let _ = syncer.join();
        }
    }
}

impl Drop for JournalWriter {
    fn drop(&mut self) {
        self.end_syncer();
    }
}

impl Shared {
    /// A thread that panicked while it held this has changed it or not: both will do.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a frame, one at a time. An error is remembered but does not stop the work, nor later
    /// writes: readers find the next whole frame by themselves.
    fn append(&self, frame: &[u8]) {
        let mut state = self.state();
        match (&self.file).write_all(frame) {
            Ok(()) => {
                state.dirty = true;
                state.length += frame.len() as u64;
            }
            Err(error) => drop(state.error.get_or_insert(error)),
        }
    }

    fn sync_until_over(&self) {
        self.note(self.sync_begun());
        let mut state = self.state();
        while !state.over {
            let waited = self.woken.wait_timeout(state, JournalWriter::PERIOD);
            let (woken, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            drop(woken);
            if timeout.timed_out() {
                self.sync();
            }
            state = self.state();
        }
    }

    /// Brings to disk how the journal begins, and its name: a file is only durable once that is.
    fn sync_begun(&self) -> io::Result<()> {
        self.file.sync_all()?;
        files::sync_name(&self.path)
    }

    /// Brings to disk what was written. Others write while the disk is waited for.
    fn sync(&self) {
        let dirty = std::mem::take(&mut self.state().dirty);
        let synced = if dirty { self.file.sync_data() } else { renew(&self.file) };
        self.note(synced);
    }

    /// Remembers the first error.
    fn note(&self, result: io::Result<()>) {
        if let Err(error) = result {
            self.state().error.get_or_insert(error);
        }
    }
}

/// Sets the time of the last change to now, by the clock of whoever keeps the file.
fn renew(file: &File) -> io::Result<()> {
    let time = |tv_nsec| Timespec { tv_sec: 0, tv_nsec };
    let times = Timestamps { last_access: time(UTIME_OMIT), last_modification: time(UTIME_NOW) };
    Ok(futimens(file, &times)?)
}
