//! What the iterative searches share or stand on: an exact line search, a simplex, and a stop for lack of time.

pub(crate) mod exact_step;
pub(crate) mod simplex;
pub(crate) mod watched;
