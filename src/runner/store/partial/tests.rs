//! Partials that are damaged: refused, whatever happened to them.

use proptest::prelude::*;

use super::*;
use crate::runner::plan::layout::tests::layout;

/// A plan of 24 units in 3 shards.
pub(in crate::runner::store) fn planned(seed: u64) -> BoundPlan {
    BoundPlan::example(layout(2, 6, &[false, false]), seed, 3)
}

fn result(unit: u64) -> Envelope {
    Envelope::example(unit, "OTFHPCP")
}

pub(in crate::runner::store) fn partial(plan: &BoundPlan, shard: u32) -> Partial {
    let times = vec![ColumnTime { label: "wls".into(), units: 4, median_microseconds: 12.5 }];
    let provenance = Provenance {
        shard,
        host: "n7".into(),
        process: 7,
        job: Some("120_1".into()),
        attempts: 1,
        units_from_journal: 0,
        threads: 2,
        started: "now".into(),
        finished: "then".into(),
        wall_seconds: 0.5,
        unit_seconds: 0.9,
        peak_memory_bytes: Some(1 << 20),
        times,
        binary: Digest::of(b"this build"),
        earlier_binaries: Vec::new(),
    };
    Partial { results: planned_units(plan, shard).map(result).collect(), provenance }
}

/// The bytes of a partial, as they are on disk.
fn bytes(plan: &BoundPlan, shard: u32) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("partial");
    assert!(partial(plan, shard).write_to(&path, plan, shard).unwrap());
    std::fs::read(path).unwrap()
}

/// A plan, the partial of its shard 1, and others of the same and of another plan.
struct Sound {
    plan: BoundPlan,
    ours: Vec<u8>,
    others: [Vec<u8>; 3],
}

/// Written once: files are synced, which takes time.
fn sound() -> &'static Sound {
    static SOUND: std::sync::OnceLock<Sound> = std::sync::OnceLock::new();
    SOUND.get_or_init(|| {
        let (plan, other) = (planned(1), planned(2));
        let others = [bytes(&plan, 0), bytes(&plan, 2), bytes(&other, 1)];
        Sound { ours: bytes(&plan, 1), plan, others }
    })
}

#[test]
fn a_sound_partial_reads_back_and_only_as_what_it_is() {
    let Sound { plan, ours, others } = sound();
    assert_eq!(Partial::decode(ours, plan, 1).unwrap(), partial(plan, 1));
    for other in others {
        assert!(Partial::decode(other, plan, 1).is_err());
    }
}

/// One way to damage some bytes: what, where and where else (of the whole), how much.
type Mutation = (u8, f64, f64, usize, u8);

fn damage(bytes: &mut Vec<u8>, (what, at, to, length, fill): Mutation) {
    let place = |part: f64, length: usize| (part * length as f64) as usize;
    let (at, to) = (place(at, bytes.len()), place(to, bytes.len()));
    let end = bytes.len().min(at + length);
    match what {
        0 => bytes.truncate(at),
        1 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << (fill % 8)),
        2 => bytes[at..end].fill(0),
        3 => bytes[at..end].fill(fill),
        4 => drop(bytes.drain(at..end)),
        5 => drop(bytes.splice(at..at, vec![fill; length])),
        6 => {
            let copy = bytes[at..end].to_vec();
            bytes.splice(to..to, copy);
        }
        // From there on another partial, from the same place or another.
        _ => {
            let other = &sound().others[usize::from(fill) % 3];
            let from = if fill < 128 { at.min(other.len()) } else { to.min(other.len()) };
            bytes.truncate(at);
            bytes.extend(&other[from..]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6000))]

    /// Whatever happens to a partial: no panic, and it is refused unless not a byte is another.
    #[test]
    fn what_is_damaged_is_refused(
        mutations in prop::collection::vec(
            (0u8..8, 0.0..1.0, 0.0..1.0, 0usize..200, any::<u8>()), 1..4,
        ),
    ) {
        let Sound { plan, ours, .. } = sound();
        let mut bytes = ours.clone();
        for mutation in mutations {
            damage(&mut bytes, mutation);
        }
        let decoded = Partial::decode(&bytes, plan, 1);
        prop_assert_eq!(decoded.is_ok(), bytes == *ours);
    }
}
