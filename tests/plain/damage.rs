//! Damaged, foreign, misplaced and missing partials: each is refused by name, nothing is written,
//! and the command that is printed mends it.

#![allow(clippy::unwrap_used)] // helpers of tests fail as the tests themselves do

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::support::program::{
    Products, Ran, SMALL, assert_same, below, otfhpc, products, shell, text,
};
use otfhpc::runner::engine::Workload;
use otfhpc::runner::merge::{Merged, merge};
use otfhpc::runner::plan::BoundPlan;
use otfhpc::runner::store::RunDir;
use otfhpc::runner::store::shard_of_partial;
use otfhpc::runner::store::{Attempt, JournalWriter, Partial, Why};
use otfhpc::workloads::open;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use tempfile::{TempDir, tempdir};

const SHARDS: u32 = 5;
/// Two methods at these bins: 42 units.
const BINS: &str = "--set=fit.bins=0-20";
const OTHER_SEED: &str = "--set=study.seed=2";

/// Where the fields of a partial stand; see `src/runner/store/partial.rs`.
const VERSION_AT: usize = 8;
const SHARD_AT: usize = 12;
const FIRST_UNIT_AT: usize = 48;
const UNITS_AT: usize = 56;
const LENGTH_AT: usize = 64;
const CHECKSUM_AT: usize = 72;
const BODY_AT: usize = 104;

/// A finished run, and the partials of another plan with the same shards.
struct Sound {
    plan_file: Vec<u8>,
    plan: BoundPlan,
    workload: Box<dyn Workload>,
    partials: Vec<Vec<u8>>,
    foreign: Vec<Vec<u8>>,
    products: Products,
}

fn sound() -> &'static Sound {
    static SOUND: OnceLock<Sound> = OnceLock::new();
    SOUND.get_or_init(|| {
        let (ours, other) = (tempdir().unwrap(), tempdir().unwrap());
        let local = |folder: &Path, more: &[&str]| {
            let shards = SHARDS.to_string();
            let out = ["local", "--out", text(folder), "--shards", &shards, BINS];
            otfhpc(out.iter().chain(&SMALL).chain(more)).ended(0);
        };
        local(ours.path(), &[]);
        local(other.path(), &[OTHER_SEED]);
        let run = RunDir::new(ours.path());
        let partials = |folder: &Path| {
            let run = RunDir::new(folder);
            (0..SHARDS).map(|shard| fs::read(run.partial(shard)).unwrap()).collect()
        };
        let (plan, workload) = open(&run).unwrap();
        Sound {
            plan_file: fs::read(run.plan()).unwrap(),
            plan,
            workload,
            partials: partials(ours.path()),
            foreign: partials(other.path()),
            products: products(ours.path()),
        }
    })
}

/// A folder with the plan and all partials of the sound run, and no product.
struct Copied {
    _folder: TempDir,
    run: RunDir,
}

impl Copied {
    fn new() -> Self {
        let folder = tempdir().unwrap();
        // A name that a shell would take apart, were it not quoted.
        let run = RunDir::new(folder.path().join("it's a run"));
        fs::create_dir(run.root()).unwrap();
        fs::write(run.plan(), &sound().plan_file).unwrap();
        let copied = Self { _folder: folder, run };
        copied.restore();
        copied
    }

    /// Makes all partials sound again.
    fn restore(&self) {
        let folder = self.run.partials();
        if folder.exists() {
            fs::remove_dir_all(&folder).unwrap();
        }
        fs::create_dir(&folder).unwrap();
        for (shard, bytes) in (0..).zip(&sound().partials) {
            fs::write(self.run.partial(shard), bytes).unwrap();
        }
    }

    fn path(&self) -> &str {
        text(self.run.root())
    }

    fn merge(&self) -> Ran {
        otfhpc(["merge", self.path()])
    }

    fn assert_no_products(&self, what: &str) {
        for path in self.run.products("otf") {
            assert!(!path.exists(), "{what}: {} was written", path.display());
        }
    }

    fn assert_sound_products(&self, what: &str) {
        assert_same(&sound().products, &products(self.run.root()), what);
    }
}

/// One way to damage a run: its name, what the refusal says of it, and how it is done. It returns
/// the files that are at fault then.
type Damage = (&'static str, &'static str, fn(&RunDir, &mut ChaCha8Rng) -> Vec<PathBuf>);

