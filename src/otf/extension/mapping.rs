//! Where the units of one plan stand in another.

use crate::otf::Otf;
use crate::otf::study::{MethodChoice, ProgramSettings, Study};
use crate::runner::engine::{Keep, KeptColumn, Mapping};
use crate::runner::plan::{Input, Plan};
use crate::science::data::Resampling;
use crate::science::fit::Constraint;

use super::difference;

/// From a plan to a larger one.
///
/// # Errors
/// If results would not be the same, or have no place: names everything that is in the way.
pub(crate) fn to_larger(
    (old, old_plan): (&Otf, &Plan),
    (new, new_plan): (&Otf, &Plan),
) -> Result<Mapping, Vec<String>> {
    let (was, is) = (old.study(), new.study());
    let mut differences = difference::settings(old.config(), new.config());
    differences.extend(difference::inputs((old, old_plan), (new, new_plan)));
    differences.extend(trials(was, is));
    let places = Places::new(was, is, &mut differences);
    let mut columns = Vec::new();
    for method in &was.methods {
        let label = method.label.clone();
        match keep_of(method, (old, old_plan), (new, new_plan)) {
            Ok((keep, why)) => columns.push(KeptColumn { label, keep, why }),
            Err(difference) if !differences.contains(&difference) => differences.push(difference),
            Err(_) => {}
        }
    }
    if !differences.is_empty() {
        return Err(differences);
    }
    let (was, is) = (was.clone(), is.clone());
    Ok(Mapping { columns, moved: Box::new(move |unit| places.moved(&was, &is, unit)) })
}

/// What is wrong with the number of trials.
fn trials(was: &Study, is: &Study) -> Option<String> {
    let (before, now) = (was.trials, is.trials);
    if was.resampling == Resampling::CrossValidation && before != now {
        return Some(format!(
            "study.trials was {before}, and is {now}: with other folds, every trial fits other records"
        ));
    }
    (now < before).then(|| format!("study.trials was {before}, and is {now}"))
}

/// By the indices of the old study: those in the new one.
struct Places {
    sets: Vec<usize>,
    levels: Vec<usize>,
    methods: Vec<usize>,
    positions: Vec<usize>,
}

impl Places {
    fn new(was: &Study, is: &Study, differences: &mut Vec<String>) -> Self {
        let mut lacks = |what: String| differences.push(format!("{what} is missing"));
        let same_level = |a: &f64, b: &f64| a.to_bits() == b.to_bits();
        let same_method = |a: &MethodChoice, b: &MethodChoice| name_of(a) == name_of(b);
        Self {
            sets: places(&was.sets, &is.sets, PartialEq::eq, |set| {
                lacks(format!("data.sets: {set}"));
            }),
            levels: places(&was.noise_levels, &is.noise_levels, same_level, |level| {
                lacks(format!("study.noise_levels: {level:e}"));
            }),
            methods: places(&was.methods, &is.methods, same_method, |method| {
                lacks(format!("fit.methods: {}", method.label));
            }),
            positions: places(&was.bins, &is.bins, PartialEq::eq, |bin| {
                lacks(format!("fit.bins: {bin}"));
            }),
        }
    }

