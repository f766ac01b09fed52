//! Words between people and the program: settings as they write them, and messages that they read.

pub mod lenient;

mod aligned;
mod counted;
pub mod listed;
mod shown;
mod similar;
mod table;

pub use counted::counted;
pub use shown::{Shown, bash_quoted, harmless, is_plain};
pub use similar::{did_you_mean, most_similar};
pub use table::{broken, laid_out, prose, tabular};
