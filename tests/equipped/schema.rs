//! The JSON schema of the settings, by another's validator: what the program reads is valid, and what it
//! refuses for its name or type is refused.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use libtest_mimic::Failed;
use tempfile::tempdir;

use crate::support::program::{otfhpc, otfhpc_in, text};
use crate::support::{Trial, python, run_python, trial_unless};

pub(crate) fn trials() -> Vec<Trial> {
    let has = |python: PathBuf| {
        let import = Command::new(python).args(["-c", "import jsonschema"]).output();
        import.is_ok_and(|output| output.status.success())
    };
    let reason = (!python().is_some_and(has))
        .then(|| "needs Python with jsonschema: run scripts/test.sh".to_owned());
    vec![
        trial_unless(reason.clone(), "what_is_read_is_valid", what_is_read_is_valid),
        trial_unless(reason, "what_is_refused_is_refused", what_is_refused_is_refused),
    ]
}

/// Files with these texts.
fn files(folder: &Path, texts: &[&str]) -> Result<Vec<PathBuf>, Failed> {
    let write = |(place, text): (usize, &&str)| {
        let path = folder.join(format!("{place}.toml"));
        fs::write(&path, text)?;
        Ok(path)
    };
    texts.iter().enumerate().map(write).collect()
}

/// What the validator says of each, by the schema of all or of one kind of settings.
fn verdicts(option: &str, files: &[PathBuf]) -> Result<Vec<String>, Failed> {
    let folder = tempdir()?;
    let schema = folder.path().join("schema.json");
    fs::write(&schema, otfhpc(["config", option]).ended(0).stdout)?;
    let arguments: Vec<&Path> =
        [&*schema].into_iter().chain(files.iter().map(PathBuf::as_path)).collect();
    let said = run_python("check_schema.py", &arguments)?;
    Ok(said.lines().map(str::to_owned).collect())
}

fn what_is_read_is_valid() -> Result<(), Failed> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempdir()?;
    let mut all: Vec<PathBuf> = fs::read_dir(root.join("configs"))?
        .chain(fs::read_dir(root.join("tests/studies"))?)
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    // All lines of the default that are comments with a setting, and the blocks of the documents.
    let default = fs::read_to_string(root.join("configs/default.toml"))?;
    let is_setting = |line: &str| line.starts_with("# ") && line.contains(" = ");
    let uncommented: Vec<&str> = default
        .lines()
        .map(|line| if is_setting(line) { &line[2..] } else { line })
        .filter(|line| !line.contains("...") && !line.contains("[["))
        // What belongs to [[emitter]] and [[method]].
        .filter(|line| {
            !["name =", "key =", "command =", "timeout"].iter().any(|n| line.starts_with(n))
        })
        .collect();
    let mut texts = vec![uncommented.join("\n")];
    for document in ["docs/STUDIES.md", "docs/DATA.md", "README.md", "docs/INSTALL.md"] {
        let manual = fs::read_to_string(root.join(document))?;
        let blocks = manual.split("```toml\n").skip(1);
        let blocks = blocks.filter_map(|rest| rest.split("```").next());
        texts.extend(blocks.filter(|block| !block.contains("[[rule]]")).map(str::to_owned));
    }
    assert!(texts.len() > 5, "{texts:?}");
    // Forms that people may choose.
    texts.extend(
        [
            "[data]\nsets = \"llss\"\nsigma = \"estimate\"\n[fit]\nbins = 5\n",
            "[data]\nsets = \"llss,RHSS\"\nsigma = 0.02\n[fit]\nmethods = \"wls,mine\"\n",
            "[fit]\nbins = [\"5-9\", 12]\nmethods = [\"wls+kirchhoff\", \"mine\"]\n",
            "[instrument]\ncorrections = \"model\"\n[study]\nnoise_levels = 1\n",
            "[fit.options.lbfgs]\nmax_iterations = 1000\n[fit.options.joint.prior]\nvp0 = \"none\"\n",
            "[fit.options.tls]\nxcal_k = 0.001\n",
        ]
        .map(String::from),
    );
    if let Some(text) = texts.iter().find(|text| !reads(text)) {
        return Err(format!("the program does not read {text}").into());
    }
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    all.extend(files(folder.path(), &texts)?);
    for (path, verdict) in all.iter().zip(verdicts("--schema", &all)?) {
        if verdict != "valid" {
            return Err(
                format!("{}: {verdict}:\n{}", path.display(), fs::read_to_string(path)?).into()
            );
        }
    }
    Ok(())
}

/// Whether the program reads a text as settings, whatever they mean together.
fn reads(text: &str) -> bool {
    match text.contains("workload = \"command\"") {
        true => toml::from_str::<otfhpc::command::CommandSettings>(text).is_ok(),
        false => toml::from_str::<otfhpc::otf::study::Config>(text).is_ok(),
    }
}

fn what_is_refused_is_refused() -> Result<(), Failed> {
    let wrong = [
        ("[study]\ntrails = 5\n", "study: "),
        ("[studdy]\ntrials = 5\n", ": "),
        ("[study]\ntrials = \"many\"\n", "study.trials: "),
        ("[study]\nseed = -1\n", "study.seed: "),
        ("[data]\nsigma = \"guess\"\n", "data.sigma: "),
        ("[data]\nsource = \"nzp\"\n", "data.source: "),
        ("[data]\nsets = [\"lxss\"]\n", "data.sets"),
        ("[fit]\nbins = 300\n", "fit.bins: "),
        ("[fit]\nconstraint = \"kirchoff\"\n", "fit.constraint: "),
        ("[fit.options.joint]\nloss = \"cubes\"\n", "fit.options.joint.loss: "),
        ("[instrument.corrections]\nh4 = 1\n", "instrument.corrections: "),
        ("[slurm]\nthrottle = 0\n", "slurm.throttle: "),
        ("[[method]]\nname = \"x\"\n", "method.0: "),
        ("workload = \"comand\"\n", "workload: "),
        ("workload = \"command\"\n[command]\nrunn = [\"true\"]\n", "command: "),
        ("workload = \"command\"\n", ": "),
        (
            "workload = \"command\"\n[command]\nrun = [\"true\"]\n[[grid]]\nvalues = 3\n",
            "grid.0.values: ",
        ),
        ("workload = \"command\"\n[command]\nrun = [\"true\"]\n[data]\nsigma = 1\n", ": "),
    ];
    let folder = tempdir()?;
    let texts: Vec<&str> = wrong.iter().map(|(text, _)| *text).collect();
    let all = files(folder.path(), &texts)?;
    for ((path, verdict), (what, place)) in all.iter().zip(verdicts("--schema", &all)?).zip(wrong) {
        if !verdict.starts_with(&format!("refused {place}")) {
            return Err(format!("{what}: {verdict}, expected refused {place}").into());
        }
        // The program agrees.
        let arguments = ["plan", "--no-probe", "--config", text(path)];
        let error = otfhpc_in(folder.path(), arguments).ended(2).stderr;
        assert!(error.contains("toml") || error.contains("workload is"), "{error}");
    }
    // An option of a method out of its bounds, which the program checks against the study.
    let options = files(folder.path(), &["[fit.options.lbfgs]\nmax_iterations = -1\n"])?;
    assert!(verdicts("--schema=otf", &options)?[0].starts_with("refused fit.options.lbfgs"));
    assert!(verdicts("--schema=command", &options)?[0].starts_with("refused"));
    Ok(())
}
