//! The results of one configuration, from the partials that have them.

use super::ExportError;
use crate::otf::result::Shared;
use crate::otf::study::{RealisationId, Study};
use crate::otf::{Otf, UnitResult};
use crate::runner::plan::BoundPlan;
use crate::runner::store::{Partial, RunDir, StreamError};
use crate::science::instrument::SPECTRUM_BINS;

/// The results of one configuration.
#[derive(Debug)]
pub struct FittedConfiguration {
    /// Its place in `configurations.csv`.
    pub configuration: u64,
    /// Data set, noise level, trial.
    pub id: RealisationId,
    /// Index of its method.
    pub method: usize,
    /// How many emitters it has.
    emitters: usize,
    /// One a bin of the spectrum; none for those that were not asked for.
    pub results: Vec<Option<UnitResult>>,
    /// What a joint fit found besides.
    pub(in crate::otf) shared: Option<Shared>,
}

impl FittedConfiguration {
    /// Reads the results of a configuration. Other shards than those that have some need not be done.
    ///
    /// # Errors
    /// Names the first partial that is missing or damaged.
    pub fn read(
        otf: &Otf,
        (run, plan): (&RunDir, &BoundPlan),
        configuration: u64,
    ) -> Result<Self, ExportError> {
        let study = &otf.study;
        let (id, method) = study.configuration(configuration);
        let mut results: Vec<Option<UnitResult>> = (0..SPECTRUM_BINS).map(|_| None).collect();
        let units = units(study, configuration, method);
        for shard in plan.shards.live() {
            let of_shard = plan.shards.units(shard).unwrap_or(0..0);
            if !units.iter().any(|unit| of_shard.contains(unit)) {
                continue;
            }
            let problem = |problem: String| ExportError::Shard {
                path: run.partial(shard),
                problem,
                configuration,
            };
            Partial::stream(run, plan, shard, |unit, envelope| {
                let place = study.unit(unit);
                if study.configuration_of(place) == configuration {
                    results[study.bins[place.position]] = Some(UnitResult::open(&envelope)?);
                }
                Ok(())
            })
            .map_err(|error| match error {
                StreamError::Partial(error) => problem(error.to_string()),
                StreamError::Refused(error) => problem(error),
            })?;
        }
        let emitters = study.emitters.len();
        let is_odd = |result: &&UnitResult| {
            result
                .outcome
                .solution()
                .is_some_and(|s| s.emissivity.len() != emitters || s.sigma.len() != emitters)
        };
        if results.iter().flatten().find(is_odd).is_some() {
            let problem = format!("a solution does not have {emitters} emitters");
            return Err(ExportError::Shard { path: run.partials(), problem, configuration });
        }
        let shared = results.iter_mut().flatten().find_map(|result| result.shared.take());
        Ok(Self { configuration, id, method, emitters, results, shared })
    }

    /// How many emitters it has.
    #[must_use]
    pub fn emitters(&self) -> usize {
        self.emitters
    }

    /// The values of a bin, if it has any.
    #[must_use]
    pub fn emissivity(&self, bin: usize) -> Option<&[num_complex::Complex64]> {
        let solution = self.results.get(bin)?.as_ref()?.outcome.solution()?;
        Some(&solution.emissivity)
    }
}

/// The units of a configuration.
fn units(study: &Study, configuration: u64, method: usize) -> Vec<u64> {
    let order = study.layout.order();
    let realisation = configuration / study.methods.len() as u64;
    let unit = |position| order.unit_of(position, method);
    (0..study.bins.len()).filter_map(unit).map(|unit| realisation * order.units() + unit).collect()
}
