//! The options for sbatch that a user may choose.

use thiserror::Error;

use crate::runner::plan::LaunchSettings;

use super::client::partitions;
use super::surroundings;
use super::times::{is_memory, is_time, seconds};

/// Options that would break what `otfhpc submit` does with the others.
const OWN: [&str; 14] = [
    "array",
    "clusters",
    "comment",
    "dependency",
    "error",
    "export",
    "export-file",
    "job-name",
    "open-mode",
    "output",
    "parsable",
    "test-only",
    "wait",
    "wrap",
];
/// The same by their letters.
const OWN_LETTERS: &str = "adeJMoW";
/// Letters of sbatch that take no value: others may follow in the same word.
const LETTERS_ALONE: &str = "hHIkOQsuvVW";

/// Seconds from the warning to the time limit, if there is time.
const USUAL_WARNING: u64 = 90;
/// The same for the shortest jobs: a unit and the journal need some of it.
const LEAST_WARNING: u64 = 5;
/// The time limit of a job where nobody says another, in seconds and as the scripts have it.
const USUAL_TIME: (u64, &str) = (3600, "01:00:00");

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
    /// A value that sbatch would not understand.
    #[error("{name} is `{value}`: expected {expected}")]
    Value {
        /// The setting, or the option.
        name: &'static str,
        /// What it is.
        value: String,
        /// What it should be.
        expected: &'static str,
    },
}

/// What a user wants of every job.
#[derive(Debug, Clone)]
pub struct JobOptions<'a> {
    settings: &'a LaunchSettings,
    more: &'a [String],
    /// The time limit of jobs for which the user gives none.
    usual_time: String,
}

impl<'a> JobOptions<'a> {
    /// The settings, and the words of `--sbatch-arg` after them.
    ///
    /// # Errors
    /// If a word is no option, or one that is not the user's to set, or a value is none that sbatch
    /// understands.
    pub fn new(settings: &'a LaunchSettings, more: &'a [String]) -> Result<Self, OptionError> {
        settings.extra.iter().chain(more).try_for_each(|word| check(word))?;
        let options = Self { settings, more, usual_time: USUAL_TIME.1.into() };
        let given = options.word("time", 't');
        check_value("slurm.time", settings.time.as_deref(), is_time, TIME)?;
        check_value("--time", given, is_time, TIME)?;
        check_value("slurm.memory", settings.memory.as_deref(), is_memory, MEMORY)?;
        check_value("--mem", options.word("mem", '-'), is_memory, MEMORY)?;
        Ok(options)
    }

    /// The same, with the time limit that jobs have here for which the user gives none: that of the
    /// environment (`SBATCH_TIMELIMIT`), or that of the partition if it is less than the usual one.
    #[must_use]
    pub fn in_these_surroundings(mut self) -> Self {
        if self.time().is_some() {
            return self;
        }
        let of_partition = || {
            let of_environment = surroundings::partition();
            let named = self.word("partition", 'p').or(self.settings.partition.as_deref());
            let limit = partitions()?.time_limit(named.or(of_environment.as_deref()))?;
            (limit.0 < USUAL_TIME.0).then_some(limit.1)
        };
        if let Some(time) = surroundings::time_limit().or_else(of_partition) {
            self.usual_time = time;
        }
        self
    }

    /// Those of an array job. The user's own words are last: sbatch takes the last of several.
    pub(super) fn array(&self) -> Vec<String> {
        let cpus = self.settings.cpus_per_task.map(|n| format!("--cpus-per-task={n}"));
        cpus.into_iter().chain([self.warning()]).chain(self.merge()).collect()
    }

    /// Where there are only minutes, the usual warning is too early: a task would stop when it has
    /// hardly begun.
    fn warning(&self) -> String {
        let least = self.word("time-min", '-').and_then(seconds);
        let limit = seconds(self.time().unwrap_or(&self.usual_time)).into_iter().chain(least).min();
        format!("--signal=B:USR1@{}", limit.map_or(USUAL_WARNING, warned_before))
    }

    /// Those of the merge, which is one thread.
    pub(super) fn merge(&self) -> Vec<String> {
        let LaunchSettings { partition, account, time, memory, extra, .. } = self.settings;
        let usual = Some(self.usual_time.clone()).filter(|_| self.word("time", 't').is_none());
        let time = &time.clone().or(usual);
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

    /// The time limit that the user gives.
    fn time(&self) -> Option<&str> {
        self.word("time", 't').or(self.settings.time.as_deref())
    }

    /// The value of an option among the user's words: the last counts.
    fn word(&self, name: &str, letter: char) -> Option<&'a str> {
        let words = self.settings.extra.iter().chain(self.more);
        words.filter_map(|word| value(word, name, letter)).next_back()
    }
}

const TIME: &str = "a time limit, as in 30 (minutes), 04:00:00 or 2-12:00:00";
const MEMORY: &str = "megabytes, or a number with a unit, as in 4G";