const DAMAGES: [Damage; 32] = [
    ("truncated", "expected", |run, rng| {
        rewrite(run, rng, |bytes, rng| bytes.truncate(below(rng, bytes.len())))
    }),
    ("truncated within the header", "bytes long, expected 104", |run, rng| {
        rewrite(run, rng, |bytes, rng| bytes.truncate(below(rng, BODY_AT)))
    }),
    ("one bit flipped", "", |run, rng| rewrite(run, rng, |bytes, rng| flip(bytes, rng, 0))),
    ("one bit of the header flipped", "", |run, rng| {
        rewrite(run, rng, |bytes, rng| flip(&mut bytes[..BODY_AT], rng, 0))
    }),
    ("one bit of the body flipped", "damaged: its checksum does not match", |run, rng| {
        rewrite(run, rng, |bytes, rng| flip(bytes, rng, BODY_AT))
    }),
    ("filled with zeros", "it starts with other bytes", |run, rng| {
        rewrite(run, rng, |bytes, _| bytes.fill(0))
    }),
    ("zeros from some place on", "", |run, rng| {
        rewrite(run, rng, |bytes, rng| {
            let from = below(rng, bytes.len());
            bytes[from..].fill(0);
        })
    }),
    ("a page of zeros", "", |run, rng| {
        rewrite(run, rng, |bytes, rng| {
            let from = below(rng, bytes.len());
            let to = bytes.len().min(from + 512);
            bytes[from..to].fill(0);
        })
    }),
    ("random bytes all over", "it starts with other bytes", |run, rng| {
        rewrite(run, rng, |bytes, rng| rng.fill_bytes(bytes))
    }),
    ("swapped between two shards", "the partial of shard", |run, rng| {
        let (a, b) = two_shards(rng);
        fs::write(run.partial(a), &sound().partials[b as usize]).unwrap();
        fs::write(run.partial(b), &sound().partials[a as usize]).unwrap();
        vec![run.partial(a), run.partial(b)]
    }),
    ("of another plan", "of another plan (", |run, rng| {
        let shard = a_shard(rng);
        fs::write(run.partial(shard), &sound().foreign[shard as usize]).unwrap();
        vec![run.partial(shard)]
    }),
    ("a bit of the plan's hash flipped, sealed", "of another plan (", |run, rng| {
        forge(run, rng, |bytes, rng| flip(&mut bytes[..FIRST_UNIT_AT], rng, 16))
    }),
    ("of another version, sealed", "of format", |run, rng| {
        forge(run, rng, |bytes, rng| {
            let ours = u32::from_le_bytes(bytes[VERSION_AT..SHARD_AT].try_into().unwrap());
            let version = ours + 1 + rng.next_u32() % 9;
            bytes[VERSION_AT..SHARD_AT].copy_from_slice(&version.to_le_bytes());
        })
    }),
    ("of version 0, sealed", "of format 0", |run, rng| {
        forge(run, rng, |bytes, _| bytes[VERSION_AT..SHARD_AT].fill(0))
    }),
    ("another kind of file, sealed", "it starts with other bytes", |run, rng| {
        forge(run, rng, |bytes, rng| flip(&mut bytes[..VERSION_AT], rng, 0))
    }),
    ("another shard's number, sealed", "the partial of shard", |run, rng| {
        forge(run, rng, |bytes, rng| flip(&mut bytes[..16], rng, SHARD_AT))
    }),
    ("another number of units, sealed", "holds units", |run, rng| {
        forge(run, rng, |bytes, rng| flip(&mut bytes[..LENGTH_AT], rng, UNITS_AT))
    }),
    ("another first unit, sealed", "holds units", |run, rng| {
        forge(run, rng, |bytes, rng| flip(&mut bytes[..UNITS_AT], rng, FIRST_UNIT_AT))
    }),
    ("a random body, sealed", "", |run, rng| {
        forge(run, rng, |bytes, rng| rng.fill_bytes(&mut bytes[BODY_AT..]))
    }),
    ("a shorter body, sealed", "", |run, rng| {
        forge(run, rng, |bytes, rng| {
            bytes.truncate(BODY_AT + below(rng, bytes.len() - BODY_AT));
        })
    }),
    ("the body of a shard of another size, sealed", "holds units", |run, rng| {
        let (a, b) = two_shards_of_other_sizes(rng);
        let mut bytes = sound().partials[a as usize].clone();
        bytes.truncate(BODY_AT);
        bytes.extend(&sound().partials[b as usize][BODY_AT..]);
        seal(&mut bytes);
        fs::write(run.partial(a), bytes).unwrap();
        vec![run.partial(a)]
    }),
    ("a text that claims 8 GiB, sealed", "its content cannot be decoded", |run, rng| {
        forge(run, rng, |bytes, _| {
            bytes.truncate(BODY_AT);
            // One outcome, failed, and the length of its reason.
            bytes.extend([1, 2, 253]);
            bytes.extend((1_u64 << 33).to_le_bytes());
        })
    }),
    ("a list that claims 2^60 outcomes, sealed", "its content cannot be decoded", |run, rng| {
        forge(run, rng, |bytes, _| {
            bytes.truncate(BODY_AT);
            bytes.push(253);
            bytes.extend((1_u64 << 60).to_le_bytes());
        })
    }),
    ("bytes appended", "bytes long, expected", |run, rng| {
        rewrite(run, rng, |bytes, rng| {
            let more = 1 + below(rng, 64);
            bytes.resize(bytes.len() + more, 0x20);
        })
    }),
    ("bytes appended to the body, sealed", "bytes are left over", |run, rng| {
        forge(run, rng, |bytes, rng| {
            let more = 2 + below(rng, 64);
            bytes.resize(bytes.len() + more, 0x20);
        })
    }),
    ("its content twice", "bytes long, expected", |run, rng| {
        rewrite(run, rng, |bytes, _| bytes.extend_from_within(..))
    }),
    ("a copy in the place of another shard", "the partial of shard", |run, rng| {
        let (a, b) = two_shards(rng);
        fs::copy(run.partial(a), run.partial(b)).unwrap();
        vec![run.partial(b)]
    }),
    ("a copy under a name of no shard", "belongs to no shard", |run, rng| {
        let from = a_shard(rng);
        let beyond = format!("shard-{:05}.bin", SHARDS + rng.next_u32() % 99_000);
        let names = ["shard-00003 (copy).bin", "shard-3.bin", "shard-00003.bin.bak", &beyond];
        let copy = run.partials().join(names[below(rng, names.len())]);
        fs::copy(run.partial(from), &copy).unwrap();
        vec![copy]
    }),
    ("empty", "0 bytes long", |run, rng| rewrite(run, rng, |bytes, _| bytes.clear())),
    ("a folder in its place", "not a file", |run, rng| {
        let path = run.partial(a_shard(rng));
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        fs::write(path.join("inside"), b"something").unwrap();
        vec![path]
    }),
    ("a link to nowhere", "a symbolic link, not a file", |run, rng| {
        let path = run.partial(a_shard(rng));
        fs::remove_file(&path).unwrap();
        symlink("/nowhere/at/all", &path).unwrap();
        vec![path]
    }),
    ("a link to a sound partial", "a symbolic link, not a file", |run, rng| {
        let path = run.partial(a_shard(rng));
        let moved = run.root().join("elsewhere");
        fs::rename(&path, &moved).unwrap();
        symlink(&moved, &path).unwrap();
        vec![path]
    }),
];

