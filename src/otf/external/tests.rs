//! Stand-ins for programs, written for the shell: what they leave, and how they fail.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use std::{fs, io};

use num_complex::Complex64;

use super::ExternalProgram;
use crate::foundations::npz::{NpzArchive, write_npz};
use crate::science::fit::tests::{Owned, solution};
use crate::science::fit::{Constraint, Outcome, Problem};

/// The bins of the tests.
const BINS: [usize; 3] = [5, 7, 30];

/// The same problem at several bins.
pub(super) fn at_bins<T>(
    owned: &Owned,
    constraint: Constraint,
    bins: &[usize],
    f: impl FnOnce(&[Problem]) -> T,
) -> T {
    owned.with(constraint, |problem| {
        let at = |&bin: &usize| {
            let mut problem = *problem;
            problem.context.bin = bin;
            problem
        };
        f(&bins.iter().map(at).collect::<Vec<_>>())
    })
}

/// A folder with the files of a stand-in, and a small problem for it.
struct Stage {
    folder: tempfile::TempDir,
    owned: Owned,
    constraint: Constraint,
}

impl Stage {
    fn new() -> Self {
        let owned = Owned::new(1, 20, 1.0, 0.0);
        Self { folder: tempfile::tempdir().unwrap(), owned, constraint: Constraint::None }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    fn fit(&self, command: &[&str]) -> Vec<Outcome> {
        let program = ExternalProgram {
            name: "stand_in".into(),
            command: command.iter().map(|&word| word.to_owned()).collect(),
            timeout: Duration::from_secs(60),
        };
        let log = self.path("logs/fit-00001");
        let outcomes = at_bins(&self.owned, self.constraint, &BINS, |p| program.fit(p, &log));
        assert_eq!(outcomes.len(), BINS.len());
        outcomes
    }

    /// Runs a script, in which `$1` is the input, `$2` the output.
    fn script(&self, script: &str) -> Vec<Outcome> {
        fs::write(self.path("stand-in.sh"), script).unwrap();
        self.fit(&["sh", &self.text("stand-in.sh")])
    }

    /// Runs a program that leaves these arrays.
    fn leaves(&self, fill: impl FnOnce(&mut NpzArchive) -> io::Result<()>) -> Vec<Outcome> {
        write_npz(&self.path("left.npz"), fill).unwrap();
        self.script(&format!("cp '{}' \"$2\"", self.text("left.npz")))
    }

    /// Emissivities that differ from bin to bin.
    fn emissivity(&self, bins: usize) -> Vec<Complex64> {
        let row = |bin: usize| {
            self.owned.truth.iter().map(move |value| value * (1.0 + bin as f64 / 10.0))
        };
        (0..bins).flat_map(row).collect()
    }
}

/// The reason that all bins have.
#[track_caller]
fn reason(outcomes: &[Outcome]) -> String {
    let Outcome::Failed(reason) = &outcomes[0] else { panic!("{outcomes:?}") };
    assert!(outcomes.iter().all(|outcome| outcome == &outcomes[0]), "{outcomes:?}");
    assert!(!reason.contains(std::env::temp_dir().to_str().unwrap()), "{reason}");
    assert!(reason.chars().count() < 1000 && !reason.contains('\n'), "{reason}");
    reason.clone()
}

#[track_caller]
fn assert_has(reason: &str, parts: &[&str]) {
    for part in parts {
        assert!(reason.contains(part), "no {part:?} in {reason}");
    }
}

/// That the first bins are well and the last failed, for a reason.
#[track_caller]
fn assert_last_failed(outcomes: &[Outcome], expected: &str) {
    assert!(
        matches!(outcomes[..2], [Outcome::Converged(_), Outcome::Converged(_)]),
        "{outcomes:?}"
    );
    let Outcome::Failed(reason) = &outcomes[2] else { panic!("{outcomes:?}") };
    assert_has(reason, &[expected]);
}

#[test]
fn values_come_back_in_the_order_of_the_bins() {
    let stage = Stage::new();
    let emissivity = stage.emissivity(3);
    let sigma: Vec<f64> = (0..21).map(f64::from).collect();
    let outcomes = stage.leaves(|archive| {
        archive.add("emissivity", (3, 7), &emissivity)?;
        archive.add("sigma", (3, 7), &sigma)?;
        archive.add("bin", 3, &[30_i64, 5, 7])
    });
    for (outcome, row) in outcomes.into_iter().zip([1, 2, 0]) {
        let found = solution(outcome);
        assert_eq!(found.emissivity, emissivity[7 * row..7 * row + 7]);
        assert_eq!(found.sigma, sigma[7 * row..7 * row + 7]);
        assert!(found.rss > 0.0 && found.condition > 1.0, "{found:?}");
    }
}

#[test]
fn real_emissivities_without_error_bars_are_enough() {
    let stage = Stage::new();
    let ones = [1.0; 21];
    let outcomes = stage.leaves(|archive| archive.add("emissivity", (3, 7), &ones));
    for outcome in outcomes {
        let found = solution(outcome);
        assert_eq!(found.emissivity, [Complex64::new(1.0, 0.0); 7]);
        assert!(found.sigma.len() == 7 && found.sigma.iter().all(|sigma| sigma.is_nan()));
    }
}

#[test]
fn a_program_may_leave_bins_out_or_not_converge() {
    let stage = Stage::new();
    let outcomes = stage.leaves(|archive| {
        archive.add("emissivity", (2, 7), &stage.emissivity(2))?;
        archive.add("converged", 2, &[true, false])?;
        archive.add("bin", 2, &[7_u8, 30])
    });
    assert_eq!(outcomes[0], Outcome::Failed("the program left this bin out".into()));
    assert!(matches!(outcomes[1], Outcome::Converged(_)), "{outcomes:?}");
    let Outcome::NotConverged(_, why) = &outcomes[2] else { panic!("{outcomes:?}") };
    assert_eq!(why, "the program did not converge here");
}

#[test]
fn values_that_cannot_be_concern_their_bin_alone() {
    let stage = Stage::new();
    for bad in [f64::NAN, f64::INFINITY] {
        let mut emissivity = stage.emissivity(3);
        emissivity[14 + 6].im = bad;
        let outcomes = stage.leaves(|archive| archive.add("emissivity", (3, 7), &emissivity));
        assert_last_failed(&outcomes, "gave emitter 6 the emissivity");
    }
    for bad in [-1.0, f64::INFINITY] {
        let mut sigma = [0.5; 21];
        (sigma[0], sigma[14]) = (f64::NAN, bad);
        let outcomes = stage.leaves(|archive| {
            archive.add("emissivity", (3, 7), &stage.emissivity(3))?;
            archive.add("sigma", (3, 7), &sigma)
        });
        assert_last_failed(&outcomes, "gave emitter 0 the error bar");
    }
    let mut emissivity = stage.emissivity(3);
    emissivity[14] *= 1e200;
    let outcomes = stage.leaves(|archive| archive.add("emissivity", (3, 7), &emissivity));
    assert_last_failed(&outcomes, "leave a residual of inf: expected a finite number");
}

#[test]
fn the_constraint_must_hold_where_it_was_asked_for() {
    let mut stage = Stage::new();
    let mut emissivity = stage.emissivity(3);
    emissivity[13] += 1e-9;
    emissivity[14] += 1e-4;
    let outcomes = stage.leaves(|archive| archive.add("emissivity", (3, 7), &emissivity));
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Converged(_))));
    stage.constraint = Constraint::Kirchhoff;
    let outcomes = stage.leaves(|archive| archive.add("emissivity", (3, 7), &emissivity));
    assert_last_failed(&outcomes, "sum to 1.00e-4: expected zero (kirchhoff is set), or at most");
}

