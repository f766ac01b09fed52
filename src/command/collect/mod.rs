//! From the results of units to the products of a study.
//!
//! A [`UnitCollector`] takes one unit after another, and writes what it brings to a private folder at once:
//! memory holds one unit, and a few numbers for each. The rows of a table go to a file of their own until
//! all columns are known, and are read again from there. [`Products::publish`] then puts each file and
//! folder in its place, whole.

mod asides;
mod collector;
mod error;
mod keys;
mod names;
mod outputs;
mod parse;
mod preview;
mod product_table;
mod products;
mod publish;
mod reduce;
mod rows;
mod statistics;
mod summary;
mod table_problem;
mod tables;
mod unit_tables;

#[cfg(test)]
mod tests;
mod written;

pub(super) use collector::UnitCollector;
pub(super) use error::CollectError;
pub(super) use preview::Previewer;
pub(super) use products::TableCount;
pub(super) use reduce::{ReduceContext, Reduced, reduce};