fn a_shard(rng: &mut ChaCha8Rng) -> u32 {
    below(rng, SHARDS as usize) as u32
}

fn two_shards(rng: &mut ChaCha8Rng) -> (u32, u32) {
    let a = a_shard(rng);
    (a, (a + 1 + below(rng, SHARDS as usize - 1) as u32) % SHARDS)
}

fn two_shards_of_other_sizes(rng: &mut ChaCha8Rng) -> (u32, u32) {
    loop {
        let (a, b) = two_shards(rng);
        let planned = |shard| sound().plan.plan.shards.units(shard).unwrap().count();
        if planned(a) != planned(b) {
            return (a, b);
        }
    }
}

fn flip(bytes: &mut [u8], rng: &mut ChaCha8Rng, from: usize) {
    let at = from + below(rng, bytes.len() - from);
    bytes[at] ^= 1 << below(rng, 8);
}

/// Changes the bytes of a random partial; tries again where the change changed nothing.
fn rewrite(
    run: &RunDir,
    rng: &mut ChaCha8Rng,
    change: impl Fn(&mut Vec<u8>, &mut ChaCha8Rng),
) -> Vec<PathBuf> {
    loop {
        let shard = a_shard(rng);
        let sound = &sound().partials[shard as usize];
        let mut bytes = sound.clone();
        change(&mut bytes, rng);
        if bytes != *sound {
            fs::write(run.partial(shard), bytes).unwrap();
            return vec![run.partial(shard)];
        }
    }
}