#[test]
fn arrays_of_another_shape_or_type_are_refused() {
    let stage = Stage::new();
    let zeros = [0.0; 42];
    let left = |fill: fn(&mut NpzArchive, &[f64]) -> io::Result<()>| {
        reason(&stage.leaves(|archive| fill(archive, &zeros)))
    };
    let found = left(|archive, zeros| archive.add("emissivity", (3, 6), &zeros[..18]));
    assert_has(
        &found,
        &["has the shape (3, 6): expected (3, 7), [bin, emitter]; it wrote nothing"],
    );
    let found = left(|archive, zeros| archive.add("emissivity", 21, &zeros[..21]));
    assert_has(&found, &["`emissivity` in output.npz has the shape (21,): expected (3, 7)"]);
    let found = left(|archive, zeros| {
        archive.add("emissivity", (3, 7), &zeros[..21])?;
        archive.add("sigma", (7, 3), &zeros[..21])
    });
    assert_has(&found, &["`sigma` in output.npz has the shape (7, 3): expected (3, 7)"]);
    let found = left(|archive, zeros| {
        archive.add("emissivity", (3, 7), &zeros[..21])?;
        archive.add("sigma", (3, 7), &[Complex64::ZERO; 21])
    });
    assert_has(&found, &["`sigma` in output.npz has the dtype '<c16' (complex numbers): expected"]);
    let found = left(|archive, zeros| {
        archive.add("emissivity", (3, 7), &zeros[..21])?;
        archive.add("converged", (), &[true])
    });
    assert_has(&found, &["`converged` in output.npz has the shape (): expected (3,), [bin]"]);
    let found = left(|archive, zeros| {
        archive.add("emissivity", (3, 7), &zeros[..21])?;
        archive.add("converged", 3, &zeros[..3])
    });
    assert_has(&found, &["`converged` in output.npz has a dtype of floating-point numbers"]);
    let found = left(|archive, zeros| archive.add("emissivities", (3, 7), &zeros[..21]));
    assert_has(&found, &["output.npz has no `emissivity`: expected it beside what it holds, emis"]);
}

