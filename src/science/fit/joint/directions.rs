//! Which directions of the shared parameters the data leave open.

use crate::science::fit::linear::singular_values::svd_of;

use super::newton::NewtonSystem;
use super::parameters::{FARTHEST, Parameters};

/// Parts of a direction below this are not told.
const TOLD: f64 = 0.1;

/// The directions whose standard error is more than [`FARTHEST`] usual priors, each as a sum of
/// parameters.
///
/// The normal matrix of the shared parameters, all emissivities (and, with plateaus, their temperatures)
/// eliminated, is the information on them; its eigenvectors of small eigenvalues are these directions.
pub(super) fn undetermined(system: &NewtonSystem, parameters: &Parameters) -> Vec<String> {
    let n = system.shared;
    let information = system.shared_information();
    let decomposition = svd_of(information, n);
    let least = 0.5 / (FARTHEST * FARTHEST);
    let names: Vec<&str> =
        parameters.free.iter().map(|&place| parameters.all[place].name.as_str()).collect();
    let small = (0..n).filter(|&i| decomposition.values[i] < least);
    small.map(|i| told(&decomposition.v[i * n..][..n], &names)).collect()
}

/// A direction in words, the largest part first and positive.
fn told(direction: &[f64], names: &[&str]) -> String {
    let mut parts: Vec<(f64, &str)> =
        direction.iter().copied().zip(names.iter().copied()).collect();
    parts.sort_by(|a, b| b.0.abs().total_cmp(&a.0.abs()));
    let sign = parts.first().map_or(1.0, |(part, _)| part.signum());
    let mut text = String::new();
    for (part, name) in parts.iter().filter(|(part, _)| part.abs() >= TOLD) {
        let part = part * sign;
        let operator = match (text.is_empty(), part < 0.0) {
            (true, _) => "",
            (false, true) => " - ",
            (false, false) => " + ",
        };
        text += &format!("{operator}{:.2} {name}", part.abs());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::told;

    #[test]
    fn a_direction_is_told_by_its_parts() {
        let direction = [0.05, -0.8, 0.6];
        assert_eq!(told(&direction, &["a", "b", "c"]), "0.80 b - 0.60 c");
    }
}