/// As `rewrite`, and then makes length and checksum right, so that nothing else is wrong.
fn forge(
    run: &RunDir,
    rng: &mut ChaCha8Rng,
    change: impl Fn(&mut Vec<u8>, &mut ChaCha8Rng),
) -> Vec<PathBuf> {
    rewrite(run, rng, |bytes, rng| {
        change(bytes, rng);
        seal(bytes);
    })
}

fn seal(bytes: &mut [u8]) {
    let length = (bytes.len() - BODY_AT) as u64;
    bytes[LENGTH_AT..CHECKSUM_AT].copy_from_slice(&length.to_le_bytes());
    let mut hasher = blake3::Hasher::new();
    hasher.update(&bytes[..CHECKSUM_AT]).update(&bytes[BODY_AT..]);
    bytes[CHECKSUM_AT..BODY_AT].copy_from_slice(hasher.finalize().as_bytes());
}

/// Units of the shards that these files stand for.
fn units(paths: &[PathBuf]) -> u64 {
    let shards = paths.iter().filter_map(|p| shard_of_partial(p.file_name()?.to_str()?));
    let planned = shards.filter_map(|shard| sound().plan.plan.shards.units(shard));
    planned.map(|units| units.end - units.start).sum()
}

/// Everything below the folder of the partials, with its bytes.
fn contents(run: &RunDir) -> Vec<(PathBuf, Option<Vec<u8>>)> {
    let entries = fs::read_dir(run.partials()).unwrap();
    let mut found: Vec<_> = entries
        .map(|entry| {
            let path = entry.unwrap().path();
            let regular = path.is_file();
            (path.clone(), regular.then(|| fs::read(path).unwrap()))
        })
        .collect();
    found.sort();
    found
}

#[test]
fn sealing_is_what_the_program_does() {
    for bytes in &sound().partials {
        let mut sealed = bytes.clone();
        seal(&mut sealed);
        assert!(sealed == *bytes);
    }
}

#[test]
fn more_than_a_thousand_damaged_partials_are_refused() {
    const TIMES: u64 = 36;
    let copied = Copied::new();
    let (run, plan) = (&copied.run, &sound().plan);
    let mut refused = 0;
    for (name, says, damage) in DAMAGES {
        for time in 0..TIMES {
            let mut rng = ChaCha8Rng::seed_from_u64(time);
            copied.restore();
            let at_fault = damage(run, &mut rng);
            let before = contents(run);
            let what = format!("{name}, the {time}th");
            let Ok(Merged::Incomplete { totals, faults }) =
                merge(run, plan, || Ok(sound().workload.collector(run, plan)?))
            else {
                panic!("{what}: was not refused");
            };
            let named: BTreeSet<&PathBuf> = faults.iter().map(|fault| &fault.path).collect();
            assert_eq!(named, at_fault.iter().collect(), "{what}");
            for fault in &faults {
                assert!(fault.problem.contains(says), "{what}: {}", fault.problem);
            }
            assert_eq!(totals.sum(), plan.plan.units, "{what}: {totals:?}");
            assert_eq!(totals.missing + totals.corrupt, units(&at_fault), "{what}: {totals:?}");
            copied.assert_no_products(&what);
            assert!(before == contents(run), "{what}: the partials were touched");
            refused += 1;
        }
    }
    assert!(refused >= 1000, "{refused}");
    // And the same folder, sound again, is merged.
    copied.restore();
    assert!(matches!(
        merge(run, plan, || Ok(sound().workload.collector(run, plan)?)),
        Ok(Merged::Complete { .. })
    ));
    copied.assert_sound_products("restored");
}

#[test]
fn the_printed_commands_mend_every_kind_of_damage() {
    for (seed, (name, says, damage)) in (100..).zip(DAMAGES) {
        let copied = Copied::new();
        let at_fault = damage(&copied.run, &mut ChaCha8Rng::seed_from_u64(seed));
        refused_and_mended(name, says, &copied, &at_fault);
    }
}

