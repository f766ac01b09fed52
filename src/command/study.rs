//! A study of a command, checked: how many units there are, and all that follows from a unit's number.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use glob::Pattern;

use super::axis::Axis;
use super::check;
use super::error::CommandError;
use super::grid::Grid;
use super::rules::{Rules, patterns};
use super::seed::seed;
use super::settings::{CommandSettings, ProgramSettings};
use super::target::Target;
use super::template::{Place, Slot, Template};
use super::value::Value;

/// Longest label of a unit, bytes: the longest name of a file is 255.
const LONGEST_LABEL: usize = 200;

/// A study of a command.
#[derive(Debug, Clone, PartialEq)]
pub struct CommandStudy {
    settings: CommandSettings,
    grid: Grid,
    pub(super) rules: Rules,
    pub(super) words: Vec<Template>,
    pub(super) input: Option<Template>,
    pub(super) env: Vec<(String, Template)>,
    pub(super) env_clear: Vec<Pattern>,
    reduce: Vec<Template>,
    target: Option<Target>,
    /// The axes whose values enter a seed.
    seed_over: Vec<usize>,
}

/// What a unit has on one axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell<'a> {
    /// The axis.
    pub name: &'a str,
    /// The value, which [`Value`] writes in the shortest form that reads back.
    pub value: Value,
    /// What stands for it.
    pub label: String,
    /// Its place on the axis, from 0.
    pub index: u64,
}

impl CommandStudy {
    /// Checks settings against each other. No file is looked at.
    ///
    /// # Errors
    /// If they do not fit together.
    pub fn new(settings: &CommandSettings) -> Result<Self, CommandError> {
        let mut settings = settings.clone();
        settings.make_absolute();
        check::ranges(&settings)?;
        let grid = Grid::new(&settings.grid, &settings.case)?;
        check::variables(grid.axes())?;
        let ProgramSettings { run, input, env, env_clear, .. } = &settings.command;
        let axes = grid.axes();
        let has_output = !settings.command.output.is_empty();
        let place = Place::Run { has_input: input.is_some(), has_output };
        let words = templates("command.run", run, place, axes)?;
        let parse = |text| Template::parse("command.input", text, Place::Input, axes);
        let input = input.as_deref().map(parse).transpose()?;
        let variable = |(name, text): (&String, &String)| {
            let setting = format!("command.env.{name}");
            Ok((name.clone(), Template::parse(&setting, text, place, axes)?))
        };
        let reduce = settings.reduce.as_ref().map_or(&[][..], |reduce| &reduce.run);
        let target = settings.stop.stop_when.as_deref();
        Ok(Self {
            rules: Rules::new(&settings)?,
            words,
            input,
            env: env.iter().map(variable).collect::<Result<_, CommandError>>()?,
            env_clear: patterns("command.env_clear", env_clear)?,
            reduce: templates("reduce.run", reduce, Place::Reduce, axes)?,
            target: target.map(|text| Target::parse(text, &settings)).transpose()?,
            seed_over: check::seed_over(&settings, axes)?,
            grid,
            settings,
        })
    }

    /// The settings, with the folder that paths begin at made absolute.
    #[must_use]
    pub fn settings(&self) -> &CommandSettings {
        &self.settings
    }

    /// How many configurations there are: one is a unit.
    #[must_use]
    pub fn units(&self) -> u64 {
        self.grid.units()
    }

    /// The configurations.
    #[must_use]
    pub fn grid(&self) -> &Grid {
        &self.grid
    }

    /// The axes, in order: the columns that tell one unit from another.
    #[must_use]
    pub fn axes(&self) -> &[Axis] {
        self.grid.axes()
    }

