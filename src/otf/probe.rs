//! A short look at what a study will be like: how long its methods take, and whether its programs
//! run at all. Nothing of it is a result.

use std::path::Path;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use crate::runner::engine::Tried;
use crate::science::data::{BinData, Campaign, DataError, Realisation};
use crate::science::fit::{Constraint, Context, Deadline, Problem, fit_bin, fit_bins};

use super::study::{Estimator, Study};

/// Bins at which methods are timed, spread over those of the study.
const TIMED: usize = 4;

/// What was measured: time of the processor, whatever else it has to do. It is that of the thread
/// that asks, so the pool is to have one.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Timed {
    /// Making the spectra of one realisation.
    pub realisation: Duration,
    /// Gathering the data of one bin.
    pub gathering: Duration,
    /// One unit of each method; none where its turn did not come, or for another program.
    pub units: Vec<Option<Duration>>,
}

/// Times the methods of a study at some bins of its first realisation, in about so much time, on the
/// current rayon pool.
///
/// # Errors
/// If interferograms cannot be read.
pub(super) fn time_methods(
    study: &Study,
    campaign: &Campaign,
    budget: Duration,
) -> Result<Timed, DataError> {
    let (begun, clock) = (Instant::now(), thread_time());
    let bins = spread(&study.bins);
    let realisation = campaign.realise(&study.draw(study.realisation(0)), &bins)?;
    let realised = thread_time() - clock;
    let gathered: Vec<BinData> =
        (0..bins.len()).map(|place| campaign.bin_data(&realisation, place)).collect();
    let gathering = (thread_time() - clock - realised) / gathered.len().max(1) as u32;
    let time = |method| {
        let left = budget.checked_sub(begun.elapsed()).filter(|left| !left.is_zero())?;
        time_method(study, &realisation, &gathered, method, left)
    };
    let units = (0..study.methods.len()).map(time).collect();
    Ok(Timed { realisation: realised, gathering, units })
}

/// Time that the processor has spent on this thread.
#[must_use]
pub(super) fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let (seconds, nanoseconds) = (time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs());
    Duration::from_secs(seconds) + Duration::from_nanos(nanoseconds)
}

/// A few of the bins, from all parts.
fn spread(bins: &[usize]) -> Vec<usize> {
    let count = bins.len().min(TIMED);
    (0..count).map(|place| bins[(2 * place + 1) * bins.len() / (2 * count)]).collect()
}

/// One unit of a method; none of another program.
fn time_method(
    study: &Study,
    realisation: &Realisation,
    gathered: &[BinData],
    method: usize,
    limit: Duration,
) -> Option<Duration> {
    let Estimator::Native(info, native) = &study.methods[method].estimator else { return None };
    let (begun, clock) = (Instant::now(), thread_time());
    let constraint = study.methods[method].constraint;
    let deadline = Deadline::after(Some(study.unit_limit.unwrap_or(limit).min(limit)));
    let columns: Vec<Vec<&[f64]>> = gathered.iter().map(BinData::columns).collect();
    let problems: Vec<Problem> = gathered
        .iter()
        .zip(&columns)
        .map(|(bin, columns)| problem(realisation, bin, columns, constraint, deadline))
        .collect();
    if info.couples_bins {
        let _ = fit_bins(&problems, |bright| native.fit_coupled(bright));
        return Some((thread_time() - clock) / problems.len().max(1) as u32);
    }
    let mut fitted = 0;
    for problem in &problems {
        let _ = fit_bin(native.as_ref(), problem);
        fitted += 1;
        if begun.elapsed() * 2 > limit {
            break;
        }
    }
    Some((thread_time() - clock) / fitted.max(1))
}

/// Runs every program of a study on one bin with signal, or for so long. Their output goes to
/// `logs`.
///
/// # Errors
/// If interferograms cannot be read.
pub(super) fn try_programs(
    study: &Study,
    campaign: &Campaign,
    logs: &Path,
    patience: Duration,
) -> Result<Vec<Tried>, DataError> {
    let realisation = campaign.realise(&study.draw(study.realisation(0)), &study.bins)?;
    let mut tried: Vec<Tried> = Vec::new();
    for method in &study.methods {
        let Estimator::External(program) = &method.estimator else { continue };
        if tried.iter().any(|other| other.program == program.name) {
            continue;
        }
        let log = logs.join(format!("{}-tried", program.name));
        let run = |bin: &[Problem]| program.try_on(bin, &log, patience).err();
        let problem = at_a_bright_bin(study, campaign, &realisation, method.constraint, run);
        tried.push(Tried { program: program.name.clone(), problem: problem.flatten() });
    }
    Ok(tried)
}

/// Does something with a bin that has signal, of those in the middle; nothing if there is none.
fn at_a_bright_bin<T>(
    study: &Study,
    campaign: &Campaign,
    realisation: &Realisation,
    constraint: Constraint,
    run: impl Fn(&[Problem]) -> T,
) -> Option<T> {
    let mut places: Vec<usize> = (0..study.bins.len()).collect();
    places.sort_by_key(|place| place.abs_diff(study.bins.len() / 2));
    for place in places {
        let bin = campaign.bin_data(realisation, place);
        let columns = bin.columns();
        let problem = problem(realisation, &bin, &columns, constraint, Deadline::NONE);
        if !problem.is_dark() {
            return Some(run(&[problem]));
        }
    }
    None
}

fn problem<'a>(
    realisation: &'a Realisation,
    bin: &'a BinData,
    columns: &'a [&'a [f64]],
    constraint: Constraint,
    deadline: Deadline,
) -> Problem<'a> {
    let problem = realisation.problem(bin, columns, constraint);
    Problem { context: Context { deadline, ..problem.context }, ..problem }
}
