//! Work on threads of its own, without the interpreter's lock, that Ctrl-C stops.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use otfhpc::runner::engine::ThreadCount;
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;

/// How often signals are looked for.
const LOOK: Duration = Duration::from_millis(50);
/// More threads than any machine has are a mistake.
const MOST_THREADS: usize = 1024;

/// Asks work to end: what it returns then is not used.
#[derive(Debug, Default)]
pub(crate) struct Stop(AtomicBool);

impl Stop {
    /// Whether it is asked to.
    pub(crate) fn asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Does work on a pool of threads; by default, one for each processor that this process may use.
///
/// # Errors
/// If there cannot be so many threads, or a signal handler raised an exception meanwhile.
pub(crate) fn on_threads<T: Send>(
    py: Python<'_>,
    threads: Option<usize>,
    work: impl FnOnce(&Stop) -> T + Send,
) -> PyResult<T> {
    let wish = [(threads, "threads"), (variable("OTFHPC_THREADS")?, "OTFHPC_THREADS")];
    let count = ThreadCount::choose(&wish);
    if !(1..=MOST_THREADS).contains(&count.threads) {
        let (threads, source) = (count.threads, count.source);
        return Err(PyValueError::new_err(format!(
            "{source} is {threads}: expected 1 to {MOST_THREADS}"
        )));
    }
    let pool = count.pool().map_err(|error| PyRuntimeError::new_err(error.to_string()))?;
    let stop = Stop::default();
    py.detach(|| {
        thread::scope(|scope| {
            let (done, ended) = channel();
            let (pool, stop) = (&pool, &stop);
            scope.spawn(move || {
                // Nobody who waits is gone before this ends.
                let _ = done.send(pool.install(|| work(stop)));
            });
            let mut raised = None;
            loop {
                match ended.recv_timeout(LOOK) {
                    Ok(result) => return raised.map_or(Ok(result), Err),
                    Err(RecvTimeoutError::Timeout) if raised.is_none() => {
                        raised = Python::attach(|py| py.check_signals()).err();
                        stop.0.store(raised.is_some(), Ordering::Relaxed);
                    }
                    Err(RecvTimeoutError::Timeout) => {}
                    // The work panicked: `scope` goes on with that, and this is not seen.
                    Err(RecvTimeoutError::Disconnected) => {
                        return Err(PyRuntimeError::new_err("the work ended without a result"));
                    }
                }
            }
        })
    })
}

/// A number of threads in a variable of the environment.
fn variable(name: &str) -> PyResult<Option<usize>> {
    let Ok(text) = std::env::var(name) else { return Ok(None) };
    let number = text.trim().parse().map_err(|_| {
        PyValueError::new_err(format!("{name} is `{text}`: expected a number of threads"))
    })?;
    Ok(Some(number))
}
