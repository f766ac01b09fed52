use super::*;

const COLUMNS: usize = 7;

/// A model of three points at 10, 12 and 14 GHz: emitter i has (i + 1) (1 + 2i) at the middle
/// one, and zero at the others.
fn triangle() -> PublishedModel {
    let column = |emitter: usize| {
        let scale = emitter as f64 + 1.0;
        vec![Complex64::ZERO, Complex64::new(scale, 2.0 * scale), Complex64::ZERO]
    };
    PublishedModel {
        chanscan: "LLSS".to_owned(),
        label: "TEST".to_owned(),
        nu_zero_ghz: 10.0,
        delta_nu_ghz: 2.0,
        omega_zero: 1.0,
        delta_omega: 1.0,
        normalization: 1.0,
        bins: 3,
        electronics_gain: vec![Complex64::ONE; 3],
        columns: (0..COLUMNS).map(|column| format!("E{column}")).collect(),
        emissivity: (0..COLUMNS).map(column).collect(),
        apodization: vec![1.0; IFG_LENGTH],
        bolometer: BolometerParameters {
            r0_ohm: 1.0,
            t0_k: 1.0,
            g1: 1.0,
            beta: 1.0,
            rho_k_per_v: 1.0,
            c1: 1.0,
            c3: 1.0,
            j0_v: 1.0,
            jg: 1.0,
            rl_ohm: 1.0,
        },
        state: PublishedBolometerState {
            bias_v: 1.0,
            volt_v: 1.0,
            bath_k: 1.0,
            temperature_k: 1.0,
            responsivity: -1.0,
            time_constant_s: 1.0,
        },
        corrections: Corrections::NONE,
    }
}

#[test]
fn the_axis_starts_at_nu_zero() {
    assert_eq!(triangle().frequencies_ghz(), [10.0, 12.0, 14.0]);
}

#[test]
fn values_between_the_points_are_linear() {
    let model = triangle();
    assert_eq!(model.emissivity_at(11.0)[0], Complex64::new(0.5, 1.0));
    assert_eq!(model.emissivity_at(13.5)[6], Complex64::new(1.75, 3.5));
    assert_eq!(model.emissivity_at(12.0)[2], Complex64::new(3.0, 6.0));
}

#[test]
fn values_outside_are_exactly_zero_and_the_ends_are_inside() {
    let mut model = triangle();
    model.emissivity[0] = vec![Complex64::ONE; 3];
    for outside in [f64::NEG_INFINITY, 0.0, 9.999, 14.001, f64::INFINITY, f64::NAN] {
        assert_eq!(model.emissivity_at(outside), [Complex64::ZERO; COLUMNS], "{outside}");
    }
    assert_eq!(model.emissivity_at(10.0)[0], Complex64::ONE);
    assert_eq!(model.emissivity_at(14.0)[0], Complex64::ONE);
}

#[test]
fn a_model_of_one_point_is_that_point() {
    let model = PublishedModel { bins: 1, ..triangle() };
    let first: Vec<Complex64> = model.emissivity.iter().map(|column| column[0]).collect();
    assert_eq!(model.emissivity_at(10.0), first);
    assert_eq!(model.emissivity_at(11.0), [Complex64::ZERO; COLUMNS]);
}
