//! The environment variables of a unit: what is inherited, what is not, and what is set.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

use glob::{MatchOptions, Pattern};

use super::check::{PREFIX, variable};
use super::study::CommandStudy;
use super::template::Slot;

/// How the usual libraries and languages are told how many threads to use. Set and not inherited:
/// several units run at once.
const THREADS: [&str; 14] = [
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "GOTO_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMEXPR_MAX_THREADS",
    "NUMBA_NUM_THREADS",
    "RAYON_NUM_THREADS",
    "POLARS_MAX_THREADS",
    "JULIA_NUM_THREADS",
    "GOMAXPROCS",
    "TF_NUM_INTRAOP_THREADS",
];

/// What binds threads to processors, or to other numbers of them: every unit would be bound to the
/// same ones.
const BINDINGS: [&str; 6] = [
    "OMP_PROC_BIND",
    "OMP_PLACES",
    "OMP_THREAD_LIMIT",
    "GOMP_CPU_AFFINITY",
    "KMP_AFFINITY",
    "MKL_DOMAIN_NUM_THREADS",
];

/// Names of variables have no folders.
const OF_NAMES: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: false,
    require_literal_leading_dot: false,
};

/// Which of the variables that this process has are not inherited.
///
/// Those of Slurm are: a program may look up its job, or start steps of it with `srun`. One that takes
/// them for its own (an MPI library that is started without `srun`) needs
/// `env_clear = ["SLURM_*", "PMI*"]`.
pub(super) fn removed(
    cleared: &[Pattern],
    inherited: impl Iterator<Item = OsString>,
) -> Vec<OsString> {
    let is_removed = |name: &OsString| {
        let text = name.to_string_lossy();
        // Those of another study must not be taken for this one's.
        text.starts_with(PREFIX)
            || BINDINGS.contains(&text.as_ref())
            || cleared.iter().any(|pattern| pattern.matches_with(&text, OF_NAMES))
    };
    inherited.filter(is_removed).collect()
}

/// Which variables are set, sorted by name. `value` is what stands for a placeholder.
pub(super) fn set(
    study: &CommandStudy,
    value: impl Fn(Slot) -> OsString,
) -> BTreeMap<String, OsString> {
    let mut set = BTreeMap::new();
    let threads = value(Slot::Threads);
    set.extend(THREADS.iter().map(|name| ((*name).to_owned(), threads.clone())));
    // Otherwise the order of a Python set, and what follows from it, differs from run to run.
    set.insert("PYTHONHASHSEED".into(), OsStr::new("0").into());
    for (i, axis) in study.axes().iter().enumerate() {
        let name = axis.name();
        set.insert(variable(name), value(Slot::Label(i)));
        set.insert(variable(&format!("{name}.index")), value(Slot::Index(i)));
        set.insert(variable(&format!("{name}.value")), value(Slot::Value(i)));
    }
    let input = study.input.as_ref().map(|_| ("input", Slot::Input));
    let plain = [
        ("seed", Slot::Seed),
        ("unit", Slot::Unit),
        ("attempt", Slot::Attempt),
        ("threads", Slot::Threads),
        ("scratch", Slot::Scratch),
        ("output_folder", Slot::OutputFolder),
    ];
    let output = (!study.output().is_empty()).then_some(("output", Slot::Output));
    let some = input.into_iter().chain(output);
    set.extend(plain.into_iter().chain(some).map(|(name, slot)| (variable(name), value(slot))));
    set.extend(study.env.iter().map(|(name, text)| (name.clone(), text.fill(&value))));
    set
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_of_whole_names() {
        let cleared: Vec<Pattern> =
            ["PY_*", "X", "*_DIR"].iter().map(|text| Pattern::new(text).unwrap()).collect();
        let names = [
            "PY_METHODS",
            "MY_PY_X",
            "X",
            "XY",
            "A_DIR",
            "OTFHPC_SEED",
            "HOME",
            "py_a",
            "OMP_PROC_BIND",
        ];
        let removed = removed(&cleared, names.iter().map(OsString::from));
        assert_eq!(removed, ["PY_METHODS", "X", "A_DIR", "OTFHPC_SEED", "OMP_PROC_BIND"]);
        let all = [Pattern::new("*").unwrap()];
        assert_eq!(super::removed(&all, names.iter().map(OsString::from)).len(), names.len());
    }

    #[test]
    fn the_settings_of_a_study_come_last() {
        let text = "workload = \"command\"\n[command]\nrun = \"x\"\nthreads = 3\n\
                    env = { OMP_NUM_THREADS = \"7\", PYTHONHASHSEED = \"random\", A = \"{n}-{n.value}\" }\n\
                    [[grid]]\nname = \"n\"\nvalues = [{ value = 1e-3, label = \"low\" }]\n";
        let study = CommandStudy::new(&toml::from_str(text).unwrap()).unwrap();
        let set = set(&study, |slot| study.known(0, slot).unwrap_or_else(|| "?".into()));
        for (name, value) in [
            ("OMP_NUM_THREADS", "7"),
            ("MKL_NUM_THREADS", "3"),
            ("PYTHONHASHSEED", "random"),
            ("A", "low-0.001"),
            ("OTFHPC_N", "low"),
            ("OTFHPC_N_INDEX", "0"),
            ("OTFHPC_N_VALUE", "0.001"),
            ("OTFHPC_UNIT", "0"),
            ("OTFHPC_THREADS", "3"),
            ("OTFHPC_OUTPUT_FOLDER", "?"),
        ] {
            assert_eq!(set[name], value, "{name}");
        }
        assert_eq!(set["OTFHPC_SEED"].to_str(), Some(study.seed(0).to_string().as_str()));
        assert!(!set.contains_key("OTFHPC_INPUT"));
    }
}
