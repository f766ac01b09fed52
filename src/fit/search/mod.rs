//! What the iterative searches share: a line search, and a watch on the clock.

pub(crate) mod exact_step;
pub(crate) mod watched;
