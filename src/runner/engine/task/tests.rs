//! Several who work on one shard.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::otf::Otf;
use crate::otf::study::Config;
use crate::runner::plan::{Plan, Split};
use crate::runner::store::UnitStatus;

/// A planned run in a folder of its own.
struct Planned {
    _folder: tempfile::TempDir,
    run: RunDir,
    plan: BoundPlan,
    otf: Otf,
    pool: ThreadPool,
}

impl Planned {
    fn new() -> Self {
        let settings = [
            "simulate.records=60",
            "simulate.plateau_records=5",
            "fit.bins=4-9",
            "study.trials=3",
            "fit.methods=[\"wls\",\"smooth\"]",
        ];
        let config = Config::load(None, &settings.map(String::from)).unwrap();
        let otf = Otf::new(config).unwrap();
        let plan = Plan::make(otf.planned().unwrap(), 1, Build::running().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let run = RunDir::new(folder.path());
        let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
        Self { _folder: folder, run, plan, otf, pool }
    }

    fn worker(&self, locks: Locks) -> Worker<'_> {
        let started = (1, Origin::default());
        let worker = Worker::new(&self.run, &self.plan, &self.otf, &self.pool, started).unwrap();
        Worker { locks, ..worker }
    }

    /// Fits the shard, and does something when the first configuration is done.
    fn fit(&self, locks: Locks, at_first: &(dyn Fn() + Sync)) -> Result<ShardEnd, TaskError> {
        let first = AtomicBool::new(true);
        let listener = |_| {
            if first.swap(false, Ordering::Relaxed) {
                at_first();
            }
        };
        self.worker(locks).run_shard(0, &Progress::default(), &listener)
    }

    fn partial(&self) -> Partial {
        Partial::read(&self.run, &self.plan, 0).unwrap()
    }

    /// How many files are in a folder.
    fn count(folder: PathBuf) -> usize {
        std::fs::read_dir(folder).map_or(0, Iterator::count)
    }

    fn assert_tidy(&self) {
        assert_eq!(Self::count(self.run.journals()), 0);
    }
}

fn fitted(ending: Result<ShardEnd, TaskError>) -> Summary {
    match ending {
        Ok(ShardEnd::Fitted(summary)) => summary,
        other => panic!("{other:?}"),
    }
}

#[test]
fn who_finds_a_shard_locked_says_who_has_it() {
    let planned = Planned::new();
    let met = || {
        let ending = planned.fit(Locks::AsTold, &|| {});
        let Ok(ShardEnd::Elsewhere(Some(last))) = ending else { panic!("{ending:?}") };
        assert_eq!(last.process, std::process::id());
    };
    fitted(planned.fit(Locks::AsTold, &met));
    planned.assert_tidy();
    assert_eq!(planned.fit(Locks::AsTold, &met).unwrap(), ShardEnd::AlreadyDone);
}

#[test]
fn where_there_are_no_locks_two_may_work_and_the_second_is_content() {
    let planned = Planned::new();
    let second = || {
        fitted(planned.fit(Locks::None, &|| {}));
    };
    let alone = Planned::new();
    fitted(alone.fit(Locks::AsTold, &|| {}));
    // The second begins and ends while the first is at work.
    fitted(planned.fit(Locks::None, &second));
    assert_eq!(planned.partial().results, alone.partial().results);
    assert_eq!(Planned::count(planned.run.set_aside()), 0);
    planned.assert_tidy();
}

/// Both are of this process, so that they share even the journal that each should have for itself.
#[test]
fn where_there_are_no_locks_two_who_begin_at_once_leave_one_partial() {
    let alone = Planned::new();
    fitted(alone.fit(Locks::AsTold, &|| {}));
    for _ in 0..20 {
        let planned = Planned::new();
        let (start, worker) = (std::sync::Barrier::new(2), || planned.fit(Locks::None, &|| {}));
        let begin = || {
            start.wait();
            worker()
        };
        let endings = std::thread::scope(|scope| {
            [scope.spawn(begin), scope.spawn(begin)].map(|thread| thread.join().unwrap())
        });
        for ending in endings {
            assert!(
                matches!(ending, Ok(ShardEnd::Fitted(_) | ShardEnd::AlreadyDone)),
                "{ending:?}"
            );
        }
        assert_eq!(planned.partial().results, alone.partial().results);
        assert_eq!(Planned::count(planned.run.set_aside()), 0);
        planned.assert_tidy();
    }
}

#[test]
fn a_private_journal_is_taken_up_by_anybody() {
    let planned = Planned::new();
    let mut worker = planned.worker(Locks::None);
    let stop = worker.stop.clone();
    let stopped = worker.run_shard(0, &Progress::default(), &|_| stop.ask()).unwrap();
    let ShardEnd::Stopped(stopped) = stopped else { panic!("{stopped:?}") };
    assert!(stopped.kept > 0 && stopped.kept < stopped.units, "{stopped:?}");
    assert_ne!(stopped.journal, planned.run.journal(0));
    let summary = fitted(planned.fit(Locks::AsTold, &|| {}));
    assert_eq!(summary.counts.resumed, stopped.kept);
    planned.assert_tidy();
}

