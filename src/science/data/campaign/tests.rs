//! Corrections of a campaign: what was put into a simulation is taken out again.

use num_complex::Complex64;

use super::*;
use crate::foundations::numerics::math::modulus;
use crate::science::data::corrections::CorrectionChoice;
use crate::science::data::settings::{
    Baseline, DataSettings, InstrumentSettings, SimulateSettings,
};
use crate::science::data::{BolometerTemperature, Draw, Resampling, choose_emitters, truth_of};
use crate::science::fit::joint::BinSource;
use crate::science::fit::{Constraint, eliminated_emitter, fit_bin, method};
use crate::science::instrument::{IcalDrift, PUBLISHED_LL, VibrationOffsets};

/// The published ones and more, so that each matters.
fn some() -> Corrections {
    Corrections {
        xcal_offset_k: -1.457e-3,
        ical_drift: IcalDrift { amplitude_k: 4.26e-3, time_yr: 0.3175, offset_k: -3.054e-3 },
        offsets_k: [("skyhorn".into(), 2e-3), ("bolometer".into(), -3e-3)].into(),
        h2: 1.106e-3,
        h3: -1.2e-3,
        primary_vibration: [1.122e-5, 6.684e-5, -4.738e-4, 9.262e-4, -5.443e-4],
        secondary_vibration: -2e-6,
    }
}

/// A campaign of these settings.
fn prepared(
    simulate: &SimulateSettings,
    instrument: &InstrumentSettings,
    set: &str,
) -> Result<Campaign, DataError> {
    let data = DataSettings::default();
    let emitters = choose_emitters(&data, &[], BolometerTemperature::Operating).unwrap();
    let recipe = Recipe { data: &data, simulate, instrument, emitters: &emitters, seed: 3 };
    Campaign::prepare(set.parse().unwrap(), &recipe)
}

fn values(corrections: &Corrections) -> CorrectionChoice {
    CorrectionChoice::Values(Box::new(corrections.clone()))
}

/// The truth needs `put_in`; the fit makes `made`.
fn campaign(put_in: &Corrections, made: &Corrections) -> Campaign {
    let simulate = SimulateSettings {
        records: 360,
        corrections: values(put_in),
        biases: vec![25.0, 35.0, 45.0],
        ..Default::default()
    };
    let instrument = InstrumentSettings { corrections: values(made), ..Default::default() };
    prepared(&simulate, &instrument, "llss").unwrap()
}

/// The largest error of the transfer function without noise, relative to itself, at some bins.
fn error_of_otf(campaign: &Campaign) -> f64 {
    let bins: Vec<usize> = (5..=36).step_by(3).collect();
    let realisation = campaign.realise(&Draw::of_noise(0.0, 1), &bins).unwrap();
    let data = DataSettings::default();
    let truth = truth_of("llss".parse().unwrap(), &data, &campaign.emitters).unwrap().unwrap();
    let truth = truth.on(campaign.axis(), &campaign.emitters);
    let wls = method("wls").unwrap().with_defaults();
    let error = |position: usize| {
        let bin = campaign.bin_data(&realisation, position);
        let columns = bin.columns();
        let problem = realisation.problem(&bin, &columns, Constraint::Kirchhoff);
        let outcome = fit_bin(wls.as_ref(), &problem);
        let truth = truth[bin.bin][0];
        modulus(outcome.solution().unwrap().emissivity[0] - truth) / modulus(truth)
    };
    (0..bins.len()).map(error).fold(0.0, f64::max)
}

#[test]
fn what_was_put_in_is_taken_out() {
    let error = error_of_otf(&campaign(&some(), &some()));
    assert!(error < 1e-9, "{error:e}");
    // Each alone, and left as it is.
    for (alone, least) in [
        (Corrections { xcal_offset_k: -1.457e-3, ..Corrections::NONE }, 1e-5),
        (Corrections { ical_drift: some().ical_drift, ..Corrections::NONE }, 1e-5),
        (Corrections { offsets_k: some().offsets_k, ..Corrections::NONE }, 1e-7),
        (Corrections { h2: some().h2, ..Corrections::NONE }, 1e-6),
        (Corrections { h3: some().h3, ..Corrections::NONE }, 1e-6),
        (Corrections { primary_vibration: some().primary_vibration, ..Corrections::NONE }, 1e-6),
        (Corrections { secondary_vibration: -2e-6, ..Corrections::NONE }, 1e-9),
    ] {
        let (with, without) = (
            error_of_otf(&campaign(&alone, &alone)),
            error_of_otf(&campaign(&alone, &Corrections::NONE)),
        );
        println!("{alone:?}: {with:e}, {without:e}");
        assert!(with < 1e-9 && without > least, "{alone:?}: {with:e}, {without:e}");
    }
}

