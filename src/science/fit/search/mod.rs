//! What the iterative searches share: an exact line search, and a stop for lack of time.

pub(crate) mod exact_step;
pub(crate) mod watched;
