//! The published model, and the truth that was interpolated from it.

use std::error::Error;
use std::fs::File;
use std::io::Write;
use std::path::Path;

use crate::support::{Trial, required, trial};
use flate2::Compression;
use flate2::write::GzEncoder;
use libtest_mimic::Failed;
use ndarray::{Array1, Array2};
use ndarray_npy::NpzReader;
use num_complex::Complex64;
use otfhpc::foundations::npz::{NpzFile, SourceType};
use otfhpc::science::data::model::{ModelError, PublishedModel};
use otfhpc::science::data::published_columns;

const MODEL: &str = "FIRAS_CALIBRATION_MODEL_LLSS.FITS";

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("values_are_those_astropy_reads", &[MODEL], values_are_those_astropy_reads),
        trial("emissivities_of_a_point_sum_to_zero", &[MODEL], emissivities_sum_to_zero),
        trial("truth_is_the_interpolated_model", &[MODEL, "cal_clean_expected.npz"], || {
            truth_is_interpolated("cal_clean_expected.npz")
        }),
        trial("truth_of_the_noisy_data_too", &[MODEL, "cal_expected.npz"], || {
            truth_is_interpolated("cal_expected.npz")
        }),
        trial("a_gzipped_model_reads_the_same", &[MODEL], a_gzipped_model_reads_the_same),
        trial("errors_say_what_to_do", &[MODEL], errors_say_what_to_do),
        trial("damage_never_panics", &[MODEL], damage_never_panics),
        trial("truncation_is_an_error", &[MODEL], truncation_is_an_error),
        trial("the_calibration_data_read", &["cal.npz"], the_calibration_data_read),
    ]
}

fn a_gzipped_model_reads_the_same() -> Result<(), Failed> {
    let (folder, plain) = (tempfile::tempdir()?, required(MODEL)?);
    let path = folder.path().join("model.FITS.gz");
    let gzip = |bytes: &[u8]| -> std::io::Result<()> {
        let mut file = GzEncoder::new(std::fs::File::create(&path)?, Compression::default());
        file.write_all(bytes)?;
        file.finish().map(drop)
    };
    gzip(&std::fs::read(&plain)?)?;
    assert_eq!(read_model(&path)?, read_model(&plain)?);
    // What is no model within is said, and a bomb does not go off.
    gzip(b"SIMPLY no model")?;
    let error = read_model(&path).err().ok_or("accepted")?.to_string();
    assert!(error.contains("is not a FITS file (it starts with \"SIMPLY"), "{error}");
    gzip(&vec![b' '; 20 << 20])?;
    let error = read_model(&path).err().ok_or("accepted")?.to_string();
    assert!(error.contains("compressed with gzip (it holds more than 16777216 bytes)"), "{error}");
    let whole = std::fs::read(&path)?;
    std::fs::write(&path, &whole[..whole.len() / 2])?;
    let error = read_model(&path).err().ok_or("accepted")?.to_string();
    assert!(error.contains("compressed with gzip ("), "{error}");
    Ok(())
}

fn read_model(path: &Path) -> Result<PublishedModel, ModelError> {
    PublishedModel::read(path, &published_columns())
}

fn close(found: f64, printed: f64) -> bool {
    (found - printed).abs() <= 1e-6 * printed.abs()
}