#[test]
fn temperatures_are_corrected_and_readings_are_not() {
    let campaign = campaign(&some(), &some());
    let realisation = campaign.realise(&Draw::of_noise(0.0, 1), &[20]).unwrap();
    let shared = campaign.shared_inputs(&realisation);
    let bin = campaign.bin_data(&realisation, 0);
    let fitted = realisation.context(&bin).temperatures;
    let years = shared.years.clone().unwrap();
    assert_eq!((shared.operating, shared.plateaus.len()), (Some(6), 360));
    for (i, emitter) in campaign.emitters.iter().enumerate() {
        for record in [0, 100, 359] {
            let read = shared.readings_k[i][record];
            let expected = some().temperature(emitter.name(), read, years[record]);
            assert_eq!(fitted[i][record], expected, "{emitter}");
        }
    }
    // Operating by the voltages, which follow from the bias.
    let state = |r: usize| {
        shared.bolometer.state(shared.bias_v[r], shared.volt_v[r], shared.bath_k[r]).unwrap()
    };
    assert_eq!(shared.readings_k[6][50], state(50).temperature_k);
    assert!((shared.bias_v[0] * 25.5 - 25.0).abs() < 1e-12);
    assert!((shared.bias_v[45] * 25.5 - 45.0).abs() < 1e-12);
    assert_eq!((shared.bolometer, shared.model_corrections), (PUBLISHED_LL, None));
    assert_eq!(shared.corrections, some());
    let mean = shared.volt_v.iter().sum::<f64>() / 360.0;
    assert!((shared.mission_state.1 - mean).abs() < 1e-12);
}

/// The spectrum before the bolometer at all bins, `[bin][record]`, and regressors by their definition.
#[test]
fn regressors_are_the_sums_of_the_flight_model() {
    let campaign = campaign(&some(), &Corrections::NONE);
    let all: Vec<usize> = (0..SPECTRUM_BINS).collect();
    let boot = Draw { noise_level: 0.01, trial: 1, trials: 2, resampling: Resampling::Bootstrap };
    let held_out = campaign.realise(&boot, &[20]).unwrap();
    let count = campaign.held_out_inputs(&held_out).unwrap().years.unwrap().len();
    assert!(count > 0 && count < 360);
    let records = campaign.held_out_joint_records(&held_out, [false; 4]).unwrap();
    let bin = records.load(0);
    assert_eq!((bin.data.len(), bin.variance.len()), (count, count));
    for draw in [Draw::of_noise(0.01, 1), boot] {
        let realisation = campaign.realise(&draw, &all).unwrap();
        let subset = &realisation.fitted;
        let tau = &subset.time_constant_s;
        let s0: Vec<f64> =
            subset.inverse_responsivity.iter().map(|inverse| 1.0 / inverse).collect();
        let b = |bin: usize, r: usize| Complex64::new(1.0, campaign.gain.omega(bin) * tau[r]);
        let bins: Vec<JointBin> =
            all.iter().map(|k| campaign.joint_bin(&realisation, *k, [true; 4])).collect();
        let v = |bin: usize, r: usize| match campaign.blocked[bin] {
            true => Complex64::ZERO,
            false => bins[bin].data[r] * s0[r] / b(bin, r),
        };
        let VibrationOffsets { primary, secondary } =
            VibrationOffsets::of("llss".parse().unwrap(), 512).unwrap();
        for k in [1, 5, 19, 20, 37, 130, 131, 255, 256] {
            for r in [0, 77, 300] {
                let h2 = (b(k, r) + 1.0) / 4.0 / s0[r] * (v(k / 2, r) + v(k.div_ceil(2), r));
                let thirds = v(k / 3, r) + v((k + 1) / 3, r) + v(k.div_ceil(3), r);
                let h3 = (b(k, r) + 2.0) / 9.0 / s0[r] * thirds;
                let shifted = |by: usize| {
                    let from = k.abs_diff(by);
                    b(from, r) * v(from, r) * ((k as f64 - by as f64) / s0[r])
                };
                for (found, expected) in
                    bins[k].terms.iter().zip([h2, h3, shifted(primary), shifted(secondary)])
                {
                    let found = found.as_ref().unwrap()[r];
                    let error = modulus(found - expected) / (modulus(expected) + 1e-300);
                    assert!(error < 1e-12, "bin {k}, record {r}: {found} {expected}");
                }
            }
        }
    }
}

