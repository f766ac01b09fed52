//! Spectra have the same bits whether interferograms are held or stay in their file.

use std::fs::{File, OpenOptions};
use std::io::copy;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use tempfile::{TempDir, tempdir};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use crate::foundations::npz::{Hold, NpzFile};
use crate::science::data::settings::{
    DataSettings, InstrumentSettings, Sigma, SimulateSettings, Source,
};
use crate::science::data::{
    BolometerTemperature, Campaign, DataError, Draw, Realisation, Recipe, Resampling,
    choose_emitters, write_calibration_set,
};
use crate::science::instrument::IFG_LENGTH;

/// Several windows.
const RECORDS: usize = 3500;
const BINS: [usize; 3] = [7, 20, 131];

fn prepared(data: &DataSettings, rounding: bool, hold: Hold) -> Campaign {
    let simulate =
        SimulateSettings { records: RECORDS, rounding, glitch_fraction: 0.1, ..Default::default() };
    let emitters = choose_emitters(data, &[], BolometerTemperature::Operating).unwrap();
    let instrument = &InstrumentSettings::default();
    let recipe = Recipe { data, simulate: &simulate, instrument, emitters: &emitters, seed: 3 };
    Campaign::prepare_holding("llss".parse().unwrap(), &recipe, hold).unwrap()
}

/// The same archive, deflated.
fn deflated(path: &Path) -> PathBuf {
    let other = path.with_extension("deflated.npz");
    let mut archive = ZipArchive::new(File::open(path).unwrap()).unwrap();
    let mut writer = ZipWriter::new(File::create(&other).unwrap());
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    for index in 0..archive.len() {
        let mut member = archive.by_index(index).unwrap();
        writer.start_file(member.name(), options).unwrap();
        copy(&mut member, &mut writer).unwrap();
    }
    writer.finish().unwrap();
    other
}

/// A calibration set, stored, and settings by which some of its records are saturated, here and there.
fn calibration_set(rounding: bool) -> (TempDir, DataSettings) {
    let folder = tempdir().unwrap();
    let path = folder.path().join("cal.npz");
    let simulated = prepared(&DataSettings::default(), rounding, Hold::ByRule);
    write_calibration_set(&path, &[simulated], 0.3, 1).unwrap();
    let mut npz = NpzFile::open(&path).unwrap();
    let mut largest = Vec::new();
    npz.table("ifg_ll", IFG_LENGTH, Hold::Never, |counts, row| {
        let mut samples = [0.0; IFG_LENGTH];
        counts.copy_row(row, &mut samples);
        largest.push(samples.iter().fold(0.0_f64, |most, sample| most.max(sample.abs())));
    })
    .unwrap();
    largest.sort_by(f64::total_cmp);
    let saturation_counts = largest[RECORDS * 4 / 5];
    let (source, path) = (Source::Npz, Some(path));
    (folder, DataSettings { source, path, saturation_counts, ..Default::default() })
}

/// All numbers of a realisation that follow from its interferograms.
fn bits(campaign: &Campaign, realisation: &Realisation) -> Vec<u64> {
    let mut bits: Vec<u64> =
        realisation.sample_variance.iter().map(|value| value.to_bits()).collect();
    for position in 0..BINS.len() {
        let bin = campaign.bin_data(realisation, position);
        bits.extend(bin.data.iter().flat_map(|d| [d.re.to_bits(), d.im.to_bits()]));
        bits.extend(bin.variance.iter().map(|value| value.to_bits()));
    }
    bits
}

/// Those of all records at once, of a bootstrap, and of every window.
fn all_bits(campaign: &Campaign) -> Vec<Vec<u64>> {
    let draw = Draw::of_noise(0.0, 1);
    let boot = Draw { resampling: Resampling::Bootstrap, ..Draw::of_noise(0.0, 2) };
    let whole = [draw, boot].map(|draw| bits(campaign, &campaign.realise(&draw, &BINS).unwrap()));
    let (mut all, mut last) = (whole.to_vec(), None);
    let windows = campaign.windows(&draw);
    assert!(windows.len() > 1);
    let mut parts = Vec::new();
    for window in windows {
        let realisation = campaign.realise_window(&draw, &BINS, window, last.take()).unwrap();
        let of_window = realisation.sample_variance.iter().map(|value| value.to_bits());
        parts.extend(of_window);
        last = Some(realisation);
    }
    all.push(parts);
    all
}

fn assert_same(rounding: bool, sigma: Sigma) {
    let (_folder, stored) = calibration_set(rounding);
    let stored = DataSettings { sigma: Some(sigma), ..stored };
    let packed = DataSettings { path: stored.path.as_deref().map(deflated), ..stored.clone() };
    let held = prepared(&stored, rounding, Hold::Always);
    let used = held.records();
    assert!((RECORDS / 2..RECORDS * 9 / 10).contains(&used), "{used}");
    let expected = all_bits(&held);
    for (data, hold) in [(&stored, Hold::Never), (&packed, Hold::Always), (&packed, Hold::Never)] {
        let campaign = prepared(data, rounding, hold);
        assert_eq!(campaign.reasons(), held.reasons());
        for threads in [1, 3] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            assert!(pool.install(|| all_bits(&campaign)) == expected, "{hold:?} {threads}");
        }
    }
}

#[test]
fn counts_that_stay_in_their_file_give_the_same_bits() {
    assert_same(true, Sigma::Given(1.0));
    assert_same(false, Sigma::Estimate);
}

/// Several realisations at once, each from its beginning, while others go on.
#[test]
fn realisations_side_by_side_do_not_disturb_each_other() {
    let (_folder, stored) = calibration_set(true);
    let packed = DataSettings { path: stored.path.as_deref().map(deflated), ..stored };
    let campaign = prepared(&packed, true, Hold::Never);
    let expected = all_bits(&campaign);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert!(all_bits(&campaign) == expected));
        }
    });
}

#[test]
fn a_file_that_changes_in_between_is_an_error() {
    let (_folder, stored) = calibration_set(true);
    let packed = DataSettings { path: stored.path.as_deref().map(deflated), ..stored.clone() };
    for data in [stored, packed] {
        let campaign = prepared(&data, true, Hold::Never);
        let path = data.path.as_deref().unwrap();
        let file = OpenOptions::new().read(true).write(true).open(path).unwrap();
        let middle = file.metadata().unwrap().len() / 2;
        let mut byte = [0];
        file.read_at(&mut byte, middle).unwrap();
        let why = || {
            let error: DataError = campaign.realise(&Draw::of_noise(0.0, 1), &BINS).unwrap_err();
            error.to_string()
        };
        for changed in 0..2 {
            match changed {
                0 => file.write_at(&[!byte[0]], middle).map(|_| ()).unwrap(),
                _ => file.set_len(middle).unwrap(),
            }
            let said = why();
            assert!(
                said.contains("key 'ifg_ll' of '") && said.contains("' changed while"),
                "{said}"
            );
        }
    }
}
