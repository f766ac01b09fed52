//! Which plan the products in a folder are of, and whether they are what the merge wrote: a list in
//! `provenance.json`, which is written last.

use std::fs::Metadata;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::foundations::files::{FilesTogether, plain};
use crate::foundations::{Digest, FileError, files};
use crate::runner::plan::BoundPlan;

use super::run_dir::RunDir;

/// A file that a merge wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// Its name in the folder.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// BLAKE3 of its content.
    pub blake3: Digest,
}

/// What the products in a folder are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Not all are there, or nobody finished them.
    Unfinished,
    /// They are those of the plan that stands there.
    Whole,
    /// They are of another plan.
    OfAnotherPlan(Digest),
    /// They are of the plan, but these are not what the merge wrote.
    Changed(Vec<String>),
}

/// Those products that are there, or will be when `files` are published, each with its hash. A folder of
/// files is not listed.
///
/// # Errors
/// If one cannot be read.
pub fn list(
    run: &RunDir,
    workload: &str,
    files: &FilesTogether,
) -> Result<Vec<Product>, FileError> {
    let is_file = |path: &Path| path.symlink_metadata().is_ok_and(|data| data.is_file());
    let mut products = Vec::new();
    let last = run.provenance();
    let mut all = run.products(workload);
    let further: Vec<_> =
        run.products_of_some().into_iter().filter(|path| !all.contains(path)).collect();
    all.extend(further);
    for path in all.into_iter().filter(|path| *path != last) {
        let place = files.written_at(&path).unwrap_or(&path);
        if is_file(place) {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let metadata = std::fs::metadata(place);
            let bytes = metadata.map_err(|e| FileError::new("read", place, e))?.len();
            products.push(Product { name, bytes, blake3: Digest::of_file(place)? });
        }
    }
    Ok(products)
}

/// Writes the list in `provenance.json` anew, and leaves all else there as it is.
///
/// # Errors
/// If a file cannot be read or written.
pub fn list_again(run: &RunDir, workload: &str) -> Result<(), FileError> {
    let path = run.provenance();
    let unreadable = |e: serde_json::Error| FileError::new("read", &path, e.into());
    let mut written: serde_json::Value =
        serde_json::from_slice(&plain::read(&path)?).map_err(unreadable)?;
    written["products"] = serde_json::to_value(list(run, workload, &FilesTogether::default())?)
        .map_err(unreadable)?;
    files::write_json(&path, &written)
}

/// What of `provenance.json` is about products.
#[derive(Deserialize)]
struct Provenance {
    plan_hash: Digest,
    #[serde(default)]
    products: Vec<Product>,
}

/// What the products in the folder of a plan are, by their lengths; or, if they are to be read, by
/// their hashes.
#[must_use]
pub fn standing(run: &RunDir, plan: &BoundPlan, is_thorough: bool) -> Standing {
    let is_there = |path: &std::path::PathBuf| path.symlink_metadata().is_ok();
    if !run.products(&plan.plan.workload).iter().all(is_there) {
        return Standing::Unfinished;
    }
    let written: Option<Provenance> =
        plain::read(&run.provenance()).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let Some(Provenance { plan_hash, products }) = written else { return Standing::Unfinished };
    if plan_hash != plan.hash {
        return Standing::OfAnotherPlan(plan_hash);
    }
    let is_changed = |product: &&Product| {
        let path = run.product(&product.name);
        let length = path.symlink_metadata().map(|data: Metadata| data.len());
        let is_same = length.is_ok_and(|length| length == product.bytes);
        !is_same || (is_thorough && Digest::of_file(&path).ok() != Some(product.blake3))
    };
    let changed: Vec<String> =
        products.iter().filter(is_changed).map(|product| product.name.clone()).collect();
    if changed.is_empty() { Standing::Whole } else { Standing::Changed(changed) }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::runner::plan::layout::tests::layout;

    #[test]
    fn products_know_their_plan_and_what_they_were() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunDir::new(folder.path());
        let plan = |seed| BoundPlan::example(layout(2, 3, &[false]), seed, 2);
        let (ours, other) = (plan(1), plan(2));
        for path in run.products("otf") {
            assert_eq!(standing(&run, &ours, false), Standing::Unfinished);
            std::fs::write(path, "numbers").unwrap();
        }
        assert_eq!(standing(&run, &ours, false), Standing::Unfinished, "no provenance");
        let mut files = FilesTogether::default();
        let products = list(&run, "otf", &files).unwrap();
        assert_eq!(products.len(), run.products("otf").len() - 1);
        // What waits to be published is listed as it will be.
        files.add(&run.product("ledger.json"), |w| w.write_all(b"other")).unwrap();
        let pending = list(&run, "otf", &files).unwrap();
        let of = |products: &[Product]| {
            products.iter().find(|product| product.name == "ledger.json").cloned().unwrap()
        };
        assert_eq!((of(&products).bytes, of(&pending).bytes), (7, 5));
        assert_eq!(of(&pending).blake3, Digest::of(b"other"));
        drop(files);
        let json = serde_json::json!({ "plan_hash": ours.hash, "products": products });
        std::fs::write(run.provenance(), json.to_string()).unwrap();
        assert_eq!(standing(&run, &ours, true), Standing::Whole);
        assert_eq!(standing(&run, &other, true), Standing::OfAnotherPlan(ours.hash));
        // Of the same length.
        std::fs::write(run.product("summary.csv"), "Numbers").unwrap();
        assert_eq!(standing(&run, &ours, false), Standing::Whole);
        let changed = Standing::Changed(vec!["summary.csv".into()]);
        assert_eq!(standing(&run, &ours, true), changed);
        std::fs::write(run.product("summary.csv"), "more numbers").unwrap();
        assert_eq!(standing(&run, &ours, false), changed);
        std::fs::remove_file(run.product("errors.csv")).unwrap();
        assert_eq!(standing(&run, &ours, false), Standing::Unfinished);
    }
}
