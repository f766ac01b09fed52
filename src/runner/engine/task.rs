//! The work of one array task: one shard, from the plan to its partial, by way of its journal.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rayon::ThreadPool;

use crate::foundations::machine::peak_memory;
use crate::foundations::{Digest, FileError};
use crate::runner::plan::{BoundPlan, Build};
use crate::runner::store::{
    Attempt, ColumnTime, Holder, Identity, JournalWriter, Journals, Lock, Locked, Locks, Origin,
    Partial, PartialError, Piece, Provenance, Results, RunDir, Why, free_place, journals, lock,
    locked_shards, now, set_aside,
};

use super::desk::Desk;
use super::ending::{ShardEnd, Stopped, Summary};
use super::profile::{Phase, Profile};
use super::progress::{Counts, Progress};
use super::stop::Stop;
use super::tally::Listener;
use super::task_error::TaskError;
use super::work::{Programs, Work};
use super::workload::Workload;

/// How often something that is no partial is moved out of the way of one.
const TRIES: usize = 3;

/// What every shard of a process shares.
#[derive(Debug)]
pub struct Worker<'a> {
    /// The results folder.
    pub run: &'a RunDir,
    /// The plan.
    pub plan: &'a BoundPlan,
    /// What the plan is for.
    pub workload: &'a dyn Workload,
    /// The worker threads.
    pub pool: &'a ThreadPool,
    /// How the programs are run that some methods are.
    pub programs: Programs,
    /// Where this process was started, for the provenance.
    pub origin: Origin,
    /// Whoever asks this makes the shard in hand end early.
    pub stop: Stop,
    /// Whether locks are believed.
    pub locks: Locks,
    /// Learns where the time goes.
    pub profile: Arc<Profile>,
    /// BLAKE3 of the executable of this process.
    binary: Digest,
}

impl<'a> Worker<'a> {
    /// For a plan whose inputs were looked at: [`Worker::checked`] does that for one that was made before.
    ///
    /// # Errors
    /// If this program's own executable cannot be read.
    pub fn new(
        run: &'a RunDir,
        plan: &'a BoundPlan,
        workload: &'a dyn Workload,
        pool: &'a ThreadPool,
        (programs_at_once, origin): (usize, Origin),
    ) -> Result<Self, TaskError> {
        Ok(Self {
            run,
            plan,
            workload,
            pool,
            programs: Programs { at_once: programs_at_once, logs: run.program_logs() },
            origin,
            stop: Stop::default(),
            locks: Locks::default(),
            profile: Arc::new(Profile::off()),
            binary: Build::running()?.blake3,
        })
    }

    /// Checks that the inputs are those of the plan.
    ///
    /// # Errors
    /// If an input file changed, or as [`Worker::new`].
    pub fn checked(
        run: &'a RunDir,
        plan: &'a BoundPlan,
        workload: &'a dyn Workload,
        pool: &'a ThreadPool,
        started: (usize, Origin),
    ) -> Result<Self, TaskError> {
        plan.check_inputs()?;
        Self::new(run, plan, workload, pool, started)
    }

    /// The same, but whoever asks `stop` makes the shard in hand end early.
    #[must_use]
    pub fn obeying(self, stop: Stop) -> Self {
        Self { stop, ..self }
    }

    /// The same, but tells where the time goes.
    #[must_use]
    pub fn telling(self, profile: Arc<Profile>) -> Self {
        Self { profile, ..self }
    }

    /// Fits what is left of one shard and leaves its partial; does nothing if a sound one is there.
    ///
    /// # Errors
    /// If the shard is not in the plan, or a file cannot be used.
    pub fn run_shard(
        &mut self,
        shard: u32,
        progress: &Progress,
        listener: Listener,
    ) -> Result<ShardEnd, TaskError> {
        let units = self.units(shard)?;
        self.plan.check_stands(self.run)?;
        if Partial::prove(self.run, self.plan, shard).is_ok() {
            self.clear(shard);
            return Ok(ShardEnd::AlreadyDone);
        }
        let attempt = Attempt::of_this_process(&self.origin, self.binary);
        let (lock, journal) = match lock(&self.run.lock(shard), self.locks)? {
            Locked::Elsewhere => return self.elsewhere(shard),
            Locked::Ours(lock) => {
                lock.sign(&Holder::new(attempt.host.clone()));
                (Some(lock), self.run.journal(shard))
            }
            // Two may work at once then: each keeps a journal of its own.
            Locked::Unknown => {
                (None, self.run.private_journal(shard, &attempt.host, attempt.process))
            }
        };
        match self.take_up(shard, units, attempt, journal)? {
            None => Ok(ShardEnd::AlreadyDone),
            // The lock is held until this returns.
            Some(task) => self.work(task, lock.as_ref(), progress, listener),
        }
    }