    /// What a unit has on every axis, in order.
    #[must_use]
    pub fn cells(&self, unit: u64) -> Vec<Cell<'_>> {
        let cells = self.axes().iter().zip(self.grid.places(unit)).map(|(axis, index)| {
            let (value, label) = (axis.value(index), axis.label(index).into_owned());
            Cell { name: axis.name(), value, label, index }
        });
        cells.collect()
    }

    /// What people call a unit: `noise=1e-8 trial=3`.
    #[must_use]
    pub fn name_of(&self, unit: u64) -> String {
        let pairs = self.cells(unit);
        let pairs = pairs.iter().map(|cell| format!("{}={}", cell.name, cell.label));
        let name = pairs.collect::<Vec<_>>().join(" ");
        if name.is_empty() { ONLY.into() } else { name }
    }

    /// What files of a unit are called: `noise=1e-8_trial=3`. No other unit has the same.
    #[must_use]
    pub fn label_of(&self, unit: u64) -> String {
        // A name never ends in `=`, and a label never has one: the axes of two equal texts are
        // equal, and so are the labels between them.
        let axes = self.axes().iter().zip(self.grid.places(unit));
        let pairs = axes.map(|(axis, place)| format!("{}={}", axis.name(), axis.safe_label(place)));
        let label = pairs.collect::<Vec<_>>().join("_");
        match label.len() {
            0 => ONLY.into(),
            length if length <= LONGEST_LABEL => label,
            _ => shortened(&label),
        }
    }

    /// The seed of a unit. It follows from the study's seed and the values on the axes of
    /// `study.seed_over`, and stays when the grid grows.
    #[must_use]
    pub fn seed(&self, unit: u64) -> u64 {
        let places = self.grid.places(unit);
        let values = self.seed_over.iter().map(|axis| {
            let (axis, place) = (&self.axes()[*axis], places[*axis]);
            (axis.name(), axis.value(place).canonical())
        });
        seed(self.settings.study.seed, self.settings.study.seed_bits, values.collect())
    }

    /// Threads that one unit may use: what is running at once is the engine's affair.
    #[must_use]
    pub fn threads(&self) -> u32 {
        self.settings.command.threads
    }

    /// How long a unit may take with all its attempts, s.
    #[must_use]
    pub fn longest_seconds(&self) -> f64 {
        let command = &self.settings.command;
        command.timeout_seconds * f64::from(command.retries + 1)
    }

    /// Whether a unit leaves the same when it runs again, so that it can be audited.
    #[must_use]
    pub fn is_repeatable(&self) -> bool {
        self.settings.audit.repeatable
    }

    /// Name of the main output; empty if there is none.
    #[must_use]
    pub fn output(&self) -> &str {
        &self.rules.output
    }

    /// When the rest need not be run, if a column is to come to a target.
    #[must_use]
    pub fn target(&self) -> Option<&Target> {
        self.target.as_ref()
    }

    /// The words of the program that is run once on the complete results; empty if there is none.
    #[must_use]
    pub fn reduce(&self) -> &[Template] {
        &self.reduce
    }

    /// Where relative paths begin.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.settings.command.directory
    }

    /// The file that a unit reads, if units read files.
    #[must_use]
    pub fn input_of(&self, unit: u64) -> Option<PathBuf> {
        let template = self.input.as_ref()?;
        let path = template.fill(|slot| self.known(unit, slot).unwrap_or_default());
        Some(self.directory().join(path))
    }

    /// What stands for a placeholder that follows from the unit alone.
    pub(super) fn known(&self, unit: u64, slot: Slot) -> Option<OsString> {
        let place =
            |axis: usize| Some((self.axes().get(axis)?, *self.grid.places(unit).get(axis)?));
        let text = match slot {
            Slot::Label(axis) => place(axis).map(|(axis, place)| axis.label(place).into_owned())?,
            Slot::Index(axis) => place(axis).map(|(_, place)| place.to_string())?,
            Slot::Value(axis) => place(axis).map(|(axis, place)| axis.value(place).to_string())?,
            Slot::Seed => self.seed(unit).to_string(),
            Slot::Unit => unit.to_string(),
            Slot::Threads => self.threads().to_string(),
            Slot::Input => return self.input_of(unit).map(PathBuf::into_os_string),
            _ => return None,
        };
        Some(text.into())
    }
}

/// What the one unit of a study without axes is called.
const ONLY: &str = "only";