#[test]
fn other_results_are_an_error_and_both_are_kept() {
    let planned = Planned::new();
    let alone = Planned::new();
    fitted(alone.fit(Locks::AsTold, &|| {}));
    let mut theirs = alone.partial();
    theirs.results[3].status = UnitStatus::Failed;
    theirs.provenance.host = "n7".into();
    let second = || assert!(theirs.write(&planned.run, &planned.plan, 0).unwrap());
    let error = planned.fit(Locks::AsTold, &second).unwrap_err().to_string();
    assert!(error.contains("on n7 with other results"), "{error}");
    assert_eq!(planned.partial(), theirs);
    let aside = planned.run.set_aside().join("shard-00000.bin.1");
    assert!(error.contains(aside.to_str().unwrap()), "{error}");
    let ours = Partial::decode(&std::fs::read(aside).unwrap(), &planned.plan, 0).unwrap();
    assert_eq!(ours.results, alone.partial().results);
    planned.assert_tidy();
}

#[test]
fn what_is_no_partial_is_no_obstacle_also_when_it_comes_late() {
    let planned = Planned::new();
    let damage = || {
        std::fs::create_dir_all(planned.run.partials()).unwrap();
        std::fs::write(planned.run.partial(0), b"damaged").unwrap();
    };
    fitted(planned.fit(Locks::AsTold, &damage));
    planned.partial();
    assert_eq!(Planned::count(planned.run.set_aside()), 1);
}

/// The journal of another plan, and something that is no journal at all.
#[test]
fn what_is_no_journal_of_the_shard_is_moved_aside() {
    let other = Planned::new();
    for directory in [false, true] {
        let planned = Planned::new();
        std::fs::create_dir_all(planned.run.journals()).unwrap();
        let path = planned.run.journal(0);
        if directory {
            std::fs::create_dir(&path).unwrap()
        } else {
            let mut plan = other.plan.clone();
            plan.hash = crate::foundations::Digest::of(b"another plan");
            let attempt = Attempt::of_this_process(&Origin::default(), plan.hash);
            JournalWriter::begin(&planned.run, &plan, 0, &attempt)
                .unwrap()
                .close(&Why::Asked { signal: 0, left: None })
                .unwrap();
        }
        let summary = fitted(planned.fit(Locks::AsTold, &|| {}));
        assert_eq!((summary.foreign_journals, summary.counts.resumed), (1, 0));
        assert_eq!(Planned::count(planned.run.set_aside()), 1);
        planned.assert_tidy();
    }
}

#[test]
fn parts_of_a_shard_take_up_what_it_had_done() {
    let mut planned = Planned::new();
    let mut worker = planned.worker(Locks::AsTold);
    let stop = worker.stop.clone();
    let stopped = worker.run_shard(0, &Progress::default(), &|_| stop.ask()).unwrap();
    let ShardEnd::Stopped(stopped) = stopped else { panic!("{stopped:?}") };
    drop(worker);
    let kept = || {
        let found = journals(&planned.run).unwrap();
        Journals::of_shard(&planned.plan, 0, &found).unwrap().results
    };
    let (done, shards) = (kept(), &planned.plan.shards);
    let cuts = shards.cut(&planned.plan.layout, 0, |unit| done.has(unit), 3).unwrap();
    let split = Split { shard: 0, reason: "time limit".into(), first: shards.numbers(), cuts };
    planned.plan.cut(vec![split]).unwrap();
    planned.plan.write_revisions(&planned.run).unwrap();
    let plan = planned.plan.clone().revised(&planned.run).unwrap();
    assert_eq!(plan, planned.plan);
    assert_eq!(plan.shards.live(), [1, 2, 3]);
    let mut resumed = 0;
    for part in plan.shards.live() {
        let mut worker = planned.worker(Locks::AsTold);
        let ending = worker.run_shard(part, &Progress::default(), &|_| {});
        resumed += fitted(ending).counts.resumed;
    }
    assert_eq!(resumed, stopped.kept);
    assert_eq!(Planned::count(planned.run.journals()), 1);
    remove_outlived(&planned.run, &plan).unwrap();
    planned.assert_tidy();
    let alone = Planned::new();
    fitted(alone.fit(Locks::AsTold, &|| {}));
    let parts = plan
        .shards
        .live()
        .into_iter()
        .flat_map(|part| Partial::read(&planned.run, &plan, part).unwrap().results);
    assert_eq!(parts.collect::<Vec<_>>(), alone.partial().results);
}
