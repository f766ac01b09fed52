//! The names in `solution.npz`: what stands along the axes of its arrays.

use std::io;

use crate::foundations::npz::{Label, NpzArchive};
use crate::otf::study::Study;
use crate::science::instrument::SPECTRUM_BINS;

/// Adds `emitters`, `configurations`, `data_sets` and `bins`.
pub(super) fn add_to(npz: &mut NpzArchive, study: &Study) -> io::Result<()> {
    let emitters: Vec<Label> = study.emitters.iter().map(|e| Label::new(e.name())).collect();
    npz.add("emitters", emitters.len(), &emitters)?;
    let name = |configuration| Label::new(&configuration_name(study, configuration));
    let configurations: Vec<Label> = (0..study.configurations()).map(name).collect();
    npz.add("configurations", configurations.len(), &configurations)?;
    let sets: Vec<Label> = study.sets.iter().map(|set| Label::new(&set.to_string())).collect();
    npz.add("data_sets", sets.len(), &sets)?;
    let bins: Vec<i64> = (0..SPECTRUM_BINS as i64).collect();
    npz.add("bins", bins.len(), &bins)
}

/// The name of a configuration: data set and method, and, where there are several, noise level and trial.
pub(in crate::otf) fn configuration_name(study: &Study, configuration: u64) -> String {
    let (realisation, method) = study.configuration(configuration);
    let mut name = format!("{} {}", study.sets[realisation.set], study.methods[method].label);
    if study.noise_levels.len() > 1 {
        name += &format!(" {:e}", study.noise_levels[realisation.noise]);
    }
    if study.trials > 1 {
        name += &format!(" #{}", realisation.trial);
    }
    name
}