#[test]
fn a_pipe_in_the_place_of_a_partial_does_not_hang() {
    for name in ["shard-00002.bin", "shard-00002.bin.old"] {
        let copied = Copied::new();
        let path = copied.run.partials().join(name);
        let _ = fs::remove_file(&path);
        let (fifo, mode) = (rustix::fs::FileType::Fifo, rustix::fs::Mode::from_raw_mode(0o644));
        rustix::fs::mknodat(rustix::fs::CWD, &path, fifo, mode, 0).unwrap();
        let start = Instant::now();
        refused_and_mended("a pipe", "", &copied, &[path]);
        assert!(start.elapsed() < Duration::from_secs(60));
    }
}

/// A partial in which a text claims 8 GiB is refused where there is less memory than that.
#[test]
fn a_lie_about_a_length_asks_for_no_memory() {
    let lies = DAMAGES.iter().filter(|(name, ..)| name.contains("claims"));
    for (name, says, damage) in lies {
        let copied = Copied::new();
        damage(&copied.run, &mut ChaCha8Rng::seed_from_u64(1));
        let program = env!("CARGO_BIN_EXE_otfhpc");
        let line = format!("ulimit -v 2000000; '{program}' merge \"$FOLDER\"");
        let line = format!("FOLDER=\"{}\"; {line}", copied.path());
        let ran = shell(&line).ended(3);
        assert!(ran.stderr.contains(says), "{name}: {ran:?}");
    }
}

/// Lets the program refuse a damaged run, does what it says, and lets it merge.
fn refused_and_mended(name: &str, says: &str, copied: &Copied, at_fault: &[PathBuf]) {
    let ran = copied.merge().ended(3);
    assert_eq!(ran.stdout, "", "{name}");
    assert!(ran.stderr.contains(says), "{name}: {}", ran.stderr);
    for path in at_fault {
        assert!(ran.stderr.contains(text(path)), "{name}: {}", ran.stderr);
    }
    assert_ledger_sums(&ran);
    copied.assert_no_products(name);

    let damaged: Vec<_> =
        at_fault.iter().filter(|path| path.is_file()).map(|path| fs::read(path).unwrap()).collect();
    let mends = lines_after(&ran, "mend:");
    assert_eq!(mends.len(), at_fault.len(), "{name}: {}", ran.stderr);
    for mend in mends {
        shell(mend).ended(0);
    }
    for bytes in damaged {
        assert!(set_aside(&copied.run).contains(&bytes), "{name}: the damaged file was lost");
    }
    shell(lines_after(&ran, "then:")[0]).ended(0);
    copied.assert_sound_products(name);
}

/// What follows a word in the lines that begin with it.
fn lines_after<'a>(ran: &'a Ran, word: &str) -> Vec<&'a str> {
    ran.stderr.lines().filter_map(|line| line.trim().strip_prefix(word)).map(str::trim).collect()
}

/// The six numbers that the ledger line gives add up to the plan.
fn assert_ledger_sums(ran: &Ran) {
    let line = lines_after(ran, "ledger")[0];
    let (units, counts) = line.split_once(" units: ").unwrap();
    assert_eq!(units, sound().plan.plan.units.to_string());
    let number = |part: &str| part.split(' ').next().unwrap().parse::<u64>().unwrap();
    let counts: Vec<u64> = counts.split(", ").map(number).collect();
    assert_eq!(counts.len(), 6, "{line}");
    assert_eq!(counts.iter().sum::<u64>(), sound().plan.plan.units, "{line}");
}

/// The bytes of every file that was moved aside.
fn set_aside(run: &RunDir) -> Vec<Vec<u8>> {
    let Ok(entries) = fs::read_dir(run.set_aside()) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.filter(|path| path.is_file()).map(|path| fs::read(path).unwrap()).collect()
}

fn lose(run: &RunDir, shards: &[u32]) {
    for shard in shards {
        fs::remove_file(run.partial(*shard)).unwrap();
    }
}

#[test]
fn a_missing_shard_is_refused_and_mended() {
    for shard in 0..SHARDS {
        let copied = Copied::new();
        lose(&copied.run, &[shard]);
        let path = copied.run.partial(shard);
        refused_and_mended("missing", ": missing\n", &copied, &[path]);
    }
}

