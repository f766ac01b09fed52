//! What the robust estimators share: iterations, and error bars by the sandwich formula.

pub(crate) mod irls;
pub(crate) mod sum_of_moduli;
pub(crate) mod whitened;
