//! Iterative methods give up after so many iterations, or, where that was asked for, so much time;
//! the unit then keeps its last values and says why it stopped.
#![allow(clippy::unwrap_used)] // helpers of tests fail as the tests themselves do

use crate::support::program::{SMALL, otfhpc, text};

/// The reasons in `failures.csv` of a run of some methods.
fn reasons(methods: &str, settings: &[&str]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let methods = format!("--set=fit.methods={methods}");
    let fixed = ["local", "--out", text(folder.path()), "--set=fit.bins=10-14", &methods];
    otfhpc(fixed.iter().chain(&SMALL).chain(settings)).ended(1);
    let mut reader = csv::Reader::from_path(folder.path().join("failures.csv")).unwrap();
    let rows = reader.records().map(Result::unwrap);
    rows.map(|row| {
        assert_eq!((&row[3], &row[5]), ("not converged", "5"), "{row:?}");
        format!("{}: {}", &row[1], &row[4])
    })
    .collect()
}

#[test]
fn by_iterations() {
    let found = reasons(
        r#"["wls","lbfgs","huber","nelder_mead"]"#,
        &[
            "--set=fit.options.lbfgs.max_iterations=1",
            "--set=fit.options.huber.max_iterations=1",
            "--set=fit.options.nelder_mead.max_evaluations=100",
        ],
    );
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(found.iter().any(|r| r == "lbfgs: stopped after 1 iterations"), "{found:?}");
    assert!(found.iter().any(|r| r == "huber: stopped after 1 iterations"), "{found:?}");
    assert!(found.iter().any(|r| r == "nelder_mead: stopped after 100 evaluations"), "{found:?}");
}

/// Direct solutions have no iterations to stop.
#[test]
fn by_time() {
    let methods = r#"["wls","huber","student_t","lad","tls","lbfgs","warm_start","nelder_mead"]"#;
    let found = reasons(methods, &["--set=fit.unit_seconds=1e-9"]);
    assert_eq!(found.len(), 7, "{found:?}");
    assert!(found.iter().all(|r| r.contains("the limit of a unit")), "{found:?}");
}
