//! What people look at first: the ranking of the methods, and `report.html`.

mod chance;
mod comparison;
mod emissivity;
mod evidence;
mod facts;
mod methods;
mod page;
mod parameters;
mod parts;
mod ranking;
mod ranking_text;
mod records;
mod repeat;
mod residual_figures;
mod verdict;

pub(super) use evidence::{Evidence, correlated_bins};
pub(super) use facts::{Facts, published};
pub(super) use page::render;
pub(super) use ranking::{Ranking, reference_of};
pub(super) use ranking_text::text as ranking_text;