    /// Looks at what others have left of a shard; none if somebody has just finished it.
    fn take_up(
        &self,
        shard: u32,
        units: Range<u64>,
        attempt: Attempt,
        journal: PathBuf,
    ) -> Result<Option<ShardInHand>, TaskError> {
        let damaged = match Partial::prove(self.run, self.plan, shard) {
            Ok(_) => return Ok(None),
            Err(PartialError::Missing) => false,
            // It may be sound: only nobody can see it now.
            Err(PartialError::File(error)) => return Err(error.into()),
            Err(_) => {
                // A partial of the plan that is there now is not in the way of a task of the old one.
                self.plan.check_stands(self.run)?;
                set_aside(self.run, &self.run.partial(shard))?
            }
        };
        let mut found = journals(self.run)?;
        let past = Journals::of_shard(self.plan, shard, &found)?;
        let mut journals = found.remove(&shard).unwrap_or_default();
        journals.retain(|path| *path != journal && !past.foreign.contains(path));
        journals.push(journal.clone());
        Ok(Some(ShardInHand {
            shard,
            units,
            attempt,
            past,
            damaged,
            foreign_journals: 0,
            journal,
            journals,
        }))
    }

    /// Fits what is left of a shard, and ends its journal in one way or the other.
    fn work(
        &mut self,
        mut task: ShardInHand,
        lock: Option<&Lock>,
        progress: &Progress,
        listener: Listener,
    ) -> Result<ShardEnd, TaskError> {
        for path in &task.past.foreign {
            // Another process may have begun to write it just now, unless there is none.
            if lock.is_some() || *path == task.journal {
                task.foreign_journals += u64::from(set_aside(self.run, path)?);
            }
        }
        let end = task.past.ends.get(&task.journal).copied().unwrap_or(0);
        let identity = Identity::new(self.plan, task.shard);
        let recorder = JournalWriter::open(&task.journal, identity, &task.attempt, end)?;
        let fitted = self.fit(&task, &recorder, progress, listener);
        match fitted.and_then(|fitted| self.finish(&mut task, fitted)) {
            Ok(Some(summary)) => {
                let journal_trouble = recorder.discard().err().map(|error| error.to_string());
                remove(&task.journals)?;
                let changed = self.changed(lock);
                Ok(ShardEnd::Fitted(Summary { journal_trouble, changed, ..summary }))
            }
            Ok(None) => Ok(ShardEnd::Stopped(self.leave(&task, recorder, &self.stop.why())?)),
            Err(error @ TaskError::Differs { .. }) => {
                // What may be wrong must not be taken up again.
                let _ = recorder.discard();
                remove(&task.journals)?;
                Err(error)
            }
            Err(error) => {
                // What went wrong first is what is told; and if the plan was replaced, that is it.
                let error = self.plan.check_stands(self.run).err().map_or(error, TaskError::from);
                let message = error.to_string();
                let _ = self.leave(&task, recorder, &Why::Error { message });
                Err(error)
            }
        }
    }

    /// What of the plan and of the lock is no longer as it was.
    fn changed(&self, lock: Option<&Lock>) -> Vec<String> {
        let plan = self.plan.check_kept(self.run).err().map(|error| error.to_string());
        let lock = lock.and_then(|lock| lock.check_kept().err()).map(|error| error.to_string());
        plan.into_iter().chain(lock).collect()
    }

