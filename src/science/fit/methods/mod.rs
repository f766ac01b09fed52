//! The estimators, one a file. `fit::registry` lists them.

pub(crate) mod huber;
pub(crate) mod joint;
pub(crate) mod lad;
pub(crate) mod lbfgs;
pub(crate) mod legacy_regression;
pub(crate) mod levenberg_marquardt;
pub(crate) mod model_prior;
pub(crate) mod nelder_mead;
pub(crate) mod ols;
pub(crate) mod plateau;
pub(crate) mod ridge;
pub(crate) mod smooth;
pub(crate) mod student_t;
pub(crate) mod tls;
pub(crate) mod tsvd;
pub(crate) mod tukey;
pub(crate) mod warm_start;
pub(crate) mod wls;
