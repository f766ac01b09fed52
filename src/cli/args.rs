//! What a user types.

use std::fmt::Display;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::builder::PossibleValuesParser;
use clap::{ArgAction, Args, Parser, Subcommand, ValueHint};
use clap_complete::Shell;

use crate::otf::study::{MOST_THREADS, MOST_TRIALS};
use crate::runner::slurm::parse_ranges;
use crate::runner::store::RunDir;
use crate::settings::BUILT_IN;

use super::prospects::USUAL_ATTEMPTS;

/// Fits the optical transfer function and the emissivities of a Fourier-transform spectrometer,
/// sharded over a Slurm array, and proves that nothing is missing.
#[derive(Debug, Parser)]
#[command(name = "otfhpc", version, max_term_width = 100)]
pub(super) struct Cli {
    /// Say more: a line for every configuration that is done, the commands that submit.
    #[arg(short, long, global = true, action = ArgAction::SetTrue, conflicts_with = "quiet")]
    pub(super) verbose: bool,
    /// Print nothing but errors.
    #[arg(short, long, global = true)]
    pub(super) quiet: bool,
    /// What to do.
    #[command(subcommand)]
    pub(super) command: Command,
}

pub(super) const EXIT_CODES: &str = "Exit codes: 0 done; 1 finished, but some units failed or did not \
converge; 2 could not run (usage, settings, input); 3 results incomplete or damaged; 75 stopped by a \
signal (SIGUSR1, SIGTERM, SIGINT), or another process is at work on a shard: what was done is \
kept, the same command again goes on.";

const SUBMITTING: &str = "A repeated or interrupted `submit` submits nothing twice: shards with a \
sound partial, and those of a job that waits or runs, are left out. Partition, account and the like \
are settings ([slurm] in the config), or --sbatch-arg. SBATCH_ACCOUNT, SBATCH_PARTITION, \
SBATCH_TIMELIMIT and the like count where nothing else is said; those that change how jobs are named, \
logged, warned or waited for do not.";

const RESUMING: &str = "What helps depends on why a shard is not done. Time limit: what is left of it \
is cut into more shards. Out of memory: twice the memory. Node lost: the same without that node, as \
with a node that fails whatever it is given. Stopped, cancelled, preempted, killed: the same once \
more. An error of the program is shown, and not retried. Exit code 3 if anything was not retried.";

const STATUS: &str = "A shard is done when its partial is sound, whatever Slurm says. Of more than \
64 shards a histogram is shown. Exit code 0; with --watch, 3 if something is missing at the end.";
const AUDITING: &str = "Exit codes: 0 all equal; 3 some differ, or a partial is damaged; 2 could not \
run; 75 stopped by a signal. As a job: sbatch --wrap 'otfhpc audit results/'";

const MODEL: &str = "The FITS file has the table of the published FIRAS calibration models, and behind it \
tables with error bars, covariances, quality and shared parameters (docs/DATA.md). It can be data.model of \
another fit. What the fit did not touch has the value that it assumed. Example: otfhpc model results/ \
--method wls --out FIRAS_CALIBRATION_MODEL_{set}.FITS --npy fitted_emissivities_{set}.npy";

const COMPARING: &str = "A and B are results folders, or FITS files of calibration models, published or \
written by `otfhpc model`. Of folders, all methods at the first noise level and in the first trial are \
compared, each with the same method of the other, unless one is chosen. rms is that of |A-B| over its error \
bar, over the bins of the band: about 1 for two independent fits of the same instrument; less, where both \
rest on the same data. Exit code 0, however much they differ.";

const SPECTRA: &str = "The archive has spectrum, variance and residual [record, bin], planck [record, bin, \
emitter], temperatures [record, emitter], emissivity [bin, emitter], and what stands along these axes: \
record, plateau, bins, frequency_ghz, emitters (docs/DATA.md). Of a joint fit they are made by the shared \
parameters that it found.";

