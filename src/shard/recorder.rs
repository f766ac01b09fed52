//! Keeps the finished pieces of a shard in its journal, while others work on.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::fs::{Timespec, Timestamps, UTIME_NOW, UTIME_OMIT, futimens};

use crate::foundations::{FileError, RunDir, files};
use crate::plan::BoundPlan;

use super::attempt::Attempt;
use super::journal::Identity;
use super::unit::UnitResult;

/// Keeps the finished pieces of a shard in its journal, while others work on.
#[derive(Debug)]
pub struct Recorder {
    shared: Arc<Shared>,
    writer: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    file: File,
    identity: Identity,
    pending: Mutex<Pending>,
    woken: Condvar,
}

/// What is not written yet, and what became of what was.
#[derive(Debug, Default)]
struct Pending {
    bytes: Vec<u8>,
    over: bool,
    error: Option<io::Error>,
}

impl Recorder {
    /// How often finished pieces are written and synced, and else the journal is renewed as the
    /// sign of life. A process that is killed loses what it finished in the last period.
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

    /// Continues a journal after its sound part, which ends at `end`, or begins one.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn open(
        path: &Path,
        identity: Identity,
        attempt: &Attempt,
        end: u64,
    ) -> Result<Self, FileError> {
        let error = |e| FileError::new("write", path, e);
        let folder = path.parent().unwrap_or(Path::new("."));
        files::make_folder(folder)?;
        let mut file = File::options().create(true).append(true).open(path).map_err(error)?;
        let mut head = if end == 0 { identity.header_frame() } else { Vec::new() };
        head.extend(identity.attempt_frame(attempt));
        file.set_len(end)
            .and_then(|()| file.write_all(&head))
            .and_then(|()| file.sync_all())
            // A file is only durable once its name is.
            .and_then(|()| File::open(folder)?.sync_all())
            .map_err(error)?;
        let (pending, woken) = (Mutex::default(), Condvar::new());
        let shared = Arc::new(Shared { path: path.into(), file, identity, pending, woken });
        let for_writer = shared.clone();
        let writer = std::thread::Builder::new()
            .name("otfhpc-journal".into())
            .spawn(move || for_writer.write_until_over())
            .map_err(error)?;
        Ok(Self { shared, writer: Some(writer) })
    }

    /// Takes the results of a piece; they are written soon.
    pub fn keep(&self, first: u64, results: &[UnitResult]) {
        let frame = self.shared.identity.piece_frame(first, results);
        self.shared.pending().bytes.extend(frame);
    }

    /// Writes what is left, and that the attempt is over.
    ///
    /// # Errors
    /// If anything could not be written since the journal was opened: those pieces are not in it.
    pub fn close(mut self) -> Result<(), FileError> {
        let ended = self.shared.identity.ended_frame();
        self.shared.pending().bytes.extend(ended);
        self.end_writer();
        self.shared.flush();
        self.trouble()
    }

    /// Ends without writing what is left: it stands elsewhere by now.
    ///
    /// # Errors
    /// If anything could not be written since the journal was opened.
    pub(super) fn discard(mut self) -> Result<(), FileError> {
        self.end_writer();
        self.trouble()
    }

    fn trouble(&self) -> Result<(), FileError> {
        let error = self.shared.pending().error.take();
        error.map_or(Ok(()), |error| Err(FileError::new("write", &self.shared.path, error)))
    }

    fn end_writer(&mut self) {
        self.shared.pending().over = true;
        self.shared.woken.notify_all();
        if let Some(writer) = self.writer.take() {
            // A writer that panicked has written what it has written.
            let _ = writer.join();
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.end_writer();
    }
}

impl Shared {
    /// A thread that panicked while it added bytes has added them or not: both will do.
    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_until_over(&self) {
        let mut pending = self.pending();
        while !pending.over {
            let waited = self.woken.wait_timeout(pending, Recorder::PERIOD);
            let (woken, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            drop(woken);
            if timeout.timed_out() {
                self.flush();
            }
            pending = self.pending();
        }
    }

    /// Writes what is there to be written. An error is remembered but does not stop the work, nor
    /// later writes: readers find the next whole frame by themselves.
    fn flush(&self) {
        // The lock is not held while the disk is waited for.
        let bytes = std::mem::take(&mut self.pending().bytes);
        let written = match bytes.is_empty() {
            true => renew(&self.file),
            false => (&self.file).write_all(&bytes).and_then(|()| self.file.sync_data()),
        };
        if let Err(error) = written {
            self.pending().error.get_or_insert(error);
        }
    }
}

/// Sets the time of the last change to now, by the clock of whoever keeps the file.
fn renew(file: &File) -> io::Result<()> {
    let time = |tv_nsec| Timespec { tv_sec: 0, tv_nsec };
    let times = Timestamps { last_access: time(UTIME_OMIT), last_modification: time(UTIME_NOW) };
    Ok(futimens(file, &times)?)
}
