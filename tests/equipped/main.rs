//! The integration tests that need something that may be absent (reference data, Python, Slurm, a
//! small disk), in one binary with a harness that reports such tests as ignored, with the reason.

#[path = "../support/mod.rs"]
mod support;

mod browser;
mod calibration_model;
mod commit;
mod configs;
mod corrections;
mod exact_methods;
mod external_scipy;
mod faults;
mod flight;
mod fresh_root;
mod full_disk;
mod joint;
mod mended;
mod on_slurm;
mod other_processors;
mod peers;
mod published_figures;
mod published_model;
mod python_files;
mod python_products;
mod readme;
mod reference_solutions;
mod room;
mod same_bytes_measured;
mod schema;
mod shells;
mod studies;
mod threads;
mod wheel;

use support::Trial;

type Module = (&'static str, fn() -> Vec<Trial>);

/// In the order in which they begin: what takes longest is first.
const MODULES: [Module; 29] = [
    ("faults", faults::trials),
    ("wheel", wheel::trials),
    ("mended", mended::trials),
    ("on_slurm", on_slurm::trials),
    ("studies", studies::trials),
    ("readme", readme::trials),
    ("calibration_model", calibration_model::trials),
    ("browser", browser::trials),
    ("commit", commit::trials),
    ("configs", configs::trials),
    ("corrections", corrections::trials),
    ("exact_methods", exact_methods::trials),
    ("external_scipy", external_scipy::trials),
    ("flight", flight::trials),
    ("fresh_root", fresh_root::trials),
    ("full_disk", full_disk::trials),
    ("joint", joint::trials),
    ("other_processors", other_processors::trials),
    ("peers", peers::trials),
    ("published_figures", published_figures::trials),
    ("published_model", published_model::trials),
    ("python_files", python_files::trials),
    ("python_products", python_products::trials),
    ("reference_solutions", reference_solutions::trials),
    ("room", room::trials),
    ("same_bytes_measured", same_bytes_measured::trials),
    ("schema", schema::trials),
    ("shells", shells::trials),
    ("threads", threads::trials),
];

fn main() {
    let arguments = libtest_mimic::Arguments::from_args();
    let of_module = |(module, trials): Module| trials().into_iter().map(|t| t.in_module(module));
    let trials = MODULES.into_iter().flat_map(of_module).collect();
    libtest_mimic::run(&arguments, trials).exit()
}
