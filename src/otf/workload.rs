//! The study as the engine sees it.

use std::path::Path;
use std::time::Duration;

use crate::runner::engine::{
    Cost, Mapping, Phase, ProgramFiles, Tried, Verb, Words, Work, WorkError, Workload,
};
use crate::runner::merge::Collector;
use crate::runner::plan::{BoundPlan, Layout, Needs, PlanRequest};
use crate::runner::store::RunDir;

use super::memory::{self, Memory};
use super::products::OtfProducts;
use super::study::Study;
use super::{Otf, description, extension, fitting, foretell, probe, segment};

/// What things are called. The statuses are those of [`crate::science::fit::Status::REGISTRY`].
const WORDS: Words = Words {
    statuses: ["converged", "not converged", "failed", "no signal"],
    phases: ["transform", "design"],
    parts: ["factor", "solve"],
    unit: "bin",
    verb: Verb { plain: "fit", done: "fitted", doing: "fitting" },
    column: "method",
    not_counted: "what external programs take is not counted",
    grows: "trials, noise levels, methods, data sets or bins",
};

impl Workload for Otf {
    fn layout(&self) -> &Layout {
        &self.study.layout
    }

    fn planned(&self) -> Result<PlanRequest, WorkError> {
        self.bound_to(self.survey()?)
    }

    fn words(&self) -> &'static Words {
        &WORDS
    }

    fn column_labels(&self) -> Vec<String> {
        self.study.methods.iter().map(|method| method.label.clone()).collect()
    }

    fn name_of(&self, configuration: u64) -> String {
        let (realisation, method) = self.study.configuration(configuration);
        let Study { noise_levels, methods, sets, .. } = &self.study;
        format!(
            "noise={:e} trial={} method={} set={}",
            noise_levels[realisation.noise],
            realisation.trial,
            methods[method].label,
            sets[realisation.set],
        )
    }

    fn place_of(&self, unit: u64) -> String {
        let place = self.study.unit(unit);
        let (configuration, bin) =
            (self.study.configuration_of(place), self.study.bins[place.position]);
        format!("configuration {configuration}, bin {bin}")
    }

    fn source_line(&self) -> String {
        description::source_line(self)
    }

    fn description(&self) -> Vec<(&'static str, String)> {
        description::lines(self)
    }

    fn needs(&self, plan: &BoundPlan) -> Needs {
        let (data_sets, shards) = (self.data_sets(), &plan.plan.shards);
        let (config, study) = (&self.config, &self.study);
        Memory::of(&memory::Sizes { config, study, data_sets: &data_sets, shards }).into()
    }

    fn body_bytes(&self) -> u64 {
        // An emitter's value and error bar; residual, condition, prediction, reason.
        24 * self.study.emitters.len() as u64 + 40
    }

    fn foretell(&self) -> Result<Option<Cost>, WorkError> {
        foretell::measure(&self.config, &self.study, &mut self.campaigns()).map_err(WorkError::new)
    }

    fn try_programs(&self, logs: &Path, patience: Duration) -> Result<Vec<Tried>, WorkError> {
        if !self.study.methods.iter().any(|method| method.is_external()) {
            return Ok(Vec::new());
        }
        let campaign = self.campaigns().get(&self.config, &self.study, 0);
        let campaign = campaign.map_err(WorkError::new)?;
        probe::try_programs(&self.study, &campaign, logs, patience).map_err(WorkError::new)
    }

    fn run(&self, work: &Work) -> Result<(), WorkError> {
        let read = || {
            let (config, study) = (&self.config, &self.study);
            segment::segments(config, study, &work.units, work.done, &mut self.campaigns())
        };
        let segments = work.profile.phase(Phase::Read, read).map_err(WorkError::new)?;
        work.prepared();
        fitting::fit(&self.study, &segments, work).map_err(WorkError::new)
    }

    fn replanned(&self) -> Result<PlanRequest, WorkError> {
        // A file of a program that was missing may be there now.
        let now = Self::new(self.config.clone()).map_err(WorkError::new)?;
        now.bound_to(self.data_sets())
    }

    fn programs(&self) -> Vec<ProgramFiles> {
        let program = |name: &String| {
            let methods = self.study.methods.iter().enumerate();
            let columns = methods.filter(|(_, method)| method.name() == name).map(|(i, _)| i);
            let (columns, files) = (columns.collect(), self.files_of(name));
            ProgramFiles { name: name.clone(), columns, files }
        };
        self.config.method.iter().map(|settings| program(&settings.name)).collect()
    }

    fn is_repeatable(&self, column: usize) -> bool {
        !self.study.methods[column].is_external()
    }

    fn audit_caveat(&self) -> Option<&'static str> {
        self.study.unit_limit.map(|_| {
            "fit.unit_seconds is set: units that ran out of time may differ without any fault of a \
             machine"
        })
    }

    fn collector<'a>(
        &'a self,
        run: &'a RunDir,
        plan: &'a BoundPlan,
    ) -> Result<Box<dyn Collector + 'a>, WorkError> {
        Ok(Box::new(OtfProducts::new(self, run, plan).map_err(WorkError::new)?))
    }

    fn page_writer<'a>(
        &'a self,
        run: &'a RunDir,
        plan: &'a BoundPlan,
    ) -> Result<Option<Box<dyn Collector + 'a>>, WorkError> {
        let products = OtfProducts::new(self, run, plan).map_err(WorkError::new)?;
        Ok(Some(Box::new(products.page_alone())))
    }

    fn extension(&self, old: &BoundPlan, new: &BoundPlan) -> Result<Mapping, Vec<String>> {
        let was = Self::of_plan(&old.plan, "plan.json".into());
        let was = was.map_err(|error| vec![error.to_string()])?;
        extension::to_larger((&was, &old.plan), (self, &new.plan))
    }
}
