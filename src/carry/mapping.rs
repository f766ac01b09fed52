//! Where the units of one plan stand in another.

use crate::data::Resampling;
use crate::fit::Constraint;
use crate::foundations::RunDir;
use crate::plan::BoundPlan;
use crate::shard::Piece;
use crate::study::{MethodChoice, ProgramSettings, Study};

use super::difference;
use super::error::CarryError;

/// Which results of a method are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// All.
    All,
    /// All but pieces in which a unit failed.
    ButFailed,
    /// None.
    Nothing,
}

/// Where the units of one plan stand in another, and which results are kept.
#[derive(Debug, Clone)]
pub struct Mapping {
    pub(super) old: Study,
    new: Study,
    /// By the indices of the old study: those in the new one.
    sets: Vec<usize>,
    levels: Vec<usize>,
    methods: Vec<usize>,
    positions: Vec<usize>,
    keep: Vec<Keep>,
}

impl Mapping {
    /// From a plan to the same one with other files of its programs: of the methods for which
    /// `is_chosen`, pieces with failed units are not kept.
    ///
    /// # Errors
    /// Never for a plan that was read or made.
    pub fn to_mended(
        old: &BoundPlan,
        is_chosen: impl Fn(&MethodChoice) -> bool,
    ) -> Result<Self, CarryError> {
        let study = old.study()?;
        let keep = |method| if is_chosen(method) { Keep::ButFailed } else { Keep::All };
        let keep = study.methods.iter().map(keep).collect();
        let all = |count| (0..count).collect();
        Ok(Self {
            sets: all(study.sets.len()),
            levels: all(study.noise_levels.len()),
            methods: all(study.methods.len()),
            positions: all(study.bins.len()),
            keep,
            new: study.clone(),
            old: study,
        })
    }

    /// From a plan to a larger one.
    ///
    /// # Errors
    /// If results would not be the same, or have no place: names everything that is in the way.
    pub fn to_larger(run: &RunDir, old: &BoundPlan, new: &BoundPlan) -> Result<Self, CarryError> {
        let (was, is) = (old.study()?, new.study()?);
        let mut differences = difference::settings(&old.plan.config, &new.plan.config);
        differences.extend(difference::inputs(old, new));
        let folds = was.resampling == Resampling::CrossValidation && was.trials != is.trials;
        if folds {
            differences.push(format!(
                "study.trials was {}, and is {}: with other folds, every trial fits other records",
                was.trials, is.trials
            ));
        } else if is.trials < was.trials {
            differences.push(format!("study.trials was {}, and is {}", was.trials, is.trials));
        }
        let mut lacks = |what: String| differences.push(format!("{what} is missing"));
        let sets = places(
            &was.sets,
            &is.sets,
            |a, b| a == b,
            |set| {
                lacks(format!("data.sets: {set}"));
            },
        );
        let same_level = |a: &f64, b: &f64| a.to_bits() == b.to_bits();
        let levels = places(&was.noise_levels, &is.noise_levels, same_level, |level| {
            lacks(format!("study.noise_levels: {level:e}"));
        });
        let same_method = |a: &MethodChoice, b: &MethodChoice| name_of(a) == name_of(b);
        let methods = places(&was.methods, &is.methods, same_method, |method| {
            lacks(format!("fit.methods: {}", method.label));
        });
        let positions = places(
            &was.bins,
            &is.bins,
            |a, b| a == b,
            |bin| {
                lacks(format!("fit.bins: {bin}"));
            },
        );
        let mut keep = Vec::new();
        for method in &was.methods {
            match keep_of(method, old, new, was.bins == is.bins) {
                Ok(kept) => keep.push(kept),
                Err(difference) if !differences.contains(&difference) => {
                    differences.push(difference);
                }
                Err(_) => {}
            }
        }
        if !differences.is_empty() {
            let root = run.root().into();
            return Err(CarryError::NotAnExtension { root, differences });
        }
        Ok(Self { old: was, new: is, sets, levels, methods, positions, keep })
    }

    /// Which results are kept of the method with this index in the old plan.
    #[must_use]
    pub fn keep(&self, method: usize) -> Keep {
        self.keep[method]
    }

    /// The same piece, numbered as in the new plan, if it is kept.
    pub(super) fn map(&self, piece: Piece) -> Option<Piece> {
        if self.keeps(&piece) { self.moved(piece) } else { None }
    }