fn values_are_those_astropy_reads() -> Result<(), Failed> {
    let model = read_model(&required(MODEL)?)?;
    assert_eq!((model.chanscan.as_str(), model.label.as_str()), ("LLSS", "PASS4"));
    assert_eq!((model.nu_zero_ghz, model.delta_nu_ghz), (68.020812, 13.604162));
    assert_eq!((model.omega_zero, model.delta_omega), (11.149872, 2.2299744));
    assert_eq!((model.normalization, model.bins), (7.479336, 43));
    assert_eq!(model.electronics_gain.len(), 43);
    assert_eq!(model.apodization.len(), 512);
    assert_eq!(model.apodization[0], 1.0);
    for (found, printed) in [
        (model.electronics_gain[0].re, -101.361885),
        (model.electronics_gain[0].im, -34.94723),
        (model.emissivity[0][0].re, 0.04870112),
        (model.emissivity[1][0].im, -0.00704437),
        (model.emissivity[2][0].re, -1.8995224e-05),
        (model.emissivity[3][0].re, -0.0008113),
        (model.emissivity[4][0].im, 8.8790337e-05),
        (model.emissivity[5][0].re, 4.1727355e-04),
        (model.emissivity[6][0].im, 9.8049059e-06),
        (model.bolometer.r0_ohm, 11.938669),
        (model.bolometer.t0_k, 371.645),
        (model.bolometer.g1, 2.125785e-08),
        (model.bolometer.beta, 1.172),
        (model.bolometer.rho_k_per_v, 2.3263578),
        (model.bolometer.c1, 5.8665056e-10),
        (model.bolometer.c3, 2.428e-10),
        (model.bolometer.j0_v, 1.662232),
        (model.bolometer.jg, 0.92),
        (model.bolometer.rl_ohm, 4e7),
        (model.state.bias_v, 1.372549),
        (model.state.volt_v, 2.065718),
        (model.state.bath_k, 1.5309418),
        (model.state.temperature_k, 1.8121065),
        (model.state.responsivity, -1.9348202),
        (model.state.time_constant_s, 0.0446905),
    ] {
        // astropy prints eight digits, and fewer of numbers below one.
        assert!(close(found, printed) || (found - printed).abs() < 5e-9, "{found} {printed}");
    }
    Ok(())
}

fn emissivities_sum_to_zero() -> Result<(), Failed> {
    let model = read_model(&required(MODEL)?)?;
    for point in 0..model.bins {
        let sum: Complex64 = model.emissivity.iter().map(|column| column[point]).sum();
        assert!(sum.l1_norm() < 1e-8, "{sum} at point {point}");
    }
    Ok(())
}

/// The truth is the model on the 257 bins of 512 points, to the last bit.
fn truth_is_interpolated(expected: &str) -> Result<(), Failed> {
    let model = read_model(&required(MODEL)?)?;
    let mut archive = NpzReader::new(File::open(required(expected)?)?)?;
    let frequency: Array1<f64> = archive.by_name("frequency_ghz")?;
    let truth: Array2<Complex64> = archive.by_name("truth_emissivity")?;
    let mut nonzero = Vec::new();
    for (bin, &frequency) in frequency.iter().enumerate() {
        let found = model.emissivity_at(frequency);
        assert_eq!(truth.row(bin).to_vec(), found, "bin {bin}");
        if found != [Complex64::ZERO; 7] {
            nonzero.push(bin);
        }
    }
    // Bin 4 is at the model's first point, but below it by 3e-6 GHz: the header is rounded.
    assert_eq!(nonzero, (5..=37).collect::<Vec<_>>());
    Ok(())
}

/// What reading a file of these `bytes` gives.
fn read(bytes: &[u8]) -> Result<PublishedModel, Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("model.fits");
    std::fs::write(&path, bytes)?;
    Ok(read_model(&path)?)
}

/// `bytes` with the first `from` replaced by `to`, of the same length.
fn replaced(bytes: &[u8], from: &str, to: &str) -> Result<Vec<u8>, Failed> {
    assert_eq!(from.len(), to.len());
    let mut bytes = bytes.to_vec();
    let mut windows = bytes.windows(from.len());
    let place = windows.position(|window| window == from.as_bytes()).ok_or("not in the file")?;
    bytes[place..place + to.len()].copy_from_slice(to.as_bytes());
    Ok(bytes)
}

