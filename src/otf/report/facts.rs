//! Everything that the page is made from.

use std::path::Path;

use num_complex::Complex64;

use crate::otf::Otf;
use crate::otf::products::{
    Arrays, DataSetGrid, FailureRow, Judged, ParameterRow, Row, judged_bins,
};
use crate::otf::study::{Estimator, MethodChoice, RealisationId, Study};
use crate::runner::merge::Ledger;
use crate::runner::plan::BoundPlan;
use crate::science::data::published_of;
use crate::science::data::settings::Source;

use super::evidence::Evidence;
use super::ranking::{Ranking, reference_of};

/// What is known of a run when its products are written.
#[derive(Debug, Clone, Copy)]
pub(in crate::otf) struct Facts<'a> {
    pub(in crate::otf) otf: &'a Otf,
    pub(in crate::otf) plan: &'a BoundPlan,
    pub(in crate::otf) ledger: &'a Ledger,
    pub(in crate::otf) grids: &'a [DataSetGrid],
    pub(in crate::otf) arrays: &'a Arrays,
    pub(in crate::otf) judged: &'a Judged,
    pub(in crate::otf) rows: &'a [Row],
    pub(in crate::otf) failures: &'a [FailureRow],
    pub(in crate::otf) parameters: &'a [ParameterRow],
    pub(in crate::otf) ranking: Option<&'a Ranking>,
    /// One a data set; none where the data are not.
    pub(in crate::otf) evidence: Option<&'a [&'a Evidence]>,
    /// The file that is not there, if the data are not.
    pub(in crate::otf) absent: Option<&'a Path>,
    /// `[data set][bin][emitter]`, of measured data that have a published model.
    pub(in crate::otf) published: &'a [Option<Vec<Vec<Complex64>>>],
}

/// What published models say of the data sets; none where they are not there, or the data are simulated.
pub(in crate::otf) fn published(
    otf: &Otf,
    grids: &[DataSetGrid],
) -> Vec<Option<Vec<Vec<Complex64>>>> {
    let study = &otf.study;
    let of = |(set, grid): (&crate::science::instrument::ChannelScan, &DataSetGrid)| {
        if otf.config.data.source == Source::Simulate {
            return None;
        }
        let truth = published_of(*set, &otf.config.data, &study.emitters).ok().flatten()?;
        let at = |ghz: &f64| truth.at(*ghz, &study.emitters);
        Some(grid.frequency_ghz.iter().map(at).collect())
    };
    study.sets.iter().zip(grids).map(of).collect()
}

impl<'a> Facts<'a> {
    pub(super) fn study(&self) -> &'a Study {
        &self.otf.study
    }

    pub(super) fn is_simulated(&self) -> bool {
        self.otf.config.data.source == Source::Simulate
    }

    /// Whether there are several draws of each data set.
    pub(super) fn is_study(&self) -> bool {
        self.study().realisations() > self.study().sets.len() as u64
    }

    pub(super) fn emitters(&self) -> Vec<&'a str> {
        self.study().emitters.iter().map(|emitter| emitter.name()).collect()
    }

    /// One data set, as the method that others are compared with fitted it in its first draw.
    pub(super) fn shown(&self, set: usize) -> Shown<'a> {
        self.by(set, reference_of(self.study()))
    }

    /// The same by the method whose emissivities are wanted: that which fits most, where there is one.
    pub(super) fn wanted(&self, set: usize) -> Shown<'a> {
        let is_joint = |method: &MethodChoice| matches!(method.estimator, Estimator::Joint(..));
        let joint = self.study().methods.iter().position(is_joint);
        self.by(set, joint.unwrap_or(reference_of(self.study())))
    }

    fn by(&self, set: usize, method: usize) -> Shown<'a> {
        let id = RealisationId { set, noise: 0, trial: 1 };
        let configuration = self.study().configuration_index(id, method);
        Shown { facts: *self, set, configuration }
    }
}

/// One data set, as one method fitted it in its first draw.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown<'a> {
    pub(super) facts: Facts<'a>,
    pub(super) set: usize,
    pub(super) configuration: u64,
}

/// The values of one emitter at one bin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Value {
    pub(super) ghz: f64,
    pub(super) fitted: Complex64,
    /// `sqrt(E|error|^2)`.
    pub(super) sigma: f64,
    pub(super) is_determined: bool,
    /// The truth, or what the published model says.
    pub(super) known: Option<Complex64>,
}

impl Value {
    /// The standard error of the real and of the imaginary part.
    pub(super) fn part_sigma(&self) -> f64 {
        self.sigma * std::f64::consts::FRAC_1_SQRT_2
    }

    /// How many error bars long it is.
    pub(super) fn significance(&self) -> f64 {
        self.fitted.norm_sqr().sqrt() / self.sigma
    }
}

impl<'a> Shown<'a> {
    pub(super) fn grid(&self) -> &'a DataSetGrid {
        &self.facts.grids[self.set]
    }

    pub(super) fn name(&self) -> String {
        self.facts.study().sets[self.set].to_string()
    }

    pub(super) fn method(&self) -> &'a str {
        let study = self.facts.study();
        &study.methods[study.configuration(self.configuration).1].label
    }

    pub(super) fn evidence(&self) -> Option<&'a Evidence> {
        self.facts.evidence.map(|all| all[self.set])
    }

    /// The same in the fit of another method.
    pub(super) fn by(&self, method: usize) -> Self {
        let (id, _) = self.facts.study().configuration(self.configuration);
        Self { configuration: self.facts.study().configuration_index(id, method), ..*self }
    }

    /// The bins of the band that have a value.
    pub(super) fn bins(&self) -> Vec<usize> {
        judged_bins(self.grid(), self.facts.arrays, self.configuration)
    }

    /// What an emitter is held against.
    fn known(&self, emitter: usize) -> Option<&'a Vec<Vec<Complex64>>> {
        let known = self.grid().truth.as_ref().or(self.facts.published[self.set].as_ref())?;
        // An emitter that a model does not have is zero in it.
        known.iter().any(|values| values[emitter] != Complex64::ZERO).then_some(known)
    }

    /// The values of an emitter over the band.
    pub(super) fn values(&self, emitter: usize) -> Vec<Value> {
        let (arrays, row) = (self.facts.arrays, self.configuration as usize);
        let known = self.known(emitter);
        let value = |bin: usize| Value {
            ghz: self.grid().frequency_ghz[bin],
            fitted: arrays.emissivity_at(row, bin)[emitter],
            sigma: arrays.sigma_at(row, bin)[emitter],
            is_determined: arrays.determined_at(row, bin)[emitter] != 0,
            known: known.map(|known| known[bin][emitter]),
        };
        self.bins().into_iter().map(value).collect()
    }
}