    fn keeps(&self, piece: &Piece) -> bool {
        match self.keep[self.old.unit(piece.first).method] {
            Keep::All => true,
            Keep::ButFailed => !super::units::has_failed(piece),
            Keep::Nothing => false,
        }
    }

    fn moved(&self, piece: Piece) -> Option<Piece> {
        let unit = self.old.unit(piece.first);
        let id = self.old.realisation(unit.realisation);
        let (set, noise) = (self.sets[id.set], self.levels[id.noise]);
        let level = set as u64 * self.new.noise_levels.len() as u64 + noise as u64;
        let realisation = level * self.new.trials + id.trial - 1;
        let (position, method) = (self.positions[unit.position], self.methods[unit.method]);
        let within = self.new.order.unit_of(position, method)?;
        Some(Piece { first: realisation * self.new.order.units() + within, ..piece })
    }
}

/// Where each thing stands among others; what is not among them is told, and stands nowhere.
fn places<T>(
    old: &[T],
    new: &[T],
    same: impl Fn(&T, &T) -> bool,
    mut missing: impl FnMut(&T),
) -> Vec<usize> {
    let mut places = Vec::new();
    for thing in old {
        match new.iter().position(|other| same(thing, other)) {
            Some(place) => places.push(place),
            None => missing(thing),
        }
    }
    places
}

/// A method's name, and what it imposes, however that was written.
fn name_of(method: &MethodChoice) -> (&str, Constraint) {
    (method.name(), method.constraint)
}

/// Which results of a method are the same in another plan; or what is different.
fn keep_of(
    method: &MethodChoice,
    old: &BoundPlan,
    new: &BoundPlan,
    same_bins: bool,
) -> Result<Keep, String> {
    let name = method.name();
    let options = |plan: &BoundPlan| plan.plan.config.fit.options.get(name).cloned();
    if options(old).unwrap_or_default() != options(new).unwrap_or_default() {
        return Err(format!("fit.options.{name} is not what it was"));
    }
    // A method that fits all bins together has other values with other bins around.
    if method.couples_bins() && !same_bins {
        return Ok(Keep::Nothing);
    }
    let program = |plan: &'_ BoundPlan| -> Option<ProgramSettings> {
        plan.plan.config.method.iter().find(|program| program.name == name).cloned()
    };
    match (program(old), program(new)) {
        (None, None) => Ok(Keep::All),
        (Some(was), Some(is)) => keep_of_program((&was, old), (&is, new)),
        _ => Err(format!("[[method]] {name} is not what it was")),
    }
}

