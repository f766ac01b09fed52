//! What people look at first: the ranking of the methods, and `report.html`.

mod chance;
mod ranking;
mod ranking_text;

pub(super) use ranking::Ranking;
pub(super) use ranking_text::text as ranking_text;
