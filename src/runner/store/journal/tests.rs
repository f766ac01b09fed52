//! Journals that are damaged, torn, doubled, of another plan, or written by several attempts.

use std::fs;

use proptest::prelude::*;

use super::super::recorder::JournalWriter;
use super::*;
use crate::runner::plan::layout::tests::layout;
use crate::runner::store::RunDir;

/// A plan of 2 blocks with a coupled column of 6 rows between two that are not, in 3 shards.
fn planned(seed: u64) -> BoundPlan {
    BoundPlan::example(layout(2, 6, &[false, true, false]), seed, 3)
}

/// What a unit's result looks like; another for every unit.
fn result(unit: u64) -> Envelope {
    Envelope::example(unit, "OTFHPCJ")
}

/// The pieces of a shard: first units and results.
fn pieces(layout: &Layout, units: &Range<u64>) -> Vec<(u64, Vec<Envelope>)> {
    layout
        .pieces_of(units.clone())
        .map(|piece| (piece.start, piece.map(result).collect()))
        .collect()
}

fn attempt(host: &str) -> Attempt {
    let (host, job, started) = (host.into(), Some("120_1".into()), "now".into());
    Attempt { host, process: 7, job, started, binary: Digest::of(b"a build") }
}

/// The frames of a journal with all pieces of a shard.
fn frames(identity: &Identity, layout: &Layout) -> Vec<Vec<u8>> {
    let mut frames = vec![identity.header_frame(), identity.attempt_frame(&attempt("a"))];
    let pieces = pieces(layout, &identity.units);
    frames.extend(pieces.iter().map(|(first, results)| identity.piece_frame(*first, results)));
    frames
}

fn read(bytes: &[u8], identity: &Identity, layout: &Layout) -> Result<(Told, Results), Foreign> {
    let mut results = Results::none(&identity.units);
    decode(bytes, identity, layout, &mut results).map(|told| (told, results))
}

#[test]
fn a_whole_journal_gives_every_result_back() {
    let plan = planned(1);
    for shard in 0..3 {
        let identity = Identity::new(&plan, shard);
        let bytes = frames(&identity, &plan.layout).concat();
        let (told, results) = read(&bytes, &identity, &plan.layout).unwrap();
        let expected: Vec<Envelope> = identity.units.clone().map(result).collect();
        assert_eq!(results.complete(), Some(expected));
        assert_eq!((told.attempts, told.ended, told.end), (vec![attempt("a")], None, bytes.len()));
    }
}

/// At every length: all whole frames are kept, and what is torn is known.
#[test]
fn a_torn_tail_costs_what_is_torn() {
    let plan = planned(1);
    let identity = Identity::new(&plan, 1);
    let frames = frames(&identity, &plan.layout);
    let pieces = pieces(&plan.layout, &identity.units);
    let bytes = frames.concat();
    for length in 0..bytes.len() {
        let (told, results) = read(&bytes[..length], &identity, &plan.layout).unwrap();
        let (mut end, mut whole) = (0, 0);
        while let Some(frame) = frames.get(whole).filter(|frame| end + frame.len() <= length) {
            (end, whole) = (end + frame.len(), whole + 1);
        }
        let done: usize = pieces.iter().take(whole.saturating_sub(2)).map(|p| p.1.len()).sum();
        assert_eq!((told.end, results.done()), (end, done as u64), "{length}");
    }
}

#[test]
fn what_belongs_to_another_plan_or_shard_is_foreign() {
    let plan = planned(1);
    let (ours, neighbour) = (Identity::new(&plan, 1), Identity::new(&plan, 2));
    let other = Identity::new(&planned(2), 1);
    for foreign in [&neighbour, &other] {
        let bytes = frames(foreign, &plan.layout).concat();
        assert_eq!(read(&bytes, &ours, &plan.layout), Err(Foreign));
        // Among frames of ours they are passed over.
        let mut mixed = frames(&ours, &plan.layout);
        mixed.truncate(4);
        mixed.extend(frames(foreign, &plan.layout));
        let (told, results) = read(&mixed.concat(), &ours, &plan.layout).unwrap();
        assert_eq!((told.attempts.len(), results.done()), (1, 2));
    }
    assert_eq!(read(&[0; 4096], &ours, &plan.layout), Err(Foreign));
    assert_eq!(read(b"", &ours, &plan.layout), Ok((Told::default(), Results::none(&ours.units))));
}

/// A piece of another size, as another order of units would have it, is not taken.
#[test]
fn a_piece_that_is_none_is_passed_over() {
    let plan = planned(1);
    let identity = Identity::new(&plan, 0);
    let mut bytes = identity.header_frame();
    for (first, length) in [(0, 2), (1, 0), (12, 5), (13, 6), (u64::MAX, 1)] {
        let results: Vec<Envelope> = (0..length).map(result).collect();
        bytes.extend(identity.piece_frame(first, &results));
    }
    assert_eq!(read(&bytes, &identity, &plan.layout).unwrap().1.done(), 0);
}

/// Counts of a damaged journal's frames: those that are still there to the byte.
fn untouched(frames: &[Vec<u8>], bytes: &[u8]) -> Vec<bool> {
    let there = |frame: &Vec<u8>| bytes.windows(frame.len()).any(|window| window == frame);
    frames.iter().map(there).collect()
}

