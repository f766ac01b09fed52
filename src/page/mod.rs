//! Pages for people: one self-contained file each, readable without scripts, the same bytes from the same
//! content. Figures are inline SVG; where scripts run, they show values and zoom.

mod document;
mod number;
mod plot;
mod scale;
mod table;

pub use document::{Document, figure_grid, note};
pub use maud::{Markup, html};
pub use number::{count, percent, short};
pub use plot::{Plot, Shape};
pub use scale::Scale;
pub use table::{Cell, Table};