const CONFIG: &str = "`--config NAME` of other commands takes these names too. Example: otfhpc config \
measured > mine.toml, then otfhpc local --config mine.toml. A first line `#:schema otfhpc.schema.json` \
tells an editor with Taplo which settings there are (otfhpc config --schema > otfhpc.schema.json).";

const COMPLETIONS: &str = "bash: otfhpc completions bash > \
~/.local/share/bash-completion/completions/otfhpc. zsh: otfhpc completions zsh > _otfhpc in a folder of \
$fpath. fish: otfhpc completions fish > ~/.config/fish/completions/otfhpc.fish";

const MAN: &str = "Example: otfhpc man | man -l -; or otfhpc man --dir ~/.local/share/man/man1, then man \
otfhpc-local";

/// The commands.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Write plan.json: what will run, cut into shards for a Slurm array.
    Plan(PlanArgs),
    /// Do one shard: what an array task does.
    Run(RunArgs),
    /// Submit what is left of a plan to Slurm: its shards, and the merge after them.
    #[command(after_help = SUBMITTING)]
    Submit(SubmitArgs),
    /// Submit again what is missing, each as its cause asks for; or finish on this machine.
    #[command(after_help = RESUMING)]
    Resume(ResumeArgs),
    /// Combine the partials of all shards, and prove that every unit is there.
    Merge(FolderArgs),
    /// Write report.html again, the page for people, of a run that was merged.
    Report(FolderArgs),
    /// Write the rows that there are so far, of a study of a command that is not complete.
    Preview(FolderArgs),
    /// Plan, run and merge on this machine, without Slurm.
    #[command(visible_alias = "dry-run")]
    Local(LocalArgs),
    /// Write what was fitted as a calibration model in FITS, or as an array of emissivities.
    #[command(after_help = MODEL)]
    Model(ModelArgs),
    /// Say by how many error bars two models or two runs differ.
    #[command(after_help = COMPARING)]
    Compare(CompareArgs),
    /// Write the spectra that were fitted, with variances, Planck functions and residuals.
    #[command(after_help = SPECTRA)]
    Spectra(SpectraArgs),
    /// Write a simulated campaign as a calibration set, for any program to fit.
    Simulate(SimulateArgs),
    /// Say what became of every shard: done, running, waiting, stopped, failed and why.
    #[command(after_help = STATUS)]
    Status(StatusArgs),
    /// Recompute a random sample of the results, and name the machines whose results differ.
    #[command(after_help = AUDITING)]
    Audit(AuditArgs),
    /// List the methods, or explain one.
    Methods(MethodsArgs),
    /// List the built-in configurations, print one, or print the schema of all settings.
    #[command(after_help = CONFIG)]
    Config(ConfigArgs),
    /// Print what a shell needs to complete commands and options.
    #[command(after_help = COMPLETIONS)]
    Completions(CompletionsArgs),
    /// Print the manual page, or write those of all commands.
    #[command(after_help = MAN)]
    Man(ManArgs),
}

impl Command {
    /// Takes the results folder from wherever it was given.
    pub(super) fn settle_folder(&mut self) {
        let (folder, out) = match self {
            Self::Run(RunArgs { folder, out, .. })
            | Self::Submit(SubmitArgs { folder, out, .. })
            | Self::Resume(ResumeArgs { folder, out, .. })
            | Self::Merge(FolderArgs { folder, out })
            | Self::Preview(FolderArgs { folder, out })
            | Self::Report(FolderArgs { folder, out })
            | Self::Status(StatusArgs { folder, out, .. })
            | Self::Audit(AuditArgs { folder, out, .. }) => (folder, out),
            Self::Plan(_)
            | Self::Local(_)
            | Self::Model(_)
            | Self::Compare(_)
            | Self::Spectra(_)
            | Self::Simulate(_)
            | Self::Methods(_)
            | Self::Config(_)
            | Self::Completions(_)
            | Self::Man(_) => return,
        };
        if let Some(out) = out.take() {
            *folder = out;
        }
    }