fn errors_say_what_to_do() -> Result<(), Failed> {
    let bytes = std::fs::read(required(MODEL)?)?;
    for (from, to, expected) in [
        ("NUM_FREQ=                   43", "NUM_FREQ=                  211", "NUM_FREQ of"),
        ("NUM_FREQ=                   43", "NUM_FREQ=                  211", "is 211: expected a"),
        ("NUM_FREQ=                   43", "NUM_FREQ=                    0", "number from 1 to"),
        ("NUM_FREQ=                   43", "NUM_FREQ=                  4.5", "is not readable"),
        ("DELTA_NU=            13.604162", "DELTA_NU=           -13.604162", "is -13.604162: e"),
        ("DELTA_NU=            13.604162", "DELTA_XX=            13.604162", "missing from the"),
        ("CHANSCAN= 'LLSS    '", "CHANSCAN= '        '", "CHANSCAN of"),
        ("CHANSCAN= 'LLSS    '", "CHANSCAN=         42", "CHANSCAN of"),
        ("TTYPE3  = 'RTRANSFE'", "TTYPE3  = 'RTRANSXX'", "column RTRANSFE of"),
        ("TTYPE3  = 'RTRANSFE'", "TTYPE3  = 'RTRANSXX'", "is missing: expected 210 numbers, the"),
        ("TTYPE7  = 'APODIZAT'", "TTYPE7  = 'APODIXXX'", "column APODIZAT of"),
        ("SIMPLE  =", "Simple  =", "is not a FITS file (it starts with \"Simple  ="),
        ("NAXIS2  =                    1", "NAXIS2  =                    0", "has 0 rows"),
        ("XTENSION= 'BINTABLE'", "XTENSION= 'XXXTABLE'", "does not read as a calibration model"),
    ] {
        let Err(error) = read(&replaced(&bytes, from, to)?) else {
            return Err(format!("accepted {to}").into());
        };
        assert!(error.to_string().contains(expected), "{error}");
    }
    let mut nan = bytes.clone();
    let first = f32::to_be_bytes(-101.361885);
    let place = nan.windows(4).position(|window| window == first).ok_or("no RELEX_GA")?;
    nan[place + 8..place + 12].copy_from_slice(&f32::NAN.to_be_bytes());
    let error = read(&nan).err().ok_or("accepted NaN")?.to_string();
    assert!(error.contains("column RELEX_GA of") && error.contains("is NaN at index 2"), "{error}");
    let error = read_model(Path::new("no/such")).err().ok_or("read nothing")?;
    assert!(error.to_string().starts_with("cannot read 'no/such': "), "{error}");
    let error = read_model(Path::new("src")).err().ok_or("read a directory")?;
    assert!(error.to_string().starts_with("'src' is not a regular file"), "{error}");
    Ok(())
}

/// A small generator: the damage must be the same in every run.
fn next(state: &mut u64) -> usize {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) as usize
}

fn damage_never_panics() -> Result<(), Failed> {
    let bytes = std::fs::read(required(MODEL)?)?;
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("model.fits");
    let mut state = 1;
    for round in 0..4000 {
        let mut damaged = bytes.clone();
        for _ in 0..1 + round % 8 {
            // Every second round in the keywords' values, where damage says more: digits.
            let place = next(&mut state) % damaged.len();
            let digits = round % 2 == 0;
            match damaged[place..].iter().position(u8::is_ascii_digit) {
                Some(next_digit) if digits => {
                    damaged[place + next_digit] = b'0' + (next(&mut state) % 10) as u8;
                }
                _ => damaged[place] = next(&mut state) as u8,
            }
        }
        std::fs::write(&path, &damaged)?;
        let _ = read_model(&path);
    }
    Ok(())
}

fn truncation_is_an_error() -> Result<(), Failed> {
    let bytes = std::fs::read(required(MODEL)?)?;
    let padding = bytes.iter().rev().take_while(|&&byte| byte == 0).count();
    for length in (0..bytes.len() - padding).step_by(97) {
        assert!(read(&bytes[..length]).is_err(), "accepted {length} bytes of {}", bytes.len());
    }
    Ok(())
}

fn the_calibration_data_read() -> Result<(), Failed> {
    let mut data = NpzFile::open(&required("cal.npz")?)?;
    assert_eq!(data.names().len(), 15);
    let interferograms = data.matrix("ifg_ll", 512)?;
    assert_eq!((interferograms.rows(), interferograms.source_type()), (1260, SourceType::Integer));
    for name in data.names() {
        if name != "ifg_ll" {
            data.vector(&name, Some(1260))?;
        }
    }
    let error = data.array_f64("ifg_rh").err().ok_or("found rh")?.to_string();
    assert!(error.contains("it holds adds_per_group_ll, bol_cmd_bias_ll, "), "{error}");
    Ok(())
}
