//! Words between people and the program: settings as they write them, and messages that they read.

pub mod lenient;

mod aligned;
mod counted;
mod shown;
mod similar;

pub use aligned::aligned;
pub use counted::counted;
pub use shown::{Shown, bash_quoted, harmless, is_plain};
pub use similar::{did_you_mean, most_similar};