/// The beginning of a label and the hash of all of it.
fn shortened(label: &str) -> String {
    let mut cut = LONGEST_LABEL - 33;
    while !label.is_char_boundary(cut) {
        cut -= 1;
    }
    let hash = blake3::hash(label.as_bytes()).to_hex();
    format!("{}-{}", &label[..cut], &hash[..32])
}

fn templates(
    setting: &str,
    words: &[String],
    place: Place,
    axes: &[Axis],
) -> Result<Vec<Template>, CommandError> {
    words.iter().map(|word| Template::parse(setting, word, place, axes)).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    pub(crate) fn study(text: &str) -> Result<CommandStudy, String> {
        let text = format!("workload = \"command\"\n{text}");
        let settings = toml::from_str(&text).map_err(|e| e.to_string())?;
        CommandStudy::new(&settings).map_err(|e| e.to_string())
    }

    const TWO: &str = "[command]\nrun = \"x\"\n[[grid]]\nname = \"noise\"\n\
                       values = [1e-8, { value = 1e-3, label = \"100000e-8\" }]\n\
                       [[grid]]\nname = \"trial\"\nfrom = 1\nto = 3\n";

    #[test]
    fn units_have_names_and_labels() {
        let study = study(TWO).unwrap();
        assert_eq!(study.units(), 6);
        assert_eq!(study.name_of(2), "noise=1e-8 trial=3");
        assert_eq!(study.label_of(2), "noise=1e-8_trial=3");
        assert_eq!(study.label_of(3), "noise=100000e-8_trial=1");
        let cells = study.cells(4);
        assert_eq!((cells[0].name, cells[0].label.as_str()), ("noise", "100000e-8"));
        assert_eq!((cells[0].value.to_string().as_str(), cells[0].index), ("0.001", 1));
        let only = super::tests::study("[command]\nrun = \"x\"").unwrap();
        assert_eq!(
            (only.units(), only.name_of(0), only.label_of(0)),
            (1, "only".into(), "only".into())
        );
    }

    #[test]
    fn labels_are_short_and_differ() {
        let long = "x".repeat(180);
        let values: Vec<String> = (0..100).map(|i| format!("\"{long}é{i}\"")).collect();
        let grid = format!(
            "[command]\nrun = \"x\"\n[[grid]]\nname = \"a\"\nvalues = [{}]\n\
             [[grid]]\nname = \"b\"\nvalues = [\"1_c=2\", \"{long}\", 3]\n",
            values.join(",")
        );
        let study = study(&grid).unwrap();
        let labels: HashSet<String> = (0..study.units()).map(|unit| study.label_of(unit)).collect();
        assert_eq!(labels.len() as u64, study.units());
        assert!(labels.iter().all(|label| label.len() <= LONGEST_LABEL && !label.contains('/')));
    }

    #[test]
    fn seeds_follow_from_values_and_stay_when_the_grid_grows() {
        let few = study(TWO).unwrap();
        let grown = TWO.replace("[1e-8,", "[0.5, 1e-8,").replace("from = 1", "from = -7");
        let grown = study(&grown).unwrap();
        let seeds = |study: &CommandStudy| -> Vec<(String, u64)> {
            (0..study.units()).map(|unit| (study.name_of(unit), study.seed(unit))).collect()
        };
        let (few, grown) = (seeds(&few), seeds(&grown));
        assert!(few.iter().all(|seed| grown.contains(seed)));
        let different: HashSet<u64> = grown.iter().map(|(_, seed)| *seed).collect();
        assert_eq!(different.len(), grown.len());
        assert!(grown.iter().all(|(_, seed)| *seed < 1 << 53));
    }

    #[test]
    fn seeds_do_not_follow_from_labels_nor_the_order_of_axes() {
        let labelled = study(TWO).unwrap();
        let plain = "[command]\nrun = \"x\"\n[[grid]]\nname = \"trial\"\nvalues = [3.0]\n\
                     [[grid]]\nname = \"noise\"\nvalues = [0.001]\n";
        assert_eq!(labelled.seed(5), study(plain).unwrap().seed(0));
    }

    #[test]
    fn seeds_are_limited_to_some_axes() {
        let text = format!("{TWO}[study]\nseed_over = [\"trial\"]\nseed_bits = 31\n");
        let study = study(&text).unwrap();
        let seeds: Vec<u64> = (0..6).map(|unit| study.seed(unit)).collect();
        assert_eq!(seeds[..3], seeds[3..]);
        assert!(seeds[0] != seeds[1] && seeds.iter().all(|seed| *seed < 1 << 31));
        let none = super::tests::study(&format!("{TWO}[study]\nseed_over = []\n")).unwrap();
        assert_eq!(none.seed(0), none.seed(5));
    }

    #[test]
    fn settings_that_do_not_fit_are_refused() {
        for (text, expected) in [
            ("[command]\nrun = []", "command.run is empty: expected at least one"),
            ("[command]\nrun = [\"\"]", "command.run is \"\": expected a program first"),
            ("[command]\nrun = [\"a\", \"\\u0000\"]", "command.run is"),
            (
                "[command]\nrun = \"x\"\ntimeout_seconds = 0",
                "command.timeout_seconds is 0: expected",
            ),
            ("[command]\nrun = \"x\"\ntimeout_seconds = nan", "command.timeout_seconds is NaN"),
            (
                "[command]\nrun = \"x\"\nthreads = 0",
                "command.threads is 0: expected a whole number",
            ),
            ("[command]\nrun = \"x\"\nretries = 1000", "command.retries is 1000: expected"),
            ("[command]\nrun = \"x\"\nfatal = [0]", "command.fatal is 0: expected exit codes"),
            (
                "[command]\nrun = \"x\"\nenv = { \"A=B\" = \"\" }",
                "command.env is \"A=B\": expected",
            ),
            (
                "[command]\nrun = \"x\"\nenv = { OTFHPC_SEED = \"\" }",
                "command.env is \"OTFHPC_SEED\"",
            ),
            (
                "[command]\nrun = \"x\"\nenv = { A = \"{nose}\" }",
                "command.env.A: {nose} means nothing",
            ),
            ("[command]\nrun = \"x\"\nenv_clear = [\"[\"]", "command.env_clear has \"[\""),
            ("[command]\nrun = \"{nose}\"", "command.run: {nose} means nothing there"),
            ("[command]\nrun = \"x\"\ninput = \"{attempt}\"", "command.input: {attempt} means"),
            ("[command]\nrun = \"x\"\n[study]\ntrials = \"trial\"", "study.trials names trial"),
            ("[command]\nrun = \"x\"\n[study]\nseed_over = \"a\"", "study.seed_over names a"),
            ("[command]\nrun = \"x\"\n[study]\nseed_bits = 64", "study.seed_bits is 64: expected"),
            ("[command]\nrun = \"x\"\n[audit]\ntolerance = 1", "audit.tolerance is 1: expected"),
            (
                "[command]\nrun = \"x\"\n[audit]\nrepeatable = false\ntolerance = 0.1",
                "audit.tolerance is set: expected nothing where audit.repeatable is false",
            ),
            ("[command]\nrun = \"x\"\n[stop]\nbudget_seconds = -1", "stop.budget_seconds is -1"),
            ("[command]\nrun = \"x\"\n[stop]\nstop_when = \"rmse\"", "stop.stop_when is \"rmse\""),
            ("[command]\nrun = \"x\"\n[reduce]\nrun = []", "reduce.run is empty"),
            (
                "[command]\nrun = \"x\"\n[reduce]\nrun = \"{noise}\"",
                "reduce.run: {noise} means nothing",
            ),
            (
                "[command]\nrun = \"x\"\n[[case]]\na-b = 1\na_b = 2",
                "[[grid]]: a-b and a_b are both written OTFHPC_A_B: give one of them another name",
            ),
            (
                "[command]\nrun = \"x\"\n[[case]]\na = 1\na_index = 2",
                "[[grid]]: a and a_index are both written OTFHPC_A_INDEX",
            ),
            (
                "[command]\nrun = \"x\"\n[[case]]\nSeed = 1",
                "[[grid]]: seed and Seed are both written",
            ),
        ] {
            let error = study(text).unwrap_err();
            assert!(error.starts_with(expected), "{error}\n{expected}");
        }
    }
}