#[test]
fn many_missing_shards_are_mended_at_once() {
    for (lost, list) in
        [(&[0, 1, 3][..], "0-1,3"), (&[0, 2, 4], "0,2,4"), (&[0, 1, 2, 3, 4], "0-4")]
    {
        let copied = Copied::new();
        lose(&copied.run, lost);
        let ran = copied.merge().ended(3);
        assert_ledger_sums(&ran);
        copied.assert_no_products(list);
        let at_once = lines_after(&ran, "all at once here:")[0];
        assert!(at_once.ends_with(&format!(" --shard {list}")), "{at_once}");
        let slurm = lines_after(&ran, "all at once, Slurm:")[0];
        assert!(slurm.contains(" resume "), "{slurm}");
        shell(at_once).ended(0);
        shell(lines_after(&ran, "then:")[0]).ended(0);
        copied.assert_sound_products(list);
    }
}

#[test]
fn many_kinds_of_damage_at_once_are_each_named() {
    let copied = Copied::new();
    let run = &copied.run;
    fs::write(run.partial(0), b"").unwrap();
    lose(run, &[1]);
    fs::write(run.partial(2), &sound().foreign[2]).unwrap();
    fs::write(run.partials().join("notes.txt"), b"mine").unwrap();
    let at_fault =
        [run.partial(0), run.partial(1), run.partial(2), run.partials().join("notes.txt")];
    refused_and_mended("four", "", &copied, &at_fault);
}

#[test]
fn no_partials_at_all_is_every_shard_missing() {
    let copied = Copied::new();
    fs::remove_dir_all(copied.run.partials()).unwrap();
    let ran = copied.merge().ended(3);
    let line = lines_after(&ran, "ledger")[0];
    assert!(line.contains(" 42 missing, 0 corrupt"), "{line}");
    assert_ledger_sums(&ran);
    copied.assert_no_products("nothing there");
}

#[test]
fn the_temporary_file_of_a_killed_attempt_is_ignored() {
    let copied = Copied::new();
    for name in [".shard-00001.bin.abc.tmp", ".shard-00099.bin.x7Yz12.tmp"] {
        fs::write(copied.run.partials().join(name), b"half").unwrap();
    }
    copied.merge().ended(0);
    copied.assert_sound_products("with temporary files");
}

#[test]
fn a_damaged_partial_is_moved_aside_by_a_run_and_nothing_is_lost() {
    let copied = Copied::new();
    // Three times, so that one set aside does not take the place of another.
    for time in 1..=3 {
        let damage = format!("damage {time}").into_bytes();
        fs::write(copied.run.partial(3), &damage).unwrap();
        let ran = otfhpc(["run", copied.path(), "--shard", "3"]).ended(0);
        assert!(ran.stdout.contains("moved 1 damaged partial to aside/"), "{ran:?}");
        let aside = set_aside(&copied.run);
        assert_eq!(aside.len(), time);
        assert!(aside.contains(&damage));
    }
    copied.merge().ended(0);
    copied.assert_sound_products("fitted again");
}

#[test]
fn a_shard_that_is_done_is_left_alone() {
    let copied = Copied::new();
    let modified = || fs::metadata(copied.run.partial(2)).unwrap().modified().unwrap();
    let before = (modified(), contents(&copied.run));
    let ran = otfhpc(["run", copied.path(), "--shard", "2"]).ended(0);
    let said = format!("skipped shard 2 (already complete): {}", copied.run.partial(2).display());
    assert!(ran.stderr.contains(&said), "{ran:?}");
    assert!(ran.stdout.contains("skipped    1 shard (already complete)\n"), "{ran:?}");
    assert!(!ran.stdout.contains("fitted"), "{ran:?}");
    assert!(before == (modified(), contents(&copied.run)));
}

/// Plans into a folder.
fn plan(folder: &str, more: &[&str]) -> Ran {
    let shards = SHARDS.to_string();
    let arguments = ["plan", "--out", folder, "--shards", &shards, BINS];
    otfhpc(arguments.iter().chain(&SMALL).chain(more))
}

#[test]
fn the_same_plan_again_keeps_the_partials() {
    let copied = Copied::new();
    let before = contents(&copied.run);
    plan(copied.path(), &[]).ended(0);
    assert!(before == contents(&copied.run));
    assert!(fs::read(copied.run.plan()).unwrap() == sound().plan_file);
    copied.merge().ended(0);
}