#[test]
fn a_few_bins_with_support_have_the_regressors_of_all() {
    let campaign = campaign(&some(), &Corrections::NONE);
    let (draw, few) = (Draw::of_noise(0.01, 1), [7, 40, 131]);
    let all: Vec<usize> = (0..SPECTRUM_BINS).collect();
    let whole = campaign.realise(&draw, &all).unwrap();
    let some = campaign.realise_with_support(&draw, &few, [true; 4]).unwrap();
    // 3, 2, 12 and 123; 20, 13, 14, 21 and 90; 65, 66, 43, 44, 112 and 1.
    assert_eq!(some.support, [1, 2, 3, 4, 12, 13, 14, 20, 21, 43, 44, 65, 66, 90, 112, 123]);
    for (position, bin) in few.into_iter().enumerate() {
        let (a, b) = (
            campaign.joint_bin(&some, position, [true; 4]),
            campaign.joint_bin(&whole, bin, [true; 4]),
        );
        assert!(
            a.bin == bin
                && a.data == b.data
                && a.terms == b.terms
                && a.variance[..] == b.variance[..]
        );
    }
    let without = campaign.realise(&draw, &few).unwrap();
    assert!(without.support.is_empty() && without.transforms.len() == 3 * 364);
    let bin = campaign.joint_bin(&without, 1, [true, false, true, true]);
    assert!(bin.terms.iter().all(Option::is_none));
    assert!(!bin.is_in_band && !bin.is_blocked && bin.omega == campaign.gain.omega(40));
}

#[test]
fn what_is_fitted_is_the_spectrum_less_its_terms() {
    let campaign = campaign(&some(), &some());
    let realisation = campaign.realise(&Draw::of_noise(0.01, 1), &[22]).unwrap();
    let (fitted, joint) =
        (campaign.bin_data(&realisation, 0), campaign.joint_bin(&realisation, 0, [true; 4]));
    let years = campaign.shared_inputs(&realisation).years.unwrap();
    let [Some(h2), Some(h3), Some(vp), Some(vs)] = &joint.terms else { panic!("all are there") };
    for (r, years) in years.into_iter().enumerate() {
        let less = h2[r] * some().h2 + h3[r] * some().h3 + vs[r] * some().secondary_vibration;
        let less = less + vp[r] * some().primary_vibration_at(years);
        let error = modulus(joint.data[r] - less - fitted.data[r]) / modulus(joint.data[r]);
        assert!(error < 1e-12, "record {r}: {error:e}");
    }
    assert!(joint.variance[..] == fitted.variance[..]);
}

#[test]
fn errors_that_all_bins_share_are_put_into_a_simulation() {
    let simulate = SimulateSettings {
        records: 120,
        bolometer_error: 0.005,
        plateau_error_k: 1e-3,
        biases: vec![25.0, 35.0, 45.0],
        ..Default::default()
    };
    let instrument = InstrumentSettings { baseline: Baseline::None, ..Default::default() };
    let off = prepared(&simulate, &instrument, "llss").unwrap();
    let truth = off.true_parameters().unwrap();
    assert!(truth.bolometer != PUBLISHED_LL && off.bolometer == PUBLISHED_LL);
    assert!(error_of_otf(&off) > 1e-3);
    let exact = SimulateSettings { plateau_error_k: 0.0, ..simulate };
    let known = InstrumentSettings { bolometer: Some(truth.bolometer), ..instrument };
    // The bolometer's true parameters are drawn around those that are assumed; with none of this drawn
    // and the same assumed, what thermometers read differs by the errors alone.
    let same = SimulateSettings { bolometer_error: 0.0, ..exact };
    let right = prepared(&same, &known, "llss").unwrap();
    assert!(error_of_otf(&right) < 1e-9);
    for record in [0, 30, 119] {
        for (body, emitter) in [(0, 0), (1, 1), (2, 3), (3, 4)] {
            let read = |campaign: &Campaign| campaign.selected.temperatures[emitter][record];
            let error = truth.plateau_errors_k[truth.plateaus[record]][body];
            assert!(error != 0.0 && (read(&right) - read(&off) - error).abs() < 1e-14);
        }
    }
}

#[test]
fn vibrations_of_a_scan_mode_that_has_none_are_refused() {
    let instrument = InstrumentSettings {
        corrections: values(&Corrections { secondary_vibration: 1e-6, ..Corrections::NONE }),
        ..Default::default()
    };
    let simulate = SimulateSettings { records: 12, ..Default::default() };
    let error = prepared(&simulate, &instrument, "llls").unwrap_err().to_string();
    assert!(error.contains("llls: instrument.corrections has vibrations"), "{error}");
}

#[test]
fn the_hottest_records_tell_which_emitter_is_eliminated() {
    for corrections in [&Corrections::NONE, &some()] {
        let campaign = campaign(&some(), corrections);
        let all: Vec<usize> = (0..SPECTRUM_BINS).collect();
        let realisation = campaign.realise(&Draw::of_noise(0.0, 1), &all).unwrap();
        let found = campaign.eliminated_at(&all);
        for bin in all {
            let data = campaign.bin_data(&realisation, bin);
            let expected = eliminated_emitter(Constraint::Kirchhoff, &data.columns());
            assert_eq!(found[bin], expected, "bin {bin}");
        }
    }
}