#[test]
fn bins_that_were_not_asked_for_are_refused() {
    let stage = Stage::new();
    let left = |bins: &[i64]| {
        reason(&stage.leaves(|archive| {
            archive.add("emissivity", (bins.len(), 7), &stage.emissivity(bins.len()))?;
            archive.add("bin", bins.len(), bins)
        }))
    };
    assert_has(&left(&[5, 6, 30]), &["`bin` in output.npz holds 6: expected bins of the input"]);
    assert_has(&left(&[5, -7]), &["`bin` in output.npz holds -7"]);
    assert_has(&left(&[5, 30, 5]), &["`bin` in output.npz holds 5 twice: expected it once"]);
    assert_has(&left(&[5, 7, 30, 5]), &["has the shape (4,): expected (N,), N at most 3"]);
    let found = reason(&stage.leaves(|archive| archive.add("bin", 2, &[5.0, 7.0])));
    assert_has(&found, &["`bin` in output.npz has a dtype of floating-point numbers: expected"]);
}

#[test]
fn a_program_that_cannot_be_started() {
    let stage = Stage::new();
    let found = reason(&stage.fit(&["nosuch-program", "x"]));
    let expected = "`nosuch-program`: cannot be started: No such file or directory";
    assert_has(&found, &[expected, "; set command in [[method]] to a program on the PATH"]);
    fs::write(stage.path("plain.sh"), "exit 0").unwrap();
    fs::set_permissions(stage.path("plain.sh"), fs::Permissions::from_mode(0o644)).unwrap();
    let Outcome::Failed(found) = stage.fit(&[&stage.text("plain.sh")]).remove(0) else { panic!() };
    assert_has(&found, &["plain.sh`: cannot be started: Permission denied", "chmod +x"]);
    assert_has(&reason(&stage.fit(&[])), &["method `stand_in` has no command: set command"]);
    assert_has(&reason(&stage.fit(&["a\0b"])), &["cannot be started", "set command in [[method]]"]);
}

/// As [`reason`], of a script whose own path stands in it.
fn script_reason(script: &str) -> String {
    let stage = Stage::new();
    let outcomes = stage.fit(&["sh", "-c", script, "stand-in"]);
    reason(&outcomes)
}

#[test]
fn a_program_that_fails_is_quoted() {
    let found = script_reason("echo ignored; echo 'no such\tkey in' \"$1\" >&2; exit 3");
    let expected = "ended with exit status: 3: expected exit status: 0; its standard error ends: \
                    no such key in input.npz";
    assert_has(&found, &[expected]);
    let found = script_reason("echo said; kill -SEGV $$");
    let quote = "; its standard output ends: said";
    assert_has(&found, &["ended with signal: 11 (SIGSEGV): expected", quote]);
}

