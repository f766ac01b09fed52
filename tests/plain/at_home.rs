//! The program away from its checkout: the configurations that it carries, settings in layers, and what it
//! says of itself.
#![allow(clippy::unwrap_used)] // helpers of tests fail as the tests themselves do

use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::tempdir;

use crate::support::program::{otfhpc, otfhpc_in, otfhpc_of};

/// A run of `quickstart` that takes a moment.
const SMALL: [&str; 3] =
    ["--set=simulate.records=60", "--set=simulate.plateau_records=5", "--set=fit.bins=5-9"];

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

#[test]
fn the_configurations_are_listed_and_printed_byte_for_byte() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs");
    let list = otfhpc(["config"]).ended(0).stdout;
    let mut count = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        assert!(list.lines().any(|line| line.starts_with(&format!("{name} "))), "{name}: {list}");
        let printed = otfhpc(["config", &name]).ended(0).stdout;
        assert_eq!(printed, fs::read_to_string(&path).unwrap(), "{name}");
        count += 1;
    }
    assert_eq!(list.lines().count(), count);
    let error = otfhpc(["config", "quikstart"]).ended(2).stderr;
    assert!(error.contains("'quickstart'"), "{error}");
}

#[test]
fn a_name_means_a_file_if_there_is_one_and_else_what_the_program_carries() {
    let folder = tempdir().unwrap();
    let local = |config: &str, out: &str| {
        let arguments = ["local", "--config", config, "--out", out];
        otfhpc_in(folder.path(), arguments.iter().chain(&SMALL))
    };
    // A folder of that name is no file.
    fs::create_dir(folder.path().join("quickstart")).unwrap();
    let out = local("quickstart", "carried").ended(0).stdout;
    assert!(out.contains("settings   quickstart (built-in), then 3 by --set\n"), "{out}");
    let sources = &json(&folder.path().join("carried/plan.json"))["settings_from"];
    assert_eq!(sources[0], serde_json::json!({ "built_in": "quickstart" }));
    assert_eq!(sources[1], serde_json::json!({ "set": "simulate.records=60" }));
    fs::write(folder.path().join("joint"), "[fit]\nmethods = [\"ols\"]\n").unwrap();
    let out = local("joint", "file").ended(0).stdout;
    assert!(out.contains("ols") && !out.contains("built-in"), "{out}");
    let error = local("quickstrat", "none").ended(2).stderr;
    assert!(error.contains("did you mean quickstart?"), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
}

#[test]
fn a_configuration_is_written_with_the_files_that_it_runs() {
    let folder = tempdir().unwrap();
    let error = otfhpc_in(folder.path(), ["plan", "--config", "differentiation"]).ended(2).stderr;
    let mend = "otfhpc config differentiation --dir differentiation";
    assert!(error.contains("scripts/studies") && error.contains(mend), "{error}");
    let write = || otfhpc_in(folder.path(), mend.split(' ').skip(1));
    write().ended(0);
    // Once more does no harm; another file in the place of one does.
    write().ended(0);
    let there = folder.path().join("differentiation");
    otfhpc_in(&there, ["plan", "--config", "differentiation.toml", "--no-probe"]).ended(0);
    otfhpc_in(&there, ["plan", "--config", "differentiation", "--no-probe"]).ended(0);
    let path = there.join("scripts/studies/differentiation/truth.py");
    fs::write(&path, "mine").unwrap();
    let error = write().ended(2).stderr;
    assert!(error.contains("truth.py") && error.contains("another file"), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
}

#[test]
fn layers_are_what_one_file_with_all_of_it_is() {
    let folder = tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write(
        "instrument.toml",
        "[simulate]\nrecords = 600\nplateau_records = 5\n[instrument]\ntransform_length = 640\n\
         [[method]]\nname = \"theirs\"\ncommand = [\"true\"]\n",
    );
    write("project.toml", "[simulate]\nrecords = 60\n[fit]\nmethods = [\"ols\", \"lad\"]\n");
    write(
        "run.toml",
        "[fit]\nmethods = [\"wls\"]\nbins = \"5-9\"\n[[method]]\nname = \"mine\"\n\
         command = [\"true\"]\n",
    );
    write(
        "whole.toml",
        "[simulate]\nrecords = 60\nplateau_records = 5\n[instrument]\ntransform_length = 640\n\
         [fit]\nmethods = [\"wls\"]\nbins = \"5-9\"\n[study]\ntrials = 2\n[[method]]\n\
         name = \"mine\"\ncommand = [\"true\"]\n",
    );
    let plan = |out: &str, configs: &[&str], more: &[&str]| {
        let configs = configs.iter().flat_map(|config| ["--config", config]);
        let arguments = ["plan", "--no-probe", "--out", out].into_iter().chain(configs);
        let ran = otfhpc_in(folder.path(), arguments.chain(more.iter().copied())).ended(0);
        (json(&folder.path().join(out).join("plan.json")), ran.stdout)
    };
    let layers = ["instrument.toml", "project.toml", "run.toml"];
    let (layered, said) = plan("layered", &layers, &["--set=study.trials=2"]);
    let (whole, _) = plan("whole", &["whole.toml"], &[]);
    assert_eq!(layered["plan_hash"], whole["plan_hash"]);
    assert!(said.contains("instrument.toml, then "), "{said}");
    // Each source in order, files with their hashes.
    let sources = layered["settings_from"].as_array().unwrap();
    assert_eq!(sources.len(), 4);
    for (source, name) in sources.iter().zip(layers) {
        let path = source["file"]["path"].as_str().unwrap();
        assert!(path.starts_with('/') && path.ends_with(name), "{source}");
        assert_eq!(source["file"]["blake3"].as_str().unwrap().len(), 64);
    }
}

#[test]
fn a_mistake_in_a_layer_is_told_with_its_file_and_line() {
    let folder = tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("good.toml", "[data]\npath = \"cal.npz\"\n[study]\nseed = 1\n");
    write("typo.toml", "[study]\n\ntrails = 5\n");
    write("type.toml", "[study]\ntrials = \"x\"\n");
    write("clash.toml", "[fit]\nbins = 5\n\n[simulate]\nrecords = 5\n");
    write("broken.toml", "[study\n");
    write("range.toml", "[study]\ntrials = 0\n");
    write("base.toml", "");
    write("words.toml", "workload = \"command\"\n[grid]\n");
    let said = |configs: &[&str]| {
        let configs = configs.iter().flat_map(|config| ["--config", config]);
        let arguments = ["plan", "--no-probe"].into_iter().chain(configs);
        otfhpc_in(folder.path(), arguments).ended(2).stderr
    };
    for (configs, parts) in [
        (
            &["good.toml", "typo.toml"][..],
            &["typo.toml", "line 3", "did you mean study.trials?"][..],
        ),
        (&["typo.toml", "good.toml"], &["typo.toml", "line 3"]),
        (&["good.toml", "type.toml"], &["type.toml", "line 2", "study.trials is \"x\""]),
        (&["good.toml", "clash.toml"], &["simulate.records stands in clash.toml, line 5"]),
        (&["good.toml", "broken.toml"], &["broken.toml", "line 1"]),
        (&["base.toml", "range.toml"], &["study.trials stands in range.toml, line 2"]),
        (&["base.toml", "words.toml"], &["words.toml"]),
        (&["good.toml", "absent.toml"], &["--config absent.toml: there is no such file"]),
    ] {
        let error = said(configs);
        for part in parts {
            assert!(error.contains(part), "{configs:?}: no `{part}` in {error}");
        }
    }
    // What one lacks, another may have; what all lack is missing in all.
    write("command.toml", "workload = \"command\"\n[command]\noutput = \"\"\n");
    write("program.toml", "workload = \"command\"\n[command]\nrun = [\"true\"]\n");
    let both = ["--config", "command.toml", "--config", "program.toml"];
    otfhpc_in(folder.path(), ["plan", "--no-probe"].into_iter().chain(both)).ended(0);
    let error = said(&["command.toml", "base.toml"]);
    assert!(error.contains("command.toml, base.toml: ") && error.contains("`run`"), "{error}");
}

#[test]
fn a_site_says_how_jobs_start_and_changes_no_result() {
    let folder = tempdir().unwrap();
    let site = folder.path().join("site.toml");
    let plan = |site: &str, out: &str, more: &[&str]| {
        let out = folder.path().join(out);
        let arguments = ["plan", "--no-probe", "--out", out.to_str().unwrap()];
        let arguments = arguments.into_iter().chain(more.iter().copied());
        let program = Path::new(env!("CARGO_BIN_EXE_otfhpc"));
        let ran = otfhpc_of(program, &[("OTFHPC_SITE_CONFIG", site)], arguments);
        (ran, out.join("plan.json"))
    };
    let site_path = site.to_str().unwrap();
    fs::write(&site, "[slurm]\naccount = \"firas\"\npartition = \"short\"\n").unwrap();
    let (ran, with) = plan(site_path, "with", &["--set=slurm.partition=long"]);
    assert!(ran.ended(0).stdout.contains("site.toml (site), then 1 by --set"));
    let with = json(&with);
    let launch = serde_json::json!({ "partition": "long", "account": "firas" });
    assert_eq!(with["launch"], launch);
    let (ran, without) = plan("", "without", &[]);
    ran.ended(0);
    let without = json(&without);
    assert_eq!(with["plan_hash"], without["plan_hash"]);
    assert!(without.get("settings_from").is_none() && without.get("launch").is_none());
    for (text, expected) in [
        ("[fit]\nmethods = [\"ols\"]\n", "has fit; a site's settings"),
        ("[slurm]\npartitoin = \"x\"\n", "did you mean slurm.partition?"),
    ] {
        fs::write(&site, text).unwrap();
        let error = plan(site_path, "refused", &[]).0.ended(2).stderr;
        assert!(error.contains("site.toml") && error.contains(expected), "{error}");
    }
    let error = plan("/nowhere/site.toml", "refused", &[]).0.ended(2).stderr;
    assert!(error.contains("/nowhere/site.toml"), "{error}");
}

#[test]
fn the_version_is_that_of_plans_and_provenance() {
    let folder = tempdir().unwrap();
    let arguments = ["local", "--config=quickstart", "--out=results"];
    otfhpc_in(folder.path(), arguments.iter().chain(&SMALL)).ended(0);
    for flag in ["--version", "-V"] {
        let said = otfhpc([flag]).ended(0).stdout;
        let lines: Vec<&str> = said.lines().collect();
        assert_eq!(lines[0], concat!("otfhpc ", env!("CARGO_PKG_VERSION")));
        assert!(lines[1].starts_with("commit ") && lines.len() == 3, "{said}");
        let build = lines[2].strip_prefix("build ").unwrap();
        let plan = json(&folder.path().join("results/plan.json"));
        assert_eq!(plan["program"]["blake3"], build);
        let provenance = json(&folder.path().join("results/provenance.json"));
        assert_eq!(provenance["program"]["blake3"], build);
        assert_eq!(provenance["settings_from"], plan["settings_from"]);
    }
}

#[test]
fn help_ends_with_the_variables_that_are_read() {
    let help = otfhpc(["--help"]).ended(0).stdout;
    for name in ["OTFHPC_THREADS", "OTFHPC_SITE_CONFIG", "OTFHPC_REQUEUE", "COLUMNS", "TERM"] {
        assert!(help.contains(&format!("\n  {name}\n")), "{name}: {help}");
    }
    // The short one is short.
    assert!(!otfhpc(["-h"]).ended(0).stdout.contains("OTFHPC_"));
}

#[test]
fn the_citation_is_of_this_version() {
    let text =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("CITATION.cff")).unwrap();
    let value = |key: &str| {
        let line = text.lines().find(|line| line.starts_with(&format!("{key}: ")));
        line.unwrap_or_else(|| panic!("no {key}")).split_once(": ").unwrap().1
    };
    assert_eq!(value("cff-version"), "1.2.0");
    assert_eq!(value("version"), env!("CARGO_PKG_VERSION"));
    assert_eq!((value("title"), value("type")), ("otfhpc", "software"));
    let readme =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let rust = format!("Rust {} or later", env!("CARGO_PKG_RUST_VERSION"));
    assert!(readme.contains(&rust), "README does not ask for {rust}");
}