    /// Its name, and whether it can say less, and more.
    pub(super) fn volumes(&self) -> (&'static str, bool, bool) {
        match self {
            Self::Plan(_) => ("plan", true, false),
            Self::Run(_) => ("run", true, true),
            Self::Submit(_) => ("submit", true, true),
            Self::Resume(_) => ("resume", true, true),
            Self::Merge(_) => ("merge", true, false),
            Self::Preview(_) => ("preview", true, false),
            Self::Report(_) => ("report", true, false),
            Self::Local(_) => ("local", true, true),
            Self::Model(_) => ("model", true, false),
            Self::Compare(_) => ("compare", false, false),
            Self::Spectra(_) => ("spectra", true, false),
            Self::Simulate(_) => ("simulate", true, false),
            Self::Status(_) => ("status", false, false),
            Self::Audit(_) => ("audit", true, false),
            Self::Methods(_) => ("methods", false, false),
            Self::Config(_) => ("config", false, false),
            Self::Completions(_) => ("completions", false, false),
            Self::Man(_) => ("man", false, false),
        }
    }
}

/// Where the settings come from.
#[derive(Debug, Args)]
pub(super) struct SourceArgs {
    /// Settings: a TOML file, or a built-in configuration (`otfhpc config` lists them). May be given
    /// many times: each counts more than those before it. Without it, the default.
    #[arg(long = "config", value_name = "FILE|NAME", value_hint = ValueHint::FilePath)]
    pub(super) configs: Vec<PathBuf>,
    /// Set one setting, as in --set study.trials=5; may be given many times, and counts more than
    /// any --config.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(super) assignments: Vec<String>,
}

/// Settings of a run, and where it is to be.
#[derive(Debug, Args)]
pub(super) struct SettingsArgs {
    /// The settings.
    #[command(flatten)]
    pub(super) source: SourceArgs,
    /// The results folder.
    #[arg(long, value_name = "FOLDER", default_value = RunDir::DEFAULT)]
    pub(super) out: PathBuf,
    /// Move the results of another plan, or of another build, out of the way, to aside/.
    #[arg(long)]
    pub(super) replace: bool,
    /// Take over all results of the smaller study that is in the folder: one with the same settings,
    /// and fewer trials, noise levels, methods, data sets or bins, or fewer values on its axes.
    #[arg(long, conflicts_with = "replace")]
    pub(super) extend: bool,
    /// Which builds of the program may go on.
    #[command(flatten)]
    pub(super) binary: BinaryArgs,
}

/// `otfhpc plan`.
#[derive(Debug, Args)]
pub(super) struct PlanArgs {
    /// The settings.
    #[command(flatten)]
    pub(super) settings: SettingsArgs,
    /// Number of shards: array tasks. By default 32, or as many as there are pieces if these are fewer.
    #[arg(long, value_name = "N", value_parser = shards, allow_negative_numbers = true)]
    pub(super) shards: Option<u32>,
    /// Do not fit a few bins to foretell how long the study will take.
    #[arg(long)]
    pub(super) no_probe: bool,
}

/// Shards of a plan where nobody says how many.
const USUAL_SHARDS: u32 = 32;

/// How many shards there are to be, of a plan of so many pieces.
pub(super) fn shards_of(given: Option<u32>, pieces: u64) -> u32 {
    given
        .unwrap_or_else(|| u32::try_from(pieces).map_or(USUAL_SHARDS, |n| n.clamp(1, USUAL_SHARDS)))
}