    /// Removes what a process left that was killed right after it had written the partial. That
    /// it cannot be removed is no reason to fail.
    fn clear(&self, shard: u32) {
        let paths = journals(self.run).ok().and_then(|mut found| found.remove(&shard));
        if paths.is_none() && !self.run.lock(shard).exists() {
            return;
        }
        if let Ok(Locked::Ours(_) | Locked::Unknown) = lock(&self.run.lock(shard), self.locks) {
            let _ = remove(&paths.unwrap_or_default());
        }
    }

    /// What to say of a shard that another process works on.
    fn elsewhere(&self, shard: u32) -> Result<ShardEnd, TaskError> {
        if Partial::check(self.run, self.plan, shard).is_ok() {
            return Ok(ShardEnd::AlreadyDone);
        }
        let mut journals = Journals::of_shard(self.plan, shard, &journals(self.run)?)?;
        Ok(ShardEnd::Elsewhere(journals.attempts.pop()))
    }

    fn units(&self, shard: u32) -> Result<Range<u64>, TaskError> {
        let shards = &self.plan.shards;
        shards.units(shard).ok_or_else(|| TaskError::NoSuchShard {
            given: "the shard",
            shard,
            shards: shards.numbers(),
            root: self.run.root().to_path_buf(),
        })
    }

    /// Runs what is left, until it is asked to stop.
    fn fit(
        &self,
        task: &ShardInHand,
        recorder: &JournalWriter,
        progress: &Progress,
        listener: Listener,
    ) -> Result<Fitted, TaskError> {
        let (clock, before) = (Instant::now(), progress.counts());
        let done = &task.past.results;
        done.iter().for_each(|(_, result)| progress.unit_resumed(result.status));
        let desk = Desk::new(
            (&self.plan.layout, &self.profile),
            (&task.units, done),
            recorder,
            (progress, listener),
        );
        let keeper = |first, results, time| desk.keep(first, results, time);
        let shared = (&self.stop, &*self.profile);
        let work = Work::new(task.units.clone(), done, &self.programs, shared, &keeper);
        self.pool.install(|| self.workload.run(&work))?;
        let preparing = work.prepared_at().map_or(Duration::ZERO, |at| at - clock);
        let (pieces, times) = desk.close(self.workload.column_labels());
        let counts = progress.counts().since(&before);
        Ok(Fitted { pieces, times, counts, preparing, wall: clock.elapsed() })
    }

    /// Writes the partial; none if units are still to be run.
    fn finish(&self, task: &mut ShardInHand, fitted: Fitted) -> Result<Option<Summary>, TaskError> {
        let Fitted { pieces, times, counts, preparing, wall } = fitted;
        let mut results = std::mem::replace(&mut task.past.results, Results::none(&(0..0)));
        for piece in pieces {
            results.put(piece.first, piece.results);
        }
        let Some(results) = results.complete() else { return Ok(None) };
        let provenance = self.provenance(task, wall, &counts, times);
        let partial = Partial { results, provenance };
        let hand_in = || self.hand_in(task.shard, &partial);
        let was_in_the_way = self.profile.phase(Phase::Write, hand_in)?;
        Ok(Some(Summary {
            counts,
            preparing,
            fitting: wall - preparing,
            set_aside: task.damaged || was_in_the_way,
            foreign_journals: task.foreign_journals,
            journal_trouble: None,
            changed: Vec::new(),
        }))
    }

    /// Leaves a partial in its place. Where a sound one is by now, that stays: it must be the same. Says
    /// whether something else was there, and moved aside.
    fn hand_in(&self, shard: u32, ours: &Partial) -> Result<bool, TaskError> {
        let path = self.run.partial(shard);
        let mut was_in_the_way = false;
        for _ in 0..TRIES {
            self.plan.check_stands(self.run)?;
            if ours.write(self.run, self.plan, shard)? {
                return Ok(was_in_the_way);
            }
            match Partial::read(self.run, self.plan, shard) {
                Ok(theirs) if theirs.has_results_of(ours) => return Ok(was_in_the_way),
                Ok(theirs) => {
                    let mut aside = free_place(self.run, &path)?;
                    while !ours.write_to(&aside, self.plan, shard)? {
                        aside = free_place(self.run, &path)?;
                    }
                    let Provenance { host, process, .. } = theirs.provenance;
                    return Err(TaskError::Differs { shard, path, host, process, aside });
                }
                Err(PartialError::File(error)) => return Err(error.into()),
                Err(_) => {
                    self.plan.check_stands(self.run)?;
                    was_in_the_way |= set_aside(self.run, &path)?;
                }
            }
        }
        Err(FileError::new("write", &path, ErrorKind::AlreadyExists.into()).into())
    }