fn check_value(
    name: &'static str,
    value: Option<&str>,
    holds: fn(&str) -> bool,
    expected: &'static str,
) -> Result<(), OptionError> {
    match value {
        Some(value) if !holds(value) => {
            Err(OptionError::Value { name, value: value.into(), expected })
        }
        _ => Ok(()),
    }
}

/// The value that a word gives to an option: `--time=1`, `-t1`, and `-Ht1`.
fn value<'a>(word: &'a str, name: &str, letter: char) -> Option<&'a str> {
    if let Some(long) = word.strip_prefix("--") {
        return long.strip_prefix(name)?.strip_prefix('=');
    }
    let (found, value) = letters(word).last()?;
    (found == letter).then_some(value)
}

/// The letters of a word like `-Ht1`, up to the first that takes a value, each with what follows.
fn letters(word: &str) -> impl Iterator<Item = (char, &str)> {
    let letters = word.strip_prefix('-').filter(|rest| !rest.starts_with('-')).unwrap_or_default();
    let mut is_over = false;
    letters.char_indices().map_while(move |(place, letter)| {
        let was_over = std::mem::replace(&mut is_over, !LETTERS_ALONE.contains(letter));
        (!was_over).then(|| (letter, &letters[place + letter.len_utf8()..]))
    })
}

/// A value in a word of its own would be taken for the script if its option is misspelt.
fn check(word: &str) -> Result<(), OptionError> {
    let own = match word.strip_prefix("--") {
        // sbatch takes any beginning of a name that is clear.
        Some(long) => {
            let name = long.split('=').next().unwrap_or_default();
            !name.is_empty() && OWN.iter().any(|own| own.starts_with(name))
        }
        None => letters(word).any(|(letter, _)| OWN_LETTERS.contains(letter)),
    };
    match own {
        true => Err(OptionError::Own(word.into())),
        false if !word.starts_with('-') || ["-", "--"].contains(&word) => {
            Err(OptionError::NoOption(word.into()))
        }
        false => Ok(()),
    }
}

/// How long before its time limit, s, a task is warned.
#[must_use]
pub fn warned_before(limit: u64) -> u64 {
    (limit / 10).clamp(LEAST_WARNING, USUAL_WARNING)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::otf::study::Config;

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
        // The minute of the command line is what is warned of.
        let array = [&["--cpus-per-task=4", "--signal=B:USR1@6"], &merge[..]].concat();
        assert_eq!(options.array(), array);
        assert_eq!(options.throttle(), "%16");
    }

    #[test]
    fn short_jobs_are_warned_later_however_their_time_is_given() {
        let warning = |time: Option<&str>, more: &[&str]| {
            let settings = LaunchSettings { time: time.map(Into::into), ..Default::default() };
            let more: Vec<String> = more.iter().map(|word| (*word).into()).collect();
            JobOptions::new(&settings, &more).unwrap().warning()
        };
        assert_eq!(warning(Some("1"), &[]), "--signal=B:USR1@6");
        assert_eq!(warning(Some("04:00:00"), &[]), "--signal=B:USR1@90");
        for short in [["--time=1"], ["-t1"], ["-Ht1"], ["--time=1:00"]] {
            assert_eq!(warning(Some("04:00:00"), &short), "--signal=B:USR1@6", "{short:?}");
            assert_eq!(warning(None, &short), "--signal=B:USR1@6", "{short:?}");
        }
        assert_eq!(warning(None, &["--time-min=1", "-t60"]), "--signal=B:USR1@6");
        assert_eq!(warning(None, &["--time=UNLIMITED"]), "--signal=B:USR1@90");
        let none = LaunchSettings::default();
        let mut usual = JobOptions::new(&none, &[]).unwrap();
        assert_eq!(usual.merge(), ["--time=01:00:00"]);
        usual.usual_time = "2:00".into();
        assert_eq!(usual.array(), ["--signal=B:USR1@12", "--time=2:00"]);
    }

    #[test]
    fn values_that_sbatch_would_not_understand_are_refused_by_name() {
        let set = |setting: &str| Config::load(None, &[setting.to_owned()]).unwrap().slurm;
        for (setting, name) in [
            ("slurm.time=\"4h\"", "slurm.time is `4h`: expected a time limit"),
            ("slurm.memory=\"4 G\"", "slurm.memory is `4 G`: expected megabytes"),
            ("slurm.extra=[\"-tmorning\"]", "--time is `morning`"),
            ("slurm.extra=[\"--mem=much\"]", "--mem is `much`"),
        ] {
            let error = JobOptions::new(&set(setting), &[]).unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
        }
    }

    #[test]
    fn options_that_submit_sets_are_refused_also_abbreviated() {
        let none = LaunchSettings::default();
        let refused = |word: &str| JobOptions::new(&none, &[word.to_owned()]).err();
        for own in
            ["--array=3", "--arr=3", "-a3", "--export=NONE", "--dep=1", "-J", "--wrap=x", "-HJx"]
        {
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
