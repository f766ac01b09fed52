//! The results folder: the only place that knows what its files are called.

use std::path::{Path, PathBuf};

use crate::foundations::FileError;
use crate::foundations::files::plain::{Kind, check};

/// The folder of one run, and the names of everything in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunDir {
    root: PathBuf,
}

impl RunDir {
    /// The folder that a command uses when none is named.
    pub const DEFAULT: &'static str = "results";

    /// Names the files of a run under `root`; nothing is made or read.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The folder itself.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Which run this is, whatever path leads here.
    #[must_use]
    pub fn id(&self) -> PathBuf {
        self.root.join("run-id.json")
    }

    /// What will run: settings, input hashes, version, shards.
    #[must_use]
    pub fn plan(&self) -> PathBuf {
        self.root.join("plan.json")
    }

    /// Which shards were cut into more since the plan was made.
    #[must_use]
    pub fn revisions(&self) -> PathBuf {
        self.root.join("revisions.json")
    }

    /// The folder of the partials.
    #[must_use]
    pub fn partials(&self) -> PathBuf {
        self.root.join("partials")
    }

    /// What a finished shard leaves.
    #[must_use]
    pub fn partial(&self, shard: u32) -> PathBuf {
        self.partials().join(partial_name(shard))
    }

    /// Where a damaged partial is moved when its shard is fitted again: nothing is deleted.
    #[must_use]
    pub fn set_aside(&self) -> PathBuf {
        self.root.join("aside")
    }

    /// The folder of what unfinished shards have done so far.
    #[must_use]
    pub fn journals(&self) -> PathBuf {
        self.root.join("journals")
    }

    /// What an unfinished shard has done so far.
    #[must_use]
    pub fn journal(&self, shard: u32) -> PathBuf {
        self.journals().join(format!("shard-{shard:05}{JOURNAL_SUFFIX}"))
    }

    /// The same, of one process alone, where processes cannot exclude each other.
    #[must_use]
    pub fn private_journal(&self, shard: u32, host: &str, process: u32) -> PathBuf {
        let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
        let host: String = host.chars().map(plain).collect();
        self.journals().join(format!("shard-{shard:05}.{host}-{process}{JOURNAL_SUFFIX}"))
    }

    /// The journal of what a shard takes over from results that stood elsewhere; `origin` is a word
    /// of letters and digits.
    #[must_use]
    pub fn taken_over_journal(&self, shard: u32, origin: &str) -> PathBuf {
        self.journals().join(format!("shard-{shard:05}.from-{origin}{JOURNAL_SUFFIX}"))
    }

    /// What a process locks while it works on a shard.
    #[must_use]
    pub fn lock(&self, shard: u32) -> PathBuf {
        self.journals().join(format!("shard-{shard:05}.lock"))
    }

    /// What a command locks while it replaces the plan, or writes products.
    #[must_use]
    pub fn folder_lock(&self) -> PathBuf {
        self.root.join("run.lock")
    }

    /// The folder of the logs of the array tasks.
    #[must_use]
    pub fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }

    /// The log of one task of an array job, as the scripts name it.
    #[must_use]
    pub fn task_log(&self, job: &str, task: u32) -> PathBuf {
        self.logs().join(format!("otfhpc-{job}_{task}.log"))
    }

    /// The folder of what external methods say.
    #[must_use]
    pub fn program_logs(&self) -> PathBuf {
        self.logs().join("methods")
    }

    /// The folder of what they say when they are run once more to compare.
    #[must_use]
    pub fn audit_logs(&self) -> PathBuf {
        self.program_logs().join("audit")
    }

    /// The folder of the scripts that were submitted.
    #[must_use]
    pub fn scripts(&self) -> PathBuf {
        self.root.join("slurm")
    }

    /// The script of the array jobs.
    #[must_use]
    pub fn array_script(&self) -> PathBuf {
        self.scripts().join("otf_array.sh")
    }

    /// The script of the merge.
    #[must_use]
    pub fn merge_script(&self) -> PathBuf {
        self.scripts().join("otf_merge.sh")
    }

    /// What was submitted to Slurm.
    #[must_use]
    pub fn submissions(&self) -> PathBuf {
        self.root.join("submissions.jsonl")
    }

    /// Who fitted what, where and when: the one file that differs from run to run.
    #[must_use]
    pub fn provenance(&self) -> PathBuf {
        self.root.join("provenance.json")
    }

    /// How the work went: a page beside the provenance, made from it. As that, it differs from run to run.
    #[must_use]
    pub fn work_page(&self) -> PathBuf {
        self.root.join("work.html")
    }

    /// Checks that what stands in the place of a file of the run is a file, and what stands in the
    /// place of a folder is one. The folder of the run itself may be a link, and those above it.
    ///
    /// What stands in the place of a partial or of a journal is looked at when it is read: it goes
    /// aside then. Products are never read, and always replaced whole.
    ///
    /// # Errors
    /// Names the first that is something else.
    pub fn check_kinds(&self) -> Result<(), FileError> {
        let mut logs = vec![self.logs(), self.program_logs(), self.audit_logs()];
        // A plain file there keeps Slurm from opening its logs, of which `status` tells more.
        logs.retain(|_| !self.has_file_for_logs());
        let folders = [self.partials(), self.journals(), self.set_aside(), self.scripts()];
        let folders = folders.into_iter().chain(logs).map(|path| (path, Kind::Folder));
        let scripts = [self.array_script(), self.merge_script()];
        let files =
            [self.plan(), self.revisions(), self.id(), self.submissions(), self.provenance()];
        let files = files.into_iter().chain(scripts).map(|path| (path, Kind::File));
        folders.chain(files).try_for_each(|(path, kind)| check(&path, kind))
    }

    /// Whether a plain file stands in the place of the folder of logs.
    #[must_use]
    pub fn has_file_for_logs(&self) -> bool {
        self.logs().symlink_metadata().is_ok_and(|data| data.is_file())
    }

    /// A file that a merge writes, by its name.
    #[must_use]
    pub fn product(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Everything that a merge writes of a workload, the most important first, and last what proves
    /// that it came to its end.
    #[must_use]
    pub fn products(&self, workload: &str) -> Vec<PathBuf> {
        let of_it = PRODUCTS.iter().filter(|(name, _)| *name == workload);
        let names = of_it.flat_map(|(_, names)| names.iter());
        names.map(|name| self.product(name)).chain([self.provenance()]).collect()
    }

    /// What a merge writes of some studies and not of others: files, wherever they are there.
    #[must_use]
    pub fn products_of_some(&self) -> Vec<PathBuf> {
        OF_SOME.iter().map(|name| self.product(name)).collect()
    }

    /// Everything that a merge writes of any workload.
    #[must_use]
    pub fn all_products(&self) -> Vec<PathBuf> {
        let of_all = PRODUCTS.iter().flat_map(|(_, names)| names.iter().copied());
        let mut names: Vec<&str> = of_all.chain(OF_SOME).collect();
        names.sort_unstable();
        names.dedup();
        let last = [self.work_page(), self.provenance()];
        names.into_iter().map(|name| self.product(name)).chain(last).collect()
    }
}

