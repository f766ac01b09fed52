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

/// Details of the triangle: more digits than the layout has, and a thermometer that it does not know.
fn details(model: &PublishedModel) -> ModelDetails {
    let nan = Complex64::new(f64::NAN, f64::NAN);
    let point = |row: usize| ModelPoint {
        bin: 5 + row,
        frequency_ghz: model.frequencies_ghz()[row],
        status: 0,
        is_in_band: true,
        chi2_per_degree: 1.0,
        rss: 9.0,
        condition: 3.0,
        emissivity: model.emissivity.iter().map(|column| column[row]).collect(),
        sigma: vec![0.1; COLUMNS],
        determined: vec![1; COLUMNS],
        covariance: vec![nan; COLUMNS * COLUMNS],
        relation: vec![nan; COLUMNS],
        response: Complex64::ONE,
        product: vec![Complex64::ONE; COLUMNS],
        product_sigma: vec![0.2; COLUMNS],
    };
    let values = model.shared_values();
    let offset = details::ModelParameter {
        name: "skyhorn_offset".to_owned(),
        column: String::new(),
        unit: "K".to_owned(),
        value: 1e-3,
        sigma: 1e-4,
        prior: 0.0,
        prior_sigma: f64::INFINITY,
        covariance: Vec::new(),
    };
    let of_layout = values.iter().map(|shared| details::ModelParameter {
        name: shared.name.to_owned(),
        column: shared.column.to_owned(),
        unit: shared.unit.to_owned(),
        value: shared.value,
        ..offset.clone()
    });
    ModelDetails {
        emitters: (0..COLUMNS).map(|i| format!("emitter {i}")).collect(),
        columns: model.columns.clone(),
        points: (0..model.bins).map(point).collect(),
        parameters: of_layout.chain([offset.clone()]).collect(),
        plateaus: Vec::new(),
    }
}

/// A model with numbers that single precision does not hold, in seven published columns and one more.
fn precise() -> PublishedModel {
    let mut model = triangle();
    model.columns = crate::science::data::published_columns().map(str::to_owned).to_vec();
    model.columns[3] = "MIRROR".to_owned();
    for (i, column) in model.emissivity.iter_mut().enumerate() {
        column.iter_mut().for_each(|value| *value += Complex64::new(0.1, 1.0 / (i as f64 + 3.0)));
    }
    model.bolometer.r0_ohm = 11.1;
    model.corrections.h2 = 1.1e-3;
    model.corrections.ical_drift.time_yr = 0.3;
    model.corrections.offsets_k.insert("skyhorn".to_owned(), 1e-3);
    model
}

#[test]
fn what_is_written_is_read_back_to_the_last_bit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.FITS");
    let model = precise();
    let details = details(&model);
    let text = NoteValue::Text("caf\u{e9}".to_owned());
    let notes = ModelNotes {
        dates: None,
        keywords: vec![("METHOD", text, "what"), ("LEVEL", NoteValue::Number(f64::NAN), "")],
        history: vec!["x".repeat(200)],
    };
    model.write(&path, &details, &notes).unwrap();
    let columns: Vec<&str> = model.columns.iter().map(String::as_str).collect();
    let (read, found) = PublishedModel::read_with_details(&path, &columns).unwrap();
    assert_eq!(read, model);
    let found = found.unwrap();
    assert_eq!(found.emitters, details.emitters);
    assert_eq!(found.parameters, details.parameters);
    // NaN is not equal to itself, but written the same.
    assert_eq!(format!("{:?}", found.points), format!("{:?}", details.points));
    let bytes = std::fs::read(&path).unwrap();
    model.write(&path, &details, &notes).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
    // An emitter that was not fitted has no value to be read.
    let error = PublishedModel::read(&path, &["REFHORN"]).unwrap_err().to_string();
    assert!(error.contains("column RREFHORN") && error.contains("is NaN at index 0"), "{error}");
}

#[test]
fn a_value_that_was_edited_in_the_layout_counts() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.FITS");
    let model = precise();
    let mut details = details(&model);
    details.parameters[0].value = 12.0;
    details.points[1].emissivity[0] = Complex64::new(7.0, model.emissivity[0][1].im);
    model.write(&path, &details, &ModelNotes::default()).unwrap();
    let columns: Vec<&str> = model.columns.iter().map(String::as_str).collect();
    let read = PublishedModel::read(&path, &columns).unwrap();
    assert_eq!(read.bolometer.r0_ohm, f64::from(11.1_f32));
    assert_eq!(read.emissivity[0][1].re, f64::from(model.emissivity[0][1].re as f32));
    assert_eq!(read.emissivity[0][1].im, model.emissivity[0][1].im);
    assert_eq!(read.corrections, model.corrections);
}

#[test]
fn the_layout_has_the_published_columns_in_their_order() {
    let mut model = triangle();
    model.columns = crate::science::data::published_columns().map(str::to_owned).to_vec();
    let columns = layout::columns(&model);
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names.len(), 45);
    assert_eq!(
        names[..6],
        ["RELEX_GA", "IELEX_GA", "RTRANSFE", "ITRANSFE", "TIME_CON", "DC_RESPO"]
    );
    assert_eq!(
        names[16..22],
        ["BOLPARM10", "BOLOM_BI", "BOLOM_VO", "BOLOM_TE", "BOLOM_B2", "RICAL"]
    );
    assert_eq!(names[41..], ["DRIFT_AM", "DRIFT_TC", "DRIFT_OF", "XCAL_COR"]);
    assert_eq!(layout::columns(&precise()).len(), 47);
    let gone = layout::columns(&precise()).into_iter().find(|c| c.name == "RREFHORN").unwrap();
    assert!(gone.values[..3].iter().all(|value| value.is_nan()) && gone.values[3] == 0.0);
}