/// `otfhpc run`.
#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// The results folder.
    #[arg(default_value = RunDir::DEFAULT)]
    pub(super) folder: PathBuf,
    /// The results folder, as `plan` takes it.
    #[arg(long, value_name = "FOLDER", conflicts_with = "folder")]
    pub(super) out: Option<PathBuf>,
    /// The shard, or several as in 3,7-9; by default, SLURM_ARRAY_TASK_ID.
    #[arg(long, value_name = "K", value_parser = shard_list, allow_negative_numbers = true)]
    pub(super) shard: Option<ShardList>,
    /// Say where the time went.
    #[arg(long)]
    pub(super) profile: bool,
    /// The threads.
    #[command(flatten)]
    pub(super) threads: ThreadArgs,
    /// Which builds of the program may go on.
    #[command(flatten)]
    pub(super) binary: BinaryArgs,
}

/// `otfhpc submit`.
#[derive(Debug, Args)]
pub(super) struct SubmitArgs {
    /// The results folder.
    #[arg(default_value = RunDir::DEFAULT)]
    pub(super) folder: PathBuf,
    /// The results folder, as `plan` takes it.
    #[arg(long, value_name = "FOLDER", conflicts_with = "folder")]
    pub(super) out: Option<PathBuf>,
    /// Print the commands (with -v also the scripts), and submit nothing.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// An option for sbatch, in one word, as in --sbatch-arg=--qos=high; may be given many times.
    #[arg(long = "sbatch-arg", value_name = "ARG", allow_hyphen_values = true)]
    pub(super) sbatch_args: Vec<String>,
    /// Have at most so many jobs in the queue, the merge included: it submits the next ones when
    /// those have ended. Without it, as many as Slurm accepts.
    #[arg(long, value_name = "N", value_parser = at_most, allow_negative_numbers = true)]
    pub(super) at_most: Option<u32>,
    /// Submit only shards that no job has had, and merge if there are none: what such a merge does.
    #[arg(long)]
    pub(super) rest: bool,
    /// Submit although the queue cannot be asked: what waits or runs may then be run twice.
    #[arg(long)]
    pub(super) force: bool,
    /// Submit although programs were not tried on one unit.
    #[arg(long)]
    pub(super) untried: bool,
    /// Which builds may go on.
    #[command(flatten)]
    pub(super) binary: BinaryArgs,
}

/// `otfhpc resume`.
#[derive(Debug, Args)]
pub(super) struct ResumeArgs {
    /// The results folder.
    #[arg(default_value = RunDir::DEFAULT)]
    pub(super) folder: PathBuf,
    /// The results folder, as `plan` takes it.
    #[arg(long, value_name = "FOLDER", conflicts_with = "folder")]
    pub(super) out: Option<PathBuf>,
    /// Do what is missing on this machine instead, and merge.
    #[arg(long, conflicts_with_all = ["dry_run", "sbatch_args", "force"])]
    pub(super) local: bool,
    /// Do units that failed or were not run again, for instance after a program was mended: all
    /// others are kept. A program whose files changed is taken as mended.
    #[arg(long)]
    pub(super) failed: bool,
    /// With --failed, only units of this method; may be given many times.
    #[arg(long = "method", value_name = "NAME", requires = "failed")]
    pub(super) methods: Vec<String>,
    /// Say where the time went, with --local.
    #[arg(long, requires = "local")]
    pub(super) profile: bool,
    /// Print what would be done and the commands, and do nothing.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// A shard that was submitted so often is left to you.
    #[arg(long, value_name = "N", default_value_t = USUAL_ATTEMPTS, value_parser = attempts, allow_negative_numbers = true)]
    pub(super) attempts: u32,
    /// An option for sbatch, in one word, as in --sbatch-arg=--qos=high; may be given many times.
    #[arg(long = "sbatch-arg", value_name = "ARG", allow_hyphen_values = true)]
    pub(super) sbatch_args: Vec<String>,
    /// Submit although Slurm does not say what waits or why something ended.
    #[arg(long)]
    pub(super) force: bool,
    /// The threads, with --local.
    #[command(flatten)]
    pub(super) threads: ThreadArgs,
    /// Do not try programs on one unit before.
    #[arg(long)]
    pub(super) untried: bool,
    /// Which builds may go on.
    #[command(flatten)]
    pub(super) binary: BinaryArgs,
}