/// What merges write, by workload.
const PRODUCTS: [(&str, &[&str]); 2] = [
    (
        "otf",
        &[
            "solution.npz",
            "report.html",
            "configurations.csv",
            "records.csv",
            "errors.csv",
            "failures.csv",
            "summary.csv",
            "summary.json",
            "ledger.json",
        ],
    ),
    ("command", &["units.csv", "outputs", "failures.csv", "ledger.json"]),
];

/// What merges write of some studies, and not of others.
const OF_SOME: [&str; 9] = [
    "parameters.csv",
    "parameters_summary.csv",
    "tables",
    "summary.csv",
    "missing_rows.csv",
    "table_problems.csv",
    "reduced",
    "times.csv",
    "volatile.jsonl",
];

/// How the name of a journal ends.
const JOURNAL_SUFFIX: &str = ".journal";

/// The shard that the name of a lock's file stands for, if it is such a name to the letter.
#[must_use]
pub(super) fn shard_of_lock(name: &str) -> Option<u32> {
    let shard = name.strip_prefix("shard-")?.strip_suffix(".lock")?.parse().ok()?;
    (format!("shard-{shard:05}.lock") == name).then_some(shard)
}

fn partial_name(shard: u32) -> String {
    format!("shard-{shard:05}.bin")
}

/// The shard that a partial's file name stands for, if it is such a name to the letter.
#[must_use]
pub fn shard_of_partial(name: &str) -> Option<u32> {
    let shard = name.strip_prefix("shard-")?.strip_suffix(".bin")?.parse().ok()?;
    (partial_name(shard) == name).then_some(shard)
}

/// The shard that a journal's file name stands for, if it is such a name: the number, and perhaps
/// the name of the process that keeps it.
#[must_use]
pub fn shard_of_journal(name: &str) -> Option<u32> {
    let name = name.strip_prefix("shard-")?.strip_suffix(JOURNAL_SUFFIX)?;
    let digits = name.split_once('.').map_or(name, |(digits, _)| digits);
    let shard = digits.parse().ok()?;
    (format!("{shard:05}") == digits).then_some(shard)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partial_names_read_back() {
        for shard in [0, 7, 99_999, 123_456] {
            let path = RunDir::new("results").partial(shard);
            let name = path.file_name().unwrap().to_str().unwrap();
            assert_eq!(shard_of_partial(name), Some(shard));
        }
        for name in ["shard-7.bin", "shard-00007.bin.bak", "shard-+0007.bin", "shard-.bin", "x"] {
            assert_eq!(shard_of_partial(name), None, "{name}");
        }
    }

    #[test]
    fn journal_names_read_back() {
        let run = RunDir::new("results");
        for shard in [0, 7, 99_999, 123_456] {
            let path = run.journal(shard);
            let name = path.file_name().unwrap().to_str().unwrap();
            assert_eq!(shard_of_journal(name), Some(shard));
            let path = run.private_journal(shard, "../n7.cluster", 99);
            assert_eq!(path.parent(), Some(run.journals().as_path()));
            let name = path.file_name().unwrap().to_str().unwrap();
            assert_eq!(shard_of_journal(name), Some(shard));
        }
        for name in ["shard-7.journal", "shard-00007.bin", "shard-00007.lock", "shard-.journal"] {
            assert_eq!(shard_of_journal(name), None, "{name}");
        }
    }
}
