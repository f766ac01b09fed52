//! The options for sbatch that a user may choose.

use thiserror::Error;

use crate::study::LaunchSettings;

/// Options that would break what `otfhpc submit` does with the others.
const OWN: [&str; 12] = [
    "array",
    "clusters",
    "comment",
    "dependency",
    "export",
    "export-file",
    "job-name",
    "output",
    "parsable",
    "test-only",
    "wait",
    "wrap",
];
/// The same by their letters.
const OWN_LETTERS: &str = "adJMoW";

/// An option for sbatch that cannot be used.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum OptionError {
    /// Not one word that is an option.
    #[error("`{0}` in slurm.extra or --sbatch-arg: expected one whole option, as in --qos=high")]
    NoOption(String),
    /// One that is set already.
    #[error(
        "`{0}` in slurm.extra or --sbatch-arg: `otfhpc submit` sets this itself; leave it out, or \
         submit by hand with the lines that `otfhpc plan` prints"
    )]
    Own(String),
}

/// What a user wants of every job.
#[derive(Debug, Clone, Copy)]
pub struct JobOptions<'a> {
    settings: &'a LaunchSettings,
    more: &'a [String],
}

impl<'a> JobOptions<'a> {
    /// The settings, and the words of `--sbatch-arg` after them.
    ///
    /// # Errors
    /// If a word is no option, or one that is not the user's to set.
    pub fn new(settings: &'a LaunchSettings, more: &'a [String]) -> Result<Self, OptionError> {
        settings.extra.iter().chain(more).try_for_each(|word| check(word))?;
        Ok(Self { settings, more })
    }

    /// Those of an array job. The user's own words are last: sbatch takes the last of several.
    pub(super) fn array(&self) -> Vec<String> {
        let cpus = self.settings.cpus_per_task.map(|n| format!("--cpus-per-task={n}"));
        cpus.into_iter().chain(self.merge()).collect()
    }

    /// Those of the merge, which is one thread.
    pub(super) fn merge(&self) -> Vec<String> {
        let LaunchSettings { partition, account, time, memory, extra, .. } = self.settings;
        let named =
            [("partition", partition), ("account", account), ("time", time), ("mem", memory)];
        let set = named
            .iter()
            .filter_map(|(name, value)| value.as_ref().map(|value| format!("--{name}={value}")));
        set.chain(extra.iter().cloned()).chain(self.more.iter().cloned()).collect()
    }

    /// What follows the list of tasks in `--array`.
    pub(super) fn throttle(&self) -> String {
        self.settings.throttle.map_or(String::new(), |most| format!("%{most}"))
    }
}

/// A value in a word of its own would be taken for the script if its option is misspelt.
fn check(word: &str) -> Result<(), OptionError> {
    let own = match word.strip_prefix("--") {
        // sbatch takes any beginning of a name that is clear.
        Some(long) => {
            let name = long.split('=').next().unwrap_or_default();
            !name.is_empty() && OWN.iter().any(|own| own.starts_with(name))
        }
        None => {
            let letter = word.strip_prefix('-').and_then(|letters| letters.chars().next());
            letter.is_some_and(|letter| OWN_LETTERS.contains(letter))
        }
    };
    match own {
        true => Err(OptionError::Own(word.into())),
        false if !word.starts_with('-') || ["-", "--"].contains(&word) => {
            Err(OptionError::NoOption(word.into()))
        }
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::Config;

    #[test]
    fn settings_become_options_and_the_command_line_has_the_last_word() {
        let settings = [
            "slurm.partition=short",
            "slurm.account=firas",
            "slurm.time=04:00:00",
            "slurm.memory=4G",
            "slurm.cpus_per_task=4",
            "slurm.throttle=16",
            "slurm.extra=[\"--qos=high\"]",
        ];
        let slurm = Config::load(None, &settings.map(String::from)).unwrap().slurm;
        let more = ["--time=1".to_owned()];
        let options = JobOptions::new(&slurm, &more).unwrap();
        let merge = ["--partition=short", "--account=firas", "--time=04:00:00", "--mem=4G"];
        let merge = [&merge[..], &["--qos=high", "--time=1"]].concat();
        assert_eq!(options.merge(), merge);
        assert_eq!(options.array(), [&["--cpus-per-task=4"], &merge[..]].concat());
        assert_eq!(options.throttle(), "%16");
    }

    #[test]
    fn options_that_submit_sets_are_refused_also_abbreviated() {
        let none = LaunchSettings::default();
        let refused = |word: &str| JobOptions::new(&none, &[word.to_owned()]).err();
        for own in ["--array=3", "--arr=3", "-a3", "--export=NONE", "--dep=1", "-J", "--wrap=x"] {
            assert_eq!(refused(own), Some(OptionError::Own(own.into())));
        }
        for word in ["high", "", "-", "--"] {
            assert_eq!(refused(word), Some(OptionError::NoOption(word.into())));
        }
        for fine in ["--qos=high", "-phigh", "--wait-all-nodes=1", "--exclusive", "--requeue"] {
            assert_eq!(refused(fine), None, "{fine}");
        }
    }
}
