//! The integration tests that need nothing but the program, in one binary: linking takes longer
//! than most of them. Each module is named for what it proves.
//!
//! Two tests run at a time on two processors, of any modules. One that fills the machine, or
//! measures times or memory, takes its `support::turn`.

#[path = "../support/mod.rs"]
mod support;

mod all_bins;
mod at_home;
mod audit;
mod bad_input;
mod calibration_model;
mod closed_loop;
mod commands;
mod damage;
mod emitters;
mod extend;
mod foretell;
mod frozen;
mod honest_error_bars;
mod hostile;
mod joint;
mod joint_bytes;
mod joint_draws;
mod larger_than_memory;
mod layers;
mod layout;
mod limits;
mod little;
mod measured_trials;
mod memory;
mod no_silent_mistake;
mod open_files;
mod outliers;
mod owner;
mod plan_scale;
mod profile;
mod programs;
mod progress;
mod refit;
mod report;
mod same_bytes;
mod simulate;
mod study_tables;
mod submit;
mod submit_wording;
mod survive;
mod terminals;
mod thermometers;
mod two_at_once;
mod wording;
