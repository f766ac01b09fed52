//! The options for sbatch that a user may choose.

use thiserror::Error;

use crate::study::LaunchSettings;

/// Options that would break what `otfhpc submit` does with the others.
const OWN: [&str; 13] = [
    "array",
    "clusters",
    "comment",
    "dependency",
    "error",
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
const OWN_LETTERS: &str = "adeJMoW";

/// Seconds from the warning to the time limit, as the script asks for it.
const USUAL_WARNING: u64 = 90;
/// The same for the shortest jobs: a unit and the journal need some of it.
const LEAST_WARNING: u64 = 5;

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
        cpus.into_iter().chain(self.warning()).chain(self.merge()).collect()
    }

    /// The script asks for a warning 90 s before the end. Where there are only minutes, that is too
    /// early: a task would stop when it has hardly begun.
    fn warning(&self) -> Option<String> {
        let words = self.settings.extra.iter().chain(self.more);
        let given = words.filter_map(|word| word.strip_prefix("--time=")).next_back();
        let limit = seconds(given.or(self.settings.time.as_deref())?)?;
        let before = (limit / 10).max(LEAST_WARNING);
        (before < USUAL_WARNING).then(|| format!("--signal=B:USR1@{before}"))
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

/// Reads a time limit as sbatch does: MINUTES, MINUTES:SECONDS, HOURS:MINUTES:SECONDS, or DAYS-HOURS
/// and perhaps :MINUTES:SECONDS.
pub(super) fn seconds(limit: &str) -> Option<u64> {
    let (days, rest) = match limit.split_once('-') {
        Some((days, rest)) => (Some(days.parse::<u64>().ok()?), rest),
        None => (None, limit),
    };
    let parts: Vec<u64> = rest.split(':').map(str::parse).collect::<Result<_, _>>().ok()?;
    let (hours, minutes, seconds) = match (days, parts.as_slice()) {
        (None, [minutes]) => (0, *minutes, 0),
        (None, [minutes, seconds]) => (0, *minutes, *seconds),
        (Some(_), [hours]) => (*hours, 0, 0),
        (Some(_), [hours, minutes]) => (*hours, *minutes, 0),
        (_, [hours, minutes, seconds]) => (*hours, *minutes, *seconds),
        _ => return None,
    };
    let sum =
        60 * (60 * (24 * u128::from(days.unwrap_or(0)) + u128::from(hours)) + u128::from(minutes));
    u64::try_from(sum + u128::from(seconds)).ok()
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
        // The minute of the command line is what is warned of.
        let array = [&["--cpus-per-task=4", "--signal=B:USR1@6"], &merge[..]].concat();
        assert_eq!(options.array(), array);
        assert_eq!(options.throttle(), "%16");
    }

    #[test]
    fn short_jobs_are_warned_later() {
        let warning = |time: &str, more: &[&str]| {
            let settings = LaunchSettings { time: Some(time.into()), ..Default::default() };
            let more: Vec<String> = more.iter().map(|word| (*word).into()).collect();
            JobOptions::new(&settings, &more).unwrap().warning()
        };
        assert_eq!(warning("1", &[]).as_deref(), Some("--signal=B:USR1@6"));
        assert_eq!(warning("04:00:00", &[]), None);
        assert_eq!(warning("04:00:00", &["--time=2:30"]).as_deref(), Some("--signal=B:USR1@15"));
        assert_eq!(warning("whenever", &[]), None);
        assert_eq!(JobOptions::new(&LaunchSettings::default(), &[]).unwrap().warning(), None);
        for (text, expected) in [("90", 5400), ("1:30", 90), ("1:0:1", 3601), ("2-1", 176_400)] {
            assert_eq!(seconds(text), Some(expected), "{text}");
        }
        assert_eq!(seconds("1-2:3:4"), Some(93_784));
        for bad in ["", "a", "1:2:3:4", "-1"] {
            assert_eq!(seconds(bad), None, "{bad}");
        }
    }

    #[test]
    fn options_that_submit_sets_are_refused_also_abbreviated() {
        let none = LaunchSettings::default();
        let refused = |word: &str| JobOptions::new(&none, &[word.to_owned()]).err();
        for own in [
            "--array=3",
            "--arr=3",
            "-a3",
            "--export=NONE",
            "--dep=1",
            "-J",
            "--wrap=x",
            "--error=x",
            "-ex",
        ] {
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