/// `otfhpc local`.
#[derive(Debug, Args)]
pub(super) struct LocalArgs {
    /// The settings.
    #[command(flatten)]
    pub(super) settings: SettingsArgs,
    /// Number of shards; a killed run goes on where it was, however many.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = shards, allow_negative_numbers = true)]
    pub(super) shards: u32,
    /// Say where the time went.
    #[arg(long)]
    pub(super) profile: bool,
    /// The threads.
    #[command(flatten)]
    pub(super) threads: ThreadArgs,
}

/// `otfhpc audit`.
#[derive(Debug, Args)]
pub(super) struct AuditArgs {
    /// The results folder.
    #[arg(default_value = RunDir::DEFAULT)]
    pub(super) folder: PathBuf,
    /// The results folder, as `plan` takes it.
    #[arg(long, value_name = "FOLDER", conflicts_with = "folder")]
    pub(super) out: Option<PathBuf>,
    /// The part of the results that is recomputed, more than 0, up to 1; at least something of
    /// every machine.
    #[arg(long, value_name = "PART", default_value_t = 0.02, value_parser = fraction, allow_negative_numbers = true)]
    pub(super) fraction: f64,
    /// Another number draws another sample.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(super) seed: u64,
    /// Run external programs too: they need not give the same twice.
    #[arg(long)]
    pub(super) programs: bool,
    /// The threads.
    #[command(flatten)]
    pub(super) threads: ThreadArgs,
    /// Which builds of the program may go on.
    #[command(flatten)]
    pub(super) binary: BinaryArgs,
}

/// A configuration of a run.
#[derive(Debug, Args)]
pub(super) struct ChoiceArgs {
    /// The results folder.
    #[arg(default_value = RunDir::DEFAULT)]
    pub(super) folder: PathBuf,
    /// A row of configurations.csv, counted from 0.
    #[arg(long, value_name = "N", conflicts_with = "method")]
    pub(super) configuration: Option<u64>,
    /// A method of the study: at the first noise level, in the first trial, of every data set.
    #[arg(long, value_name = "NAME")]
    pub(super) method: Option<String>,
}

/// `otfhpc model`.
#[derive(Debug, Args)]
pub(super) struct ModelArgs {
    /// Which configuration.
    #[command(flatten)]
    pub(super) choice: ChoiceArgs,
    /// The FITS file; {set} in its name stands for the data set, as in LLSS.
    #[arg(long, value_name = "FILE.FITS")]
    pub(super) out: Option<PathBuf>,
    /// The emissivities alone, [257, emitter], complex; {set} stands for the data set, as in ll_ss.
    #[arg(long, value_name = "FILE.npy")]
    pub(super) npy: Option<PathBuf>,
    /// Replace files that are there.
    #[arg(long)]
    pub(super) replace: bool,
}

/// `otfhpc compare`.
#[derive(Debug, Args)]
pub(super) struct CompareArgs {
    /// A results folder, or a calibration model in FITS.
    pub(super) a: PathBuf,
    /// Another.
    pub(super) b: PathBuf,
    /// A row of configurations.csv of A, and of B if that is a folder.
    #[arg(long, value_name = "N", conflicts_with = "method")]
    pub(super) configuration: Option<u64>,
    /// A method of A, and of B if that is a folder.
    #[arg(long, value_name = "NAME")]
    pub(super) method: Option<String>,
    /// A row of configurations.csv of B.
    #[arg(long, value_name = "N", conflicts_with = "other_method")]
    pub(super) other_configuration: Option<u64>,
    /// A method of B.
    #[arg(long, value_name = "NAME")]
    pub(super) other_method: Option<String>,
    /// Print JSON for machines.
    #[arg(long)]
    pub(super) json: bool,
}

