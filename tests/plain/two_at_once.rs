//! Two processes that work on the same shards at once: the results are those of one.

#![allow(clippy::unwrap_used)] // helpers of tests fail as the tests themselves do

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::support::planned::{Planned, SLOW, Working};
use crate::support::program::{Products, otfhpc, products};
use crate::support::turn;

const SHARDS: u32 = 3;
/// The slow study with fewer trials.
const SHORT: &str = "--set=study.trials=3";

#[test]
fn two_at_once_share_the_shards_and_nothing_else() {
    let _turn = turn();
    let settings: Vec<&str> = SLOW.into_iter().chain([SHORT]).collect();
    let alone = Planned::new(SHARDS, &settings);
    otfhpc(["run", alone.path(), "--shard", "0-2"]).ended(0);
    otfhpc(["merge", alone.path()]).ended(0);
    let undisturbed = products(alone.run.root());
    let mut met = 0;
    for round in 0..6_u64 {
        let planned = Planned::new(SHARDS, &settings);
        let both = [0, 1].map(|second| {
            std::thread::sleep(Duration::from_millis(second * round * 40));
            Working::start(planned.run.root(), "0-2")
        });
        let pids = both.each_ref().map(|working| working.child.id());
        for (working, other) in both.into_iter().zip([pids[1], pids[0]]) {
            let (code, said) = working.ended();
            let meets = said.matches(" is being fitted by ").count();
            assert_eq!(meets, said.matches("; nothing to do here").count(), "{said}");
            assert!(said.matches(&format!(", process {other};")).count() <= meets, "{said}");
            // Who met the other at the last shard does not know how that ended.
            assert!(code == Some(0) || (code == Some(75) && meets > 0), "{code:?}: {said}");
            met += meets;
        }
        // Every shard was fitted once.
        assert!(planned.is_done());
        for shard in 0..SHARDS {
            let provenance = planned.partial(shard).unwrap().provenance;
            assert_eq!((provenance.attempts, provenance.units_from_journal), (1, 0));
            assert!(pids.contains(&provenance.process));
        }
        otfhpc(["run", planned.path(), "--shard", "0-2"]).ended(0);
        planned.assert_merges_to(&undisturbed, &format!("round {round}"));
    }
    assert!(met > 0, "they never met");
}

/// What one shard's processes must leave.
fn shard_alone() -> Products {
    let alone = Planned::new(1, &ONE);
    otfhpc(["run", alone.path(), "--shard", "0"]).ended(0);
    otfhpc(["merge", alone.path()]).ended(0);
    products(alone.run.root())
}

/// A single shard of a second or so.
const ONE: [&str; 5] = {
    let mut settings = SLOW;
    settings[4] = "--set=study.trials=1";
    settings
};

/// Both end well, or one says that the other is at work. Returns how often one did.
fn start_twice(planned: &Planned) -> usize {
    let both = [0, 1].map(|_| Working::start(planned.run.root(), "0"));
    let ended = both.map(Working::ended);
    for (code, said) in &ended {
        assert!(matches!(code, Some(0 | 75)) && !said.contains("panicked"), "{code:?}: {said}");
    }
    assert!(ended.iter().any(|(code, _)| *code == Some(0)), "{ended:?}");
    ended.iter().filter(|(code, _)| *code == Some(75)).count()
}

#[test]
fn the_same_shard_started_twice_at_once_is_fitted_once() {
    let _turn = turn();
    let undisturbed = shard_alone();
    for round in 0..20 {
        let planned = Planned::new(1, &ONE);
        start_twice(&planned);
        assert_eq!(planned.partial(0).unwrap().provenance.attempts, 1);
        planned.assert_merges_to(&undisturbed, &format!("round {round}"));
    }
}

/// Whose lock is removed has none that another would see, as on a file system that does not share
/// its locks: both work on the shard, and in the same journal.
#[test]
fn the_same_shard_started_twice_at_once_where_locks_are_a_lie() {
    let _turn = turn();
    let undisturbed = shard_alone();
    let mut both_worked = 0;
    for round in 0..20 {
        let planned = Planned::new(1, &ONE);
        let (lock, over) = (planned.run.lock(0), AtomicBool::new(false));
        let met = std::thread::scope(|scope| {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    let _ = std::fs::remove_file(&lock);
                    std::thread::sleep(Duration::from_micros(200));
                }
            });
            let met = start_twice(&planned);
            over.store(true, Ordering::Relaxed);
            met
        });
        both_worked += usize::from(met == 0);
        planned.assert_merges_to(&undisturbed, &format!("round {round}"));
    }
    assert!(both_worked > 0, "one always found the other's lock");
}
