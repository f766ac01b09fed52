//! `report.html`: one file with everything in it, for a run and for a study. That its bytes are the same for
//! any shards and threads, `same_bytes` shows, of all products.

#![allow(clippy::unwrap_used)] // helpers of tests fail as the tests themselves do

use std::fs;
use std::path::Path;

use crate::support::program::{SMALL, otfhpc, text};
use tempfile::tempdir;

fn local(folder: &Path, settings: &[&str]) -> String {
    otfhpc(["local", "--out", text(folder)].iter().chain(settings)).ended(0);
    fs::read_to_string(folder.join("report.html")).unwrap()
}

/// What stands between quotes after each of these words.
fn quoted<'a>(page: &'a str, before: &str) -> Vec<&'a str> {
    page.split(before).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

#[track_caller]
fn assert_sound(page: &str) {
    assert!(page.len() < 1_000_000, "{} bytes", page.len());
    let ids = quoted(page, " id=\"");
    for link in quoted(page, "href=\"#") {
        assert!(ids.contains(&link), "#{link} leads nowhere");
    }
    let mut once = ids.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), ids.len(), "an id is there twice");
    for outside in ["http:", "https:", "src=", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
    for broken in ["NaN", "inf "] {
        assert!(!page.split("<script>").next().unwrap().contains(broken), "{broken}");
    }
}

#[test]
fn a_default_run_has_a_page_that_says_everything() {
    let folder = tempdir().unwrap();
    let page = local(folder.path(), &[]);
    assert_sound(&page);
    let sections = [
        "records-llss",
        "emissivities-llss",
        "residuals-llss",
        "others-llss",
        "methods",
        "coverage",
        "repeat",
    ];
    for section in sections {
        assert!(page.contains(&format!("<section id=\"{section}\">")), "{section}");
    }
    for word in
        ["512 converged", "1,200 of 1,200 records", "Temperatures over the campaign", "truth"]
    {
        assert!(page.contains(word), "{word}");
    }
    // Seven emissivities, their error bars and distance from the truth, three figures and two maps of
    // residuals, and further ones.
    assert!(page.matches("<figure").count() >= 15);
    assert!(page.matches("class=\"m p").count() >= 4, "the maps are empty");
    assert_eq!(page.matches("± one standard error").count(), 1);
}

#[test]
fn a_study_says_what_its_trials_confirm() {
    let folder = tempdir().unwrap();
    let study = [
        "--set=study.noise_levels=[1e-4,0.02]",
        "--set=study.trials=3",
        "--set=fit.methods=[\"wls\",\"lad\",\"lbfgs\"]",
        "--set=fit.bins=5-40",
    ];
    let page = local(folder.path(), &[&SMALL[..], &study].concat());
    assert_sound(&page);
    for id in ["methods", "by-emitter", "by-noise", "noise", "coverage"] {
        assert!(page.contains(&format!("id=\"{id}\"")), "{id}");
    }
    assert!(page.contains("larger errors, confirmed: lad ("), "{page}");
    assert!(page.contains("no difference that matters: lbfgs"), "{page}");
    assert!(page.contains("class=\"worse\"") && page.contains("class=\"chance\""));
}

#[test]
fn it_can_be_written_again() {
    let folder = tempdir().unwrap();
    let page = local(folder.path(), &SMALL);
    let path = folder.path().join("report.html");
    let again = || otfhpc(["report", text(folder.path())]);
    fs::remove_file(&path).unwrap();
    let said = again().ended(0).stdout;
    assert!(said.contains("report.html"), "{said}");
    assert_eq!(fs::read_to_string(&path).unwrap(), page);
    let status = otfhpc(["status", text(folder.path())]).ended(0).stdout;
    assert!(status.contains("merged"), "{status}");
    // A page that was changed is put right.
    fs::write(&path, "mine").unwrap();
    again().ended(0);
    assert_eq!(fs::read_to_string(&path).unwrap(), page);
    fs::remove_file(folder.path().join("partials/shard-00000.bin")).unwrap();
    let said = again().ended(3).stderr;
    assert!(said.contains("merge") && said.contains("incomplete"), "{said}");
    let empty = tempdir().unwrap();
    otfhpc(["plan", "--no-probe", "--out", text(empty.path())].iter().chain(&SMALL)).ended(0);
    let said = otfhpc(["report", text(empty.path())]).ended(2).stderr;
    assert!(said.contains("nothing was merged here yet") && said.contains("merge"), "{said}");
}

#[test]
fn how_the_work_went_is_a_page_of_its_own() {
    let folder = tempdir().unwrap();
    let report = local(folder.path(), &[&SMALL[..], &["--shards=3"]].concat());
    let page = fs::read_to_string(folder.path().join("work.html")).unwrap();
    assert_sound(&page);
    for word in ["Shards over time", "Time of a unit", "largest process", "provenance.json"] {
        assert!(page.contains(word), "{word}");
    }
    let provenance = fs::read_to_string(folder.path().join("provenance.json")).unwrap();
    assert!(provenance.contains("report.html") && !provenance.contains("work.html"));
    let host = provenance.split("\"host\": \"").nth(1).unwrap().split('"').next().unwrap();
    assert!(page.contains(host) && !report.contains(&format!("{host}<")));
}