#[test]
fn a_program_that_leaves_no_archive() {
    assert_has(
        &script_reason("exit 0"),
        &["there is no output.npz: expected the program to write"],
    );
    let found = script_reason(r#"echo garbage >"$2""#);
    assert_has(
        &found,
        &[r#"output.npz is not an .npz file (it starts with "garbage\n"): expected"#],
    );
    let found = script_reason(r#"printf 'PK\003\004 and no more' >"$2""#);
    assert_has(&found, &["output.npz is damaged ("]);
    assert_has(&script_reason(r#"mkdir "$2""#), &["output.npz is not a regular file"]);
    assert_has(&script_reason(r#"mkfifo "$2""#), &["output.npz is not a regular file"]);
    let found = script_reason(r#"head -c 1000 "$1" >"$2""#);
    assert_has(&found, &["output.npz is damaged ("]);
    // What it was given, handed back.
    let found = script_reason(r#"cp "$1" "$2""#);
    assert_has(
        &found,
        &["output.npz has no `emissivity`: expected it beside what it holds, bin, d"],
    );
}

#[test]
fn a_program_that_takes_too_long() {
    let stage = Stage::new();
    let program = ExternalProgram {
        name: "slow".into(),
        command: ["sh", "-c", "echo working; sleep 1000 & wait"].map(str::to_owned).into(),
        timeout: Duration::from_millis(500),
    };
    let start = Instant::now();
    let outcomes = at_bins(&stage.owned, Constraint::None, &BINS, |bins| {
        program.fit(bins, &stage.path("slow"))
    });
    assert!(start.elapsed() < Duration::from_millis(2500), "{:?}", start.elapsed());
    let found = reason(&outcomes);
    assert_has(
        &found,
        &["did not end within 0.5 s and was killed: give [[method]] `slow` a longer"],
    );
    assert_has(&found, &["its standard output ends: working"]);
}

#[test]
fn much_output_stops_nobody() {
    let script = "i=0; while [ $i -lt 3000 ]; do i=$((i + 1)); printf '%01000d\\n' $i; \
                  printf '%01000d\\n' $i >&2; done; exit 1";
    assert_has(&script_reason(script), &["ended with exit status: 1", "0003000"]);
}

#[test]
fn the_surroundings_of_a_program() {
    let here = std::env::current_dir().unwrap();
    let script =
        r#"[ "$(pwd)" = "$0" ] || echo elsewhere: $(pwd); cat; env | grep _NUM_THREADS; exit 1"#;
    let stage = Stage::new();
    let outcomes = stage.fit(&["sh", "-c", script, here.to_str().unwrap()]);
    let Outcome::Failed(found) = &outcomes[0] else { panic!("{outcomes:?}") };
    assert!(!found.contains("ends: elsewhere"), "{found}");
    for name in ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"] {
        let value = std::env::var(name).unwrap_or("1".into());
        assert_has(found, &[&format!("{name}={value}")]);
    }
}

#[test]
fn no_bins_need_no_program() {
    let program = ExternalProgram {
        name: "x".into(),
        command: vec!["nosuch".into()],
        timeout: Duration::ZERO,
    };
    assert_eq!(program.fit(&[], &Stage::new().path("x")), []);
}

/// A file of 100 GB without a byte in it: nobody searches for its end.
#[test]
fn an_output_is_judged_by_its_first_bytes_and_its_length() {
    let stage = Stage::new();
    let begun = std::time::Instant::now();
    for (script, says) in [
        ("truncate -s 100G \"$2\"", "is not an .npz file"),
        (
            "printf 'PK\\003\\004' >\"$2\"; truncate -s 100G \"$2\"",
            "has 107374182400 bytes: expected at most",
        ),
        (
            "printf '\\037\\213' >\"$2\"; truncate -s 100G \"$2\"",
            "has 107374182400 bytes: expected at most",
        ),
        ("printf '\\223NUMPY' >\"$2\"", "is not an .npz file"),
    ] {
        assert_has(&reason(&stage.script(script)), &["output.npz", says]);
    }
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}
