//! The settings of the joint fit, checked against the study.

use crate::foundations::text::did_you_mean;
use crate::science::data::Emitter;
use crate::science::fit::joint::{JointSettings, check_settings};
use crate::science::instrument::ChannelScan;

use super::check::StudyError;

/// Checks names and numbers before anything is fitted.
///
/// # Errors
/// The first that will not do.
pub(super) fn check(
    settings: &JointSettings,
    emitters: &[Emitter],
    sets: &[ChannelScan],
) -> Result<(), StudyError> {
    check_numbers(settings)?;
    check_together(settings, sets)?;
    let names: Vec<String> = emitters.iter().map(|emitter| emitter.name().to_owned()).collect();
    let operating = emitters.iter().position(Emitter::is_operating);
    let called: Vec<(String, String)> =
        sets.iter().map(|set| (set.to_string(), set.channel.to_string())).collect();
    let is_together = |(name, _): &&(String, String)| settings.together.contains(name);
    let (together, alone): (Vec<_>, Vec<_>) = called.iter().partition(is_together);
    let groups = alone.into_iter().map(|set| vec![set]).chain([together]);
    for group in groups.filter(|group| !group.is_empty()) {
        let group: Vec<(&str, &str)> = group.iter().map(|(n, c)| (&**n, &**c)).collect();
        check_settings(settings, &names, operating, &group).map_err(StudyError::Joint)?;
    }
    Ok(())
}

fn check_together(settings: &JointSettings, sets: &[ChannelScan]) -> Result<(), StudyError> {
    let names: Vec<String> = sets.iter().map(ChannelScan::to_string).collect();
    match settings.together.iter().find(|name| !names.contains(name)) {
        None => Ok(()),
        Some(name) => Err(StudyError::Together {
            name: name.clone(),
            meant: did_you_mean(name, names.iter().map(String::as_str)),
            valid: names.join(", "),
        }),
    }
}

fn check_numbers(settings: &JointSettings) -> Result<(), StudyError> {
    let refused = |setting, value: String, expected: &str| StudyError::Range {
        setting,
        value,
        expected: expected.into(),
    };
    let tolerance = settings.tolerance;
    if !(tolerance > 0.0 && tolerance.is_finite()) {
        let setting = "fit.options.joint.tolerance";
        return Err(refused(setting, tolerance.to_string(), "a number above zero"));
    }
    if settings.max_iterations == 0 {
        let setting = "fit.options.joint.max_iterations";
        return Err(refused(setting, "0".into(), "a whole number, 1 or more"));
    }
    let numbers = [("value", &settings.value), ("start", &settings.start)];
    for (part, numbers) in numbers {
        if let Some((name, value)) = numbers.iter().find(|(_, value)| !value.is_finite()) {
            let message = format!("{part}.{name} is {value}: expected a finite number");
            return Err(StudyError::Joint(message));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::otf::study::grid::tests::study;

    const TWO: &str = "data.sets=[\"llss\",\"llsf\"]";
    const TOGETHER: &str = "fit.options.joint.together=[\"llss\",\"llsf\"]";

    #[test]
    fn what_will_not_do_is_refused_by_name() {
        for (assignments, expected) in [
            (
                &["fit.options.joint.free=bolometre"][..],
                "free names `bolometre`: there is no such parameter; did you mean bolometer?",
            ),
            (&["fit.options.joint.prior.h4=1"], "prior names `h4`"),
            (&["fit.options.joint.value.harmonics=1"], "value names `harmonics`"),
            (&["fit.options.joint.start.vq0=1"], "start names `vq0`"),
            (&["fit.options.joint.free=bolometer_offset"], "free names `bolometer_offset`"),
            (&["fit.options.joint.free=h2_llss"], "free names `h2_llss`: there is no such"),
            (&[TWO, "fit.options.joint.free=h2_llss"], "free names `h2_llss`"),
            (
                &["fit.options.joint.together=[\"llss\",\"llsf\"]"],
                "fit.options.joint.together names `llsf`, which is no data set of this study; \
                 did you mean llss?; data.sets has llss",
            ),
            (&["fit.options.joint.tolerance=-1"], "fit.options.joint.tolerance is -1: expected"),
            (&["fit.options.joint.tolerance=nan"], "fit.options.joint.tolerance is NaN"),
            (&["fit.options.joint.max_iterations=0"], "fit.options.joint.max_iterations is 0"),
            (&["fit.options.joint.value.h2=nan"], "value.h2 is NaN: expected a finite number"),
            (&["fit.options.joint.start.h3=inf"], "start.h3 is inf: expected a finite number"),
            (
                &[
                    "fit.options.joint.free=plateau_temperatures",
                    "fit.options.joint.prior.plateau_temperatures=none",
                ],
                "the prior of plateau_temperatures is \"none\"",
            ),
        ] {
            let error = study(assignments).unwrap_err().to_string();
            assert!(error.contains("fit.options.joint"), "{assignments:?}: {error}");
            assert!(error.contains(expected), "{assignments:?}: {error}");
        }
    }

    #[test]
    fn names_that_there_are_will_do() {
        for assignments in [
            &["fit.options.joint.free=bolometer,h2,plateau_temperatures,xcal_offset"][..],
            &["fit.options.joint.prior={bolometer=\"none\",vp3=0}"],
            &[TWO, TOGETHER, "fit.options.joint.free=h2_llss,bolometer,vp0"],
            &[TWO, TOGETHER, "fit.options.joint.value={h2_llsf=1e-3,xcal_offset=0}"],
            &[
                "data.sets=[\"llss\",\"rlss\"]",
                "fit.options.joint.together=[\"llss\",\"rlss\"]",
                "fit.options.joint.start={bolometer_r0_rl=12}",
            ],
        ] {
            study(assignments).unwrap();
        }
    }
}
