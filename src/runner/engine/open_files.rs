//! The limit on open files: low by default on some machines, for no reason that matters here.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Open besides those of threads and programs: journals, partials, inputs, the terminal.
const OTHERS: u64 = 64;
/// Of a program: its output, its errors, and the folder or file that it is given.
const OF_PROGRAM: u64 = 3;

/// Allows this process as many open files as it may need, where it is allowed fewer. More than that
/// is not asked for: programs inherit the limit, and some walk through all numbers below it.
///
/// Returns what a person should know if it cannot be done.
#[must_use]
pub fn allow_open_files(threads: usize, programs_at_once: usize) -> Option<String> {
    let needed = OTHERS + threads as u64 + OF_PROGRAM * programs_at_once as u64;
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let granted = current?;
    if granted >= needed {
        return None;
    }
    let most = maximum.unwrap_or(needed).min(needed);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(most), maximum });
    let granted = if raised.is_ok() { most } else { granted };
    (granted < needed).then(|| {
        format!(
            "this process may open {granted} files, and may need {needed} with {threads} threads \
             and {programs_at_once} programs at once; raise the limit with `ulimit -n {needed}`, \
             or use fewer with --threads and --external-jobs"
        )
    })
}