#[test]
fn another_plan_does_not_take_the_place_of_results_unasked() {
    let copied = Copied::new();
    let before = contents(&copied.run);
    let ran = plan(copied.path(), &[OTHER_SEED]).ended(2);
    for part in [copied.path(), "results of another plan (5 partials", "--out", "--replace"] {
        assert!(ran.stderr.contains(part), "{part}: {}", ran.stderr);
    }
    assert!(before == contents(&copied.run));
    assert!(fs::read(copied.run.plan()).unwrap() == sound().plan_file);

    // Moved, not deleted, and said.
    let ran = plan(copied.path(), &[OTHER_SEED, "--replace"]).ended(0);
    let aside = copied.run.set_aside();
    let said = format!("moved 5 partials of another plan or build to {}", aside.display());
    assert!(ran.stderr.contains(&said), "{}", ran.stderr);
    assert!(!copied.run.partials().exists());
    for (path, bytes) in before {
        let moved = aside.join("partials.1").join(path.file_name().unwrap());
        assert!(fs::read(moved).ok() == bytes, "{}", path.display());
    }
    otfhpc(["run", copied.path(), "--shard", "0-4"]).ended(0);
    copied.merge().ended(0);
    assert_ne!(products(copied.run.root()), sound().products);
}

#[test]
fn products_whose_partials_were_cleared_away_are_not_lost_to_another_plan() {
    let copied = Copied::new();
    copied.merge().ended(0);
    fs::remove_dir_all(copied.run.partials()).unwrap();
    let ran = plan(copied.path(), &[OTHER_SEED]).ended(2);
    assert!(ran.stderr.contains("(0 partials, 11 products)"), "{}", ran.stderr);
    copied.assert_sound_products("refused");
    plan(copied.path(), &[OTHER_SEED, "--replace"]).ended(0);
    copied.assert_no_products("replaced");
}

#[test]
fn a_lost_or_damaged_plan_comes_back_with_its_partials() {
    for (name, break_plan) in [
        ("lost", (|path| fs::remove_file(path).unwrap()) as fn(&Path)),
        ("truncated", |path| fs::write(path, &sound().plan_file[..99]).unwrap()),
    ] {
        let copied = Copied::new();
        fs::write(copied.run.partial(4), b"damaged").unwrap();
        break_plan(&copied.run.plan());
        copied.merge().ended(2);
        let before = contents(&copied.run);
        plan(copied.path(), &[OTHER_SEED]).ended(2);
        plan(copied.path(), &[]).ended(0);
        assert!(before == contents(&copied.run), "{name}");
        otfhpc(["run", copied.path(), "--shard", "4"]).ended(0);
        copied.merge().ended(0);
        copied.assert_sound_products(name);
    }
}

#[test]
fn status_tells_the_state_of_every_shard() {
    let copied = Copied::new();
    let run = &copied.run;
    let units = |shard: u32| {
        let units = sound().plan.plan.shards.units(shard).unwrap();
        units.end - units.start
    };
    fs::write(run.partial(1), b"short").unwrap();
    lose(run, &[2, 3]);
    let (host, started) = ("n7".into(), "some time ago".into());
    let binary = sound().plan.program.clone().unwrap().blake3;
    let attempt = Attempt { host, process: 99, job: None, started, binary };
    let recorder = JournalWriter::begin(run, &sound().plan, 3, &attempt).unwrap();
    let partial = Partial::decode(&sound().partials[3], &sound().plan, 3).unwrap();
    let first = sound().plan.plan.shards.units(3).unwrap().start;
    for (unit, result) in (first..).zip(&partial.results).take(4) {
        recorder.keep(unit, std::slice::from_ref(result));
    }
    let ran = otfhpc(["status", copied.path()]).ended(0);
    let lines: Vec<String> = ran
        .stdout
        .lines()
        .take(7)
        .map(|l| l.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    let expected = [
        "shard state units".to_owned(),
        format!("0 done {0} of {0}", units(0)),
        format!("1 damaged 0 of {} 5 bytes long, expected 104", units(1)),
        format!("2 not started 0 of {}", units(2)),
        format!("3 running 4 of {} on n7, process 99", units(3)),
        format!("4 done {0} of {0}", units(4)),
        format!(
            "5 shards: 2 done, 1 running, 1 damaged, 1 not started; {} of 42 units",
            units(0) + 4 + units(4)
        ),
    ];
    assert_eq!(lines, expected);
    recorder.close(&Why::Asked { signal: 15, left: None }).unwrap();
    let ran = otfhpc(["status", copied.path()]).ended(0);
    assert!(ran.stdout.contains("stopped") && !ran.stdout.contains("running"), "{ran:?}");
}
