//! The linear algebra of one bin: factorisations and least squares. Knows no method.

pub(crate) mod chain;
pub(crate) mod cholesky;
pub(crate) mod gram;
pub(crate) mod householder;
pub(crate) mod iterate;
pub(crate) mod least_squares;
pub(crate) mod singular_values;
pub(crate) mod symmetric;
pub(crate) mod system;
pub(crate) mod vector;
pub(crate) mod weighted;