    /// Ends the journal of a shard that is not done, and says what stands in it.
    fn leave(
        &self,
        task: &ShardInHand,
        recorder: JournalWriter,
        why: &Why,
    ) -> Result<Stopped, TaskError> {
        let trouble = recorder.close(why).err().map(|error| error.to_string());
        // Not what was handed to the journal counts, but what can be read from it.
        let found = journals(self.run)?;
        let left = Journals::of_shard(self.plan, task.shard, &found)?;
        let kept = left.results.done();
        if kept == 0 && matches!(why, Why::Asked { .. }) {
            remove(&task.journals)?;
        }
        let units = task.units.end - task.units.start;
        Ok(Stopped { shard: task.shard, kept, units, journal: task.journal.clone(), trouble })
    }

    fn provenance(
        &self,
        task: &ShardInHand,
        wall: Duration,
        counts: &Counts,
        times: Vec<ColumnTime>,
    ) -> Provenance {
        let Attempt { host, process, job, started, binary } = task.attempt.clone();
        Provenance {
            shard: task.shard,
            host,
            process,
            job,
            attempts: task.past.attempts.len() as u64 + 1,
            units_from_journal: counts.resumed,
            binary,
            earlier_binaries: other_binaries(&task.past, binary),
            threads: self.pool.current_num_threads(),
            started,
            finished: now(),
            wall_seconds: wall.as_secs_f64(),
            unit_seconds: counts.unit_time.as_secs_f64(),
            peak_memory_bytes: peak_memory(),
            times,
        }
    }
}

/// Removes all journals and files of locks when all is merged, also those of shards that were cut into
/// more: what they had done stands in partials. What is not of this plan goes to `aside/`, and who holds
/// a shard keeps what is his.
///
/// # Errors
/// If the folder cannot be read, or a file cannot be removed.
pub fn remove_outlived(run: &RunDir, plan: &BoundPlan) -> Result<(), FileError> {
    let mut found = journals(run)?;
    for shard in locked_shards(run)? {
        found.entry(shard).or_default();
    }
    for (shard, paths) in found {
        if let Locked::Ours(_) | Locked::Unknown = lock(&run.lock(shard), Locks::default())? {
            for path in Journals::read(plan, shard, &paths)?.foreign() {
                set_aside(run, path)?;
            }
            remove(&paths)?;
        }
    }
    Ok(())
}

/// A shard in hand.
struct ShardInHand {
    shard: u32,
    units: Range<u64>,
    attempt: Attempt,
    /// What earlier attempts have left.
    past: Journals,
    /// Whether a damaged partial was in the way.
    damaged: bool,
    /// How many files in the place of journals were in the way.
    foreign_journals: u64,
    /// The journal of this attempt.
    journal: PathBuf,
    /// It and those of earlier attempts.
    journals: Vec<PathBuf>,
}

/// What this attempt has done.
struct Fitted {
    pieces: Vec<Piece>,
    times: Vec<ColumnTime>,
    counts: Counts,
    preparing: Duration,
    wall: Duration,
}

/// The builds that worked on a shard before, other than this one, each once.
fn other_binaries(past: &Journals, ours: Digest) -> Vec<Digest> {
    let attempts = past.attempts.iter().chain(&past.inherited);
    let others: BTreeSet<Digest> = attempts.map(|attempt| attempt.binary).collect();
    others.into_iter().filter(|binary| *binary != ours).collect()
}

/// Removes files; it is no error if somebody else did.
fn remove(paths: &[PathBuf]) -> Result<(), FileError> {
    for path in paths {
        match std::fs::remove_file(path) {
            Err(e) if e.kind() == ErrorKind::NotFound => {}
            removed => removed.map_err(|e| FileError::new("remove", path, e))?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