    /// The unit of the new study with the same data set, noise level, trial, method and bin.
    fn moved(&self, was: &Study, is: &Study, unit: u64) -> Option<u64> {
        let unit = was.unit(unit);
        let id = was.realisation(unit.realisation);
        let (set, noise) = (self.sets[id.set], self.levels[id.noise]);
        let level = set as u64 * is.noise_levels.len() as u64 + noise as u64;
        let realisation = level * is.trials + id.trial - 1;
        let order = is.layout.order();
        let within = order.unit_of(self.positions[unit.position], self.methods[unit.method])?;
        Some(realisation * order.units() + within)
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

/// Which results of a method are the same in another plan, and why others are not; or what is
/// different.
fn keep_of(
    method: &MethodChoice,
    (old, old_plan): (&Otf, &Plan),
    (new, new_plan): (&Otf, &Plan),
) -> Result<(Keep, &'static str), String> {
    let name = method.name();
    let options = |otf: &Otf| otf.config().fit.options.of(name);
    if options(old) != options(new) {
        return Err(format!("fit.options.{name} is not what it was"));
    }
    // A method that fits all bins together has other values with other bins around.
    if method.couples_bins() && old.study().bins != new.study().bins {
        return Ok((Keep::Nothing, "it fits all bins together, and there are others now"));
    }
    let program = |otf: &Otf| -> Option<ProgramSettings> {
        otf.config().method.iter().find(|program| program.name == name).cloned()
    };
    match (program(old), program(new)) {
        (None, None) => Ok((Keep::All, "")),
        (Some(was), Some(is)) => {
            let files = |otf: &Otf, plan: &Plan| plan.inputs_among(&otf.files_of(name));
            keep_of_program((&was, files(old, old_plan)), (&is, files(new, new_plan)))
        }
        _ => Err(format!("[[method]] {name} is not what it was")),
    }
}

fn keep_of_program(
    (was, old): (&ProgramSettings, Vec<Input>),
    (is, new): (&ProgramSettings, Vec<Input>),
) -> Result<(Keep, &'static str), String> {
    let name = &was.name;
    if difference::command(was) != difference::command(is) {
        return Err(format!("[[method]] {name}: its command is another"));
    }
    if is.timeout_seconds < was.timeout_seconds {
        return Err(format!("[[method]] {name}: timeout_seconds is less than it was"));
    }
    Ok(if old != new {
        (Keep::Nothing, "its program changed")
    } else if is.timeout_seconds > was.timeout_seconds {
        // What ended in time is what it would be with more of it.
        (Keep::ButFailed, "they failed, and it has more time now")
    } else {
        (Keep::All, "")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::otf::study::Config;
    use crate::runner::plan::Build;

    /// A workload with its plan; only settings and the hashes of files count here.
    fn planned(settings: &[&str]) -> (Otf, Plan) {
        let settings: Vec<String> = settings.iter().map(|text| (*text).into()).collect();
        let otf = Otf::new(Config::load(None, &settings).unwrap()).unwrap();
        let planned = otf.bound_to(Vec::new()).unwrap();
        let plan = Plan::make(planned, 2, Build::running().unwrap()).unwrap().plan;
        (otf, plan)
    }

    fn between(old: &(Otf, Plan), new: &(Otf, Plan)) -> Result<Mapping, String> {
        to_larger((&old.0, &old.1), (&new.0, &new.1)).map_err(|all| all.join("; "))
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
        let (was, is) = (old.0.study(), new.0.study());
        let about = |study: &Study, unit: u64| {
            let unit = study.unit(unit);
            let id = study.realisation(unit.realisation);
            let (method, bin) = (&study.methods[unit.method], study.bins[unit.position]);
            let level = study.noise_levels[id.noise].to_bits();
            (study.sets[id.set], level, id.trial, method.name().to_owned(), method.constraint, bin)
        };
        for piece in was.layout.pieces_of(0..was.units()) {
            let moved = (mapping.moved)(piece.start).unwrap();
            assert_eq!(is.layout.piece_at(moved), Some(piece.end - piece.start));
            for place in 0..piece.end - piece.start {
                assert_eq!(about(was, piece.start + place), about(is, moved + place));
            }
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
        let kept = |new: &(Otf, Plan)| {
            let keeps = |mapping: Mapping| mapping.columns.iter().map(|c| c.keep).collect();
            between(&old, new).map(keeps)
        };
        assert_eq!(kept(&study("", 10)), Ok(vec![Keep::All; 2]));
        assert_eq!(kept(&study("", 20)), Ok(vec![Keep::ButFailed, Keep::All]));
        assert!(kept(&study("", 5)).unwrap_err().contains("mine: timeout_seconds is less"));
        assert!(kept(&study(r#","-x""#, 10)).unwrap_err().contains("mine: its command is another"));
        std::fs::write(&file, "two").unwrap();
        assert_eq!(kept(&study("", 10)), Ok(vec![Keep::Nothing, Keep::All]));
    }
}
