use super::*;

/// A model of two emitters, whose values are off by so many error bars of 0.1 in each bin.
fn side(off: f64, sigma: f64, step: f64) -> Side {
    let point = |k: usize| {
        let frequency_ghz = 100.0 + step * k as f64;
        let value = Complex64::new(frequency_ghz / 100.0, off * 0.1);
        SidePoint {
            bin: Some(k),
            frequency_ghz,
            emissivity: vec![value, -value],
            sigma: vec![sigma; 2],
            product: vec![value * 2.0, value],
            product_sigma: vec![2.0 * sigma; 2],
        }
    };
    let parameter = SideParameter { name: "h2".into(), unit: "1".into(), value: off, sigma };
    Side {
        name: "side".into(),
        set: "llss".into(),
        method: None,
        emitters: vec!["xcal".into(), "ical".into()],
        points: (0..9).map(point).collect(),
        parameters: vec![parameter],
    }
}

#[test]
fn the_same_model_does_not_differ_and_another_by_its_error_bars() {
    let (plain, off) = (side(0.0, 0.1, 10.0), side(3.0, 0.1, 10.0));
    let same = compare(&plain, &plain);
    assert_eq!((same.bins, same.interpolated, same.error_bars), (9, 0, "both"));
    assert_eq!(same.emitters[0].rms_sigma, Some(0.0));
    let found = compare(&off, &plain);
    let expected = 3.0 / 2f64.sqrt();
    for emitter in &found.emitters {
        assert!((emitter.rms_sigma.unwrap() - expected).abs() < 1e-12);
        assert_eq!(emitter.worst.len(), WORST);
    }
    assert!((found.emitters[0].product_rms_sigma.unwrap() - expected).abs() < 1e-12);
    assert!((found.parameters[0].sigma.unwrap() - 3.0 / 0.02f64.sqrt()).abs() < 1e-9);
}

#[test]
fn error_bars_of_one_side_are_enough_and_without_any_values_are_compared() {
    let (with, without) = (side(3.0, 0.1, 10.0), side(0.0, f64::NAN, 10.0));
    for (a, b, bars) in [(&with, &without, "a"), (&without, &with, "b")] {
        let found = compare(a, b);
        assert_eq!(found.error_bars, bars);
        assert!((found.emitters[0].rms_sigma.unwrap() - 3.0).abs() < 1e-12);
    }
    let neither = side(3.0, f64::NAN, 10.0);
    let found = compare(&neither, &without);
    assert_eq!((found.error_bars, found.emitters[0].rms_sigma), ("none", None));
    assert!(found.emitters[0].relative.unwrap() > 0.1);
    assert_eq!(found.parameters[0].sigma, None);
    assert!(table(&found).contains("neither has error bars"));
}

#[test]
fn other_axes_are_interpolated_and_what_is_outside_is_left_out() {
    let (a, b) = (side(0.0, 0.1, 10.0), side(0.0, 0.1, 15.0));
    let found = compare(&a, &b);
    assert_eq!((found.bins, found.interpolated), (9, 6));
    assert!(found.emitters[0].rms_sigma.unwrap() < 1e-12);
    let found = compare(&b, &a);
    assert_eq!((found.bins, found.interpolated), (6, 3));
    assert!(table(&found).contains("B interpolated linearly at 3 of them"));
}