fn keep_of_program(
    (was, old): (&ProgramSettings, &BoundPlan),
    (is, new): (&ProgramSettings, &BoundPlan),
) -> Result<Keep, String> {
    let name = &was.name;
    if difference::command(was) != difference::command(is) {
        return Err(format!("[[method]] {name}: its command is another"));
    }
    if is.timeout_seconds < was.timeout_seconds {
        return Err(format!("[[method]] {name}: timeout_seconds is less than it was"));
    }
    Ok(match () {
        () if old.plan.files_of(was) != new.plan.files_of(is) => Keep::Nothing,
        // What ended in time is what it would be with more of it.
        () if is.timeout_seconds > was.timeout_seconds => Keep::ButFailed,
        () => Keep::All,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fit::Outcome;
    use crate::plan::Plan;
    use crate::shard::UnitResult;
    use crate::study::Config;

    fn planned(settings: &[&str]) -> BoundPlan {
        let settings: Vec<String> = settings.iter().map(|text| (*text).into()).collect();
        Plan::make(Config::load(None, &settings).unwrap(), Vec::new(), 2).unwrap()
    }

    fn between(old: &BoundPlan, new: &BoundPlan) -> Result<Mapping, String> {
        Mapping::to_larger(&RunDir::new("results"), old, new).map_err(|error| error.to_string())
    }

    fn result(outcome: Outcome) -> UnitResult {
        UnitResult { outcome, prediction_error: None, degrees_of_freedom: None }
    }

    #[test]
    fn every_unit_has_one_place_where_everything_about_it_is_the_same() {
        let old = planned(&[
            r#"data.sets=["llss","rhss"]"#,
            "study.noise_levels=[0.1,0.2]",
            "study.trials=2",
            r#"fit.methods=["smooth","ols","wls+kirchhoff"]"#,
            "fit.bins=5-7",
        ]);
        let new = planned(&[
            r#"data.sets=["rhss","lhss","llss"]"#,
            "study.noise_levels=[0.3,0.2,0.1]",
            "study.trials=5",
            r#"fit.methods=["wls+kirchhoff","lad","ols+none","smooth"]"#,
            "fit.bins=5-7",
        ]);
        let mapping = between(&old, &new).unwrap();
        let (was, is) = (old.study().unwrap(), new.study().unwrap());
        let about = |study: &Study, unit: u64| {
            let unit = study.unit(unit);
            let id = study.realisation(unit.realisation);
            let (method, bin) = (&study.methods[unit.method], study.bins[unit.position]);
            let level = study.noise_levels[id.noise].to_bits();
            (study.sets[id.set], level, id.trial, method.name().to_owned(), method.constraint, bin)
        };
        let mut first = 0;
        while first < was.units() {
            let length = was.order.piece_at(first % was.order.units()).unwrap();
            let results = vec![result(Outcome::NoSignal); length as usize];
            let moved = mapping.map(Piece { first, results }).unwrap();
            assert_eq!(is.order.piece_at(moved.first % is.order.units()), Some(length));
            for place in 0..length {
                assert_eq!(about(&was, first + place), about(&is, moved.first + place));
            }
            first += length;
        }
        assert!(between(&new, &old).unwrap_err().contains("fit.methods: lad is missing"));
    }

    #[test]
    fn other_folds_are_other_records_and_other_draws_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("cal.npz");
        std::fs::write(&file, "records").unwrap();
        let path = format!("data.path={}", file.display());
        let study = |resampling: &str, trials: u64| {
            let trials = format!("study.trials={trials}");
            planned(&[&path, &format!("study.resampling={resampling}"), &trials])
        };
        let error = between(&study("cross-validation", 5), &study("cross-validation", 6));
        assert!(error.unwrap_err().contains("study.trials was 5, and is 6: with other folds"));
        let more = [r#"fit.methods=["ols","wls","lad"]"#, "study.resampling=cross-validation"];
        let more = planned(&[&path, "study.trials=5", more[0], more[1]]);
        assert!(between(&study("cross-validation", 5), &more).is_ok());
        let five = study("bootstrap", 5);
        assert!(between(&five, &study("bootstrap", 6)).is_ok());
        // The same name, other records.
        std::fs::write(&file, "other records").unwrap();
        let error = between(&five, &study("bootstrap", 6)).unwrap_err();
        assert!(error.contains("cal.npz is another"), "{error}");
    }

    #[test]
    fn a_program_is_its_files_its_command_and_its_time() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("mine.sh");
        std::fs::write(&file, "one").unwrap();
        let study = |words: &str, seconds: u32| {
            let path = file.display();
            let program = format!(
                r#"method=[{{name="mine",command=["sh","{path}"{words}],timeout_seconds={seconds}}}]"#
            );
            planned(&[&program, r#"fit.methods=["mine","ols"]"#, "fit.bins=5-6"])
        };
        let old = study("", 10);
        let kept = |new: &BoundPlan| between(&old, new).map(|mapping| mapping.keep);
        assert_eq!(kept(&study("", 10)), Ok(vec![Keep::All; 2]));
        assert_eq!(kept(&study("", 20)), Ok(vec![Keep::ButFailed, Keep::All]));
        assert!(kept(&study("", 5)).unwrap_err().contains("mine: timeout_seconds is less"));
        assert!(kept(&study(r#","-x""#, 10)).unwrap_err().contains("mine: its command is another"));
        let mapping = between(&old, &study("", 20)).unwrap();
        let failed = vec![result(Outcome::NoSignal), result(Outcome::Failed("late".into()))];
        let first = old.study().unwrap().order.unit_of(0, 0).unwrap();
        assert_eq!(mapping.map(Piece { first, results: failed }), None, "a piece is fitted whole");
        std::fs::write(&file, "two").unwrap();
        assert_eq!(kept(&study("", 10)), Ok(vec![Keep::Nothing, Keep::All]));
    }
}