/// `otfhpc spectra`.
#[derive(Debug, Args)]
pub(super) struct SpectraArgs {
    /// Which configuration.
    #[command(flatten)]
    pub(super) choice: ChoiceArgs,
    /// The archive to write; {set} in its name stands for the data set, as in llss.
    #[arg(long, value_name = "FILE.npz", default_value = "spectra.npz")]
    pub(super) out: PathBuf,
    /// Replace the file if it is there.
    #[arg(long)]
    pub(super) replace: bool,
}

/// `otfhpc simulate`.
#[derive(Debug, Args)]
pub(super) struct SimulateArgs {
    /// The settings; the noise is the first of study.noise_levels.
    #[command(flatten)]
    pub(super) source: SourceArgs,
    /// The file to write.
    #[arg(long, value_name = "FILE", default_value = "cal.npz")]
    pub(super) out: PathBuf,
    /// The noise draw, from 1.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = trial, allow_negative_numbers = true)]
    pub(super) trial: u64,
    /// Overwrite the file if it is there.
    #[arg(long)]
    pub(super) replace: bool,
}

/// A command that takes a results folder.
#[derive(Debug, Args)]
pub(super) struct FolderArgs {
    /// The results folder.
    #[arg(default_value = RunDir::DEFAULT)]
    pub(super) folder: PathBuf,
    /// The results folder, as `plan` takes it.
    #[arg(long, value_name = "FOLDER", conflicts_with = "folder")]
    pub(super) out: Option<PathBuf>,
}

/// `otfhpc status`.
#[derive(Debug, Args)]
pub(super) struct StatusArgs {
    /// The results folder.
    #[arg(default_value = RunDir::DEFAULT)]
    pub(super) folder: PathBuf,
    /// The results folder, as `plan` takes it.
    #[arg(long, value_name = "FOLDER", conflicts_with = "folder")]
    pub(super) out: Option<PathBuf>,
    /// Say it again every so many seconds (5 if none are given), until nothing waits or runs.
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "5", value_parser = seconds, require_equals = true)]
    pub(super) watch: Option<Duration>,
    /// Say it as JSON, on one line.
    #[arg(long)]
    pub(super) json: bool,
}

/// `otfhpc methods`.
#[derive(Debug, Args)]
pub(super) struct MethodsArgs {
    /// A method to explain.
    pub(super) name: Option<String>,
}

/// `otfhpc config`.
#[derive(Debug, Args)]
pub(super) struct ConfigArgs {
    /// A built-in configuration to print, byte for byte.
    #[arg(value_parser = PossibleValuesParser::new(BUILT_IN.iter().map(|built_in| built_in.name)))]
    pub(super) name: Option<String>,
    /// Write it into this folder instead, with the files that it runs.
    #[arg(long, value_name = "FOLDER", value_hint = ValueHint::DirPath, requires = "name")]
    pub(super) dir: Option<PathBuf>,
    /// Print the JSON schema of all settings, or of those of one workload.
    #[arg(long, value_name = "WORKLOAD", num_args = 0..=1, require_equals = true, conflicts_with = "name")]
    pub(super) schema: Option<Option<SchemaOf>>,
}

/// The settings of which workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum SchemaOf {
    /// The calibration.
    Otf,
    /// Studies of a program.
    Command,
}

/// `otfhpc completions`.
#[derive(Debug, Args)]
pub(super) struct CompletionsArgs {
    /// The shell.
    pub(super) shell: Shell,
}

/// `otfhpc man`.
#[derive(Debug, Args)]
pub(super) struct ManArgs {
    /// The command to explain; without it, the program.
    pub(super) command: Option<String>,
    /// Write the pages of the program and of all its commands into this folder.
    #[arg(long, value_name = "FOLDER", value_hint = ValueHint::DirPath, conflicts_with = "command")]
    pub(super) dir: Option<PathBuf>,
}