/// One way to damage some bytes: what, where (of the whole), how much.
type Mutation = (u8, f64, usize, u8);

fn damage(bytes: &mut Vec<u8>, (what, at, length, fill): Mutation) {
    let at = (at * bytes.len() as f64) as usize;
    let end = bytes.len().min(at + length);
    match what {
        0 => bytes.truncate(at),
        1 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << (fill % 8)),
        2 => bytes[at..end].fill(fill),
        3 => drop(bytes.drain(at..end)),
        4 => drop(bytes.splice(at..at, vec![fill; length])),
        5 => {
            let copy = bytes[at..end].to_vec();
            bytes.extend(copy);
        }
        _ => {
            let copy = bytes[at..end].to_vec();
            let to = usize::from(fill) * bytes.len() / 256;
            bytes.splice(to..to, copy);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5000))]

    /// Whatever happens to a journal: no panic, no result that is not the unit's own, and every
    /// frame that is still there counts.
    #[test]
    fn damage_costs_what_is_damaged_and_no_more(
        mutations in prop::collection::vec((0u8..7, 0.0..1.0, 0usize..400, any::<u8>()), 1..5),
    ) {
        let plan = planned(1);
        let identity = Identity::new(&plan, 1);
        let frames = frames(&identity, &plan.layout);
        let mut bytes = frames.concat();
        for mutation in mutations {
            damage(&mut bytes, mutation);
        }
        let untouched = untouched(&frames, &bytes);
        let Ok((told, results)) = read(&bytes, &identity, &plan.layout) else {
            prop_assert!(!untouched.contains(&true));
            return Ok(());
        };
        for (unit, found) in results.iter() {
            prop_assert_eq!(found, &result(unit));
        }
        for ((first, piece), there) in pieces(&plan.layout, &identity.units).iter().zip(&untouched[2..]) {
            prop_assert_eq!(results.has(*first), *there);
            prop_assert_eq!(results.has(first + piece.len() as u64 - 1), *there);
        }
        prop_assert_eq!(!told.attempts.is_empty(), untouched[1]);
        prop_assert!(told.end <= bytes.len());
    }
}

/// A folder with a journal, as processes leave it.
struct Kept {
    _folder: tempfile::TempDir,
    run: RunDir,
    plan: BoundPlan,
}

impl Kept {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let plan = planned(1);
        Self { run: RunDir::new(folder.path()), _folder: folder, plan }
    }

    fn journals(&self) -> Journals {
        let paths = journals(&self.run).unwrap().remove(&1).unwrap_or_default();
        Journals::read(&self.plan, 1, &paths).unwrap()
    }

    /// An attempt that keeps some pieces.
    fn attempt(&self, host: &str, chosen: Range<usize>) -> JournalWriter {
        let (path, identity) = (self.run.journal(1), Identity::new(&self.plan, 1));
        let end = self.journals().ends.get(&path).copied().unwrap_or(0);
        let pieces = pieces(&self.plan.layout, &identity.units);
        let recorder = JournalWriter::open(&path, identity, &attempt(host), end).unwrap();
        pieces[chosen].iter().for_each(|(first, results)| recorder.keep(*first, results));
        recorder
    }
}

#[test]
fn attempts_follow_each_other_in_one_journal() {
    let kept = Kept::new();
    assert!(!kept.journals().running);
    let recorder = kept.attempt("a", 0..3);
    assert!(kept.journals().running);
    let why = Why::Asked { signal: 10, left: None };
    recorder.close(&why).unwrap();
    let journals = kept.journals();
    assert_eq!((journals.results.done(), journals.running), (3, false));
    assert_eq!(journals.ended, Some(why));
    // Torn, as by a crash of the machine.
    let path = kept.run.journal(1);
    let mut bytes = fs::read(&path).unwrap();
    bytes.extend(&bytes.clone()[..70]);
    fs::write(&path, &bytes).unwrap();
    // The second finds one of its pieces there already.
    let why = Why::Error { message: "no space".into() };
    kept.attempt("b", 2..5).close(&why).unwrap();
    let journals = kept.journals();
    assert_eq!(journals.attempts, [attempt("a"), attempt("b")]);
    assert_eq!((journals.results.done(), journals.ended), (5, Some(why)));
    assert_eq!(fs::metadata(&path).unwrap().len(), journals.ends[&path]);
}

/// A process that ends without a word, now, loses nothing that it finished.
#[test]
fn pieces_are_written_at_once_and_the_journal_is_renewed_while_others_work() {
    let kept = Kept::new();
    let recorder = kept.attempt("a", 0..3);
    assert_eq!(kept.journals().results.done(), 3);
    let path = kept.run.journal(1);
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    let wait_until = |what: &dyn Fn() -> bool| {
        while !what() {
            assert!(std::time::Instant::now() < deadline);
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    let old = SystemTime::now() - Duration::from_secs(1000);
    fs::File::options().append(true).open(&path).unwrap().set_modified(old).unwrap();
    assert!(!kept.journals().running);
    wait_until(&|| kept.journals().running);
    drop(recorder);
    // It did not say that it ended, so it is missed only later.
    assert!(kept.journals().running);
}
