//! Runs programs that come from outside: each in a process group of its own, killed with its children
//! when its time is up, its standard output and error kept, in a private folder that goes afterwards.
//! Reasons that quote them have no path of such a folder in them, no time, and no number of a process.
//!
//! It knows neither what a program is for nor what asks for it.

mod ending;
mod folder;
mod logs;
mod running;
mod said;
mod text;

pub(crate) use ending::{how_it_ended, instead_of, judge_end, told_by_code, was_stopped};
pub(crate) use folder::PrivateFolder;
pub(crate) use logs::{Kept, Logs};
pub(crate) use running::{Ending, Running};
pub(crate) use said::{Said, said, said_meanwhile};
pub(crate) use text::{one_line, start};