/// How many threads, and programs at once.
#[derive(Debug, Args)]
pub(super) struct ThreadArgs {
    /// Worker threads; by default OTFHPC_THREADS, else SLURM_CPUS_PER_TASK, else this task's share of
    /// SLURM_CPUS_ON_NODE, else one per processor that this process may use.
    #[arg(long, value_name = "N", value_parser = threads, allow_negative_numbers = true)]
    pub(super) threads: Option<u32>,
    /// Programs ([[method]]) that run at once, each in the place of one thread; by default
    /// OTFHPC_EXTERNAL_JOBS, else as many as there are threads.
    #[arg(long, value_name = "N", value_parser = threads, allow_negative_numbers = true)]
    pub(super) external_jobs: Option<u32>,
}

/// Which builds of the program may go on with a run.
#[derive(Debug, Args)]
pub(super) struct BinaryArgs {
    /// Go on although another build of the program planned the run, or began it.
    #[arg(long)]
    pub(super) any_binary: bool,
}

/// Some shards, ascending, each once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ShardList(pub(super) Vec<u32>);

/// Most shards: their numbers stand in one file.
const MOST_SHARDS: u32 = 1_000_000;
/// Most submissions of one shard.
const MOST_ATTEMPTS: u32 = 1000;
/// Longest time between two looks, s.
const MOST_SECONDS: f64 = 1e9;

fn seconds(text: &str) -> Result<Duration, String> {
    let within = |seconds: &f64| *seconds <= MOST_SECONDS;
    match text.parse().ok().filter(within).map(Duration::try_from_secs_f64) {
        Some(Ok(period)) if !period.is_zero() => Ok(period),
        _ => Err(format!("expected seconds, more than 0, up to {MOST_SECONDS}")),
    }
}

/// A whole number, 1 or more, up to a limit.
pub(super) fn count<T: FromStr + PartialOrd + From<u8> + Display>(
    text: &str,
    most: T,
) -> Result<T, String> {
    match text.parse() {
        Ok(number) if number >= T::from(1) && number <= most => Ok(number),
        _ => Err(format!("expected a whole number, 1 to {most}")),
    }
}

fn shards(text: &str) -> Result<u32, String> {
    count(text, MOST_SHARDS)
}

fn attempts(text: &str) -> Result<u32, String> {
    count(text, MOST_ATTEMPTS)
}

fn at_most(text: &str) -> Result<u32, String> {
    count(text, MOST_SHARDS)
}

fn threads(text: &str) -> Result<u32, String> {
    count(text, MOST_THREADS)
}

fn trial(text: &str) -> Result<u64, String> {
    count(text, MOST_TRIALS)
}

fn fraction(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(part) if part > 0.0 && part <= 1.0 => Ok(part),
        _ => Err("expected a number more than 0, up to 1".into()),
    }
}

fn shard_list(text: &str) -> Result<ShardList, String> {
    let expected = "expected a shard number, 0 or more, or several as in 3,7-9";
    parse_ranges(text).map(ShardList).ok_or_else(|| expected.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn a_results_folder_is_taken_as_plan_takes_it_too() {
        for command in ["run", "submit", "resume", "merge", "status", "audit"] {
            let parse =
                |words: &[&str]| Cli::try_parse_from([&["otfhpc", command], words].concat());
            let mut cli = parse(&["--out", "mine"]).unwrap();
            cli.command.settle_folder();
            assert!(format!("{:?}", cli.command).contains("folder: \"mine\""), "{command}");
            assert!(parse(&["mine", "--out=other"]).is_err(), "{command}");
        }
    }

    #[test]
    fn a_dry_run_is_a_local_run() {
        let cli = Cli::try_parse_from(["otfhpc", "dry-run", "--shards", "3"]).unwrap();
        assert!(matches!(cli.command, Command::Local(LocalArgs { shards: 3, .. })));
    }
}
