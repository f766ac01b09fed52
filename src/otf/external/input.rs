//! What a program is given: the bins of one configuration.

use std::io;
use std::path::Path;

use num_complex::Complex64;

use crate::foundations::npz::{NpzArchive, write_npz};
use crate::science::fit::{Constraint, Problem, VarianceScale};

/// Writes the bins (at least one; all with the same emitters and records) to `path`.
pub(super) fn write(path: &Path, bins: &[Problem]) -> Result<(), String> {
    // The kind alone: the text of the error has the path.
    write_npz(path, |archive| fill(archive, bins)).map_err(|error| {
        let kind = error.source.kind();
        format!(
            "the input of the program cannot be written ({kind}): set TMPDIR to a folder with space"
        )
    })
}

fn fill(archive: &mut NpzArchive, bins: &[Problem]) -> io::Result<()> {
    let Some(first) = bins.first() else { return Ok(()) };
    let rows = bins.len();
    let emitters = first.design.len();
    let records = first.records();
    let flag = |set: bool| [u8::from(set)];
    let all = |values: fn(&Problem) -> Vec<f64>| bins.iter().flat_map(values).collect::<Vec<_>>();
    let data: Vec<Complex64> = bins.iter().flat_map(|bin| bin.data).copied().collect();
    let numbers: Vec<i64> = bins.iter().map(|bin| whole(bin.context.bin)).collect();
    let plateaus: Vec<i64> = first.context.plateaus.iter().map(|&plateau| whole(plateau)).collect();

    archive.add("design", (rows, emitters, records), &all(|bin| bin.design.concat()))?;
    archive.add("data", (rows, records), &data)?;
    archive.add("variance", (rows, records), &all(|bin| bin.variance.to_vec()))?;
    archive.add("variance_is_relative", (), &flag(first.scale == VarianceScale::Relative))?;
    archive.add("kirchhoff", (), &flag(first.constraint == Constraint::Kirchhoff))?;
    archive.add("bin", rows, &numbers)?;
    archive.add("frequency_hz", rows, &all(|bin| vec![bin.context.frequency_hz]))?;
    archive.add("temperatures", (emitters, records), &first.context.temperatures.concat())?;
    archive.add("plateau", records, &plateaus)?;
    match model(bins) {
        Some(model) => archive.add("model", (rows, emitters), &model),
        None => Ok(()),
    }
}

/// The known emissivities, NaN at bins where there are none; nothing if that is all bins.
fn model(bins: &[Problem]) -> Option<Vec<Complex64>> {
    bins.iter().find(|bin| bin.context.model.is_some())?;
    let unknown = |bin: &Problem| vec![Complex64::new(f64::NAN, f64::NAN); bin.design.len()];
    let row = |bin: &Problem| bin.context.model.map_or_else(|| unknown(bin), <[_]>::to_vec);
    Some(bins.iter().flat_map(row).collect())
}

/// An index as NumPy counts.
fn whole(index: usize) -> i64 {
    i64::try_from(index).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::foundations::npz::NpzFile;
    use crate::otf::external::tests::at_bins;
    use crate::science::fit::tests::Owned;

    #[test]
    fn every_array_is_there_in_its_shape_and_order() {
        let owned = Owned::new(1, 20, 1.0, 0.0);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("input.npz");
        at_bins(&owned, Constraint::Kirchhoff, &[5, 9], |bins| {
            let mut bins = bins.to_vec();
            bins[0].context.model = None;
            bins.iter_mut().for_each(|bin| bin.scale = VarianceScale::Relative);
            write(&path, &bins).unwrap();

            let mut file = NpzFile::open(&path).unwrap();
            let mut real = |name: &str| file.array_f64(name).unwrap().0;
            let design = real("design");
            assert_eq!(design.shape(), [2, 7, 20]);
            assert_eq!(design[[1, 3, 4]], owned.design[3][4]);
            assert_eq!(real("variance").shape(), [2, 20]);
            assert_eq!(real("variance")[[1, 6]], owned.variance[6]);
            for name in ["variance_is_relative", "kirchhoff"] {
                assert_eq!((real(name).ndim(), real(name).sum()), (0, 1.0), "{name}");
            }
            assert_eq!(real("bin").as_slice(), Some(&[5.0, 9.0][..]));
            assert_eq!(real("frequency_hz").as_slice(), Some(&[3e11, 3e11][..]));
            assert_eq!(real("temperatures").shape(), [7, 20]);
            assert_eq!(real("plateau")[[19]], 9.0);
            let data = file.array_complex("data").unwrap();
            assert_eq!((data.shape(), data[[1, 2]]), (&[2, 20][..], bins[1].data[2]));
            let model = file.array_complex("model").unwrap();
            assert!(model[[0, 0]].is_nan() && model[[1, 6]] == owned.truth[6]);
        });
    }

    #[test]
    fn there_is_no_model_where_nothing_is_known() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("input.npz");
        at_bins(&Owned::new(1, 20, 1.0, 0.0), Constraint::None, &[5], |bins| {
            let mut bin = bins[0];
            bin.context.model = None;
            write(&path, &[bin]).unwrap();
            let mut file = NpzFile::open(&path).unwrap();
            assert!(!file.contains("model"));
            assert_eq!(file.array_f64("kirchhoff").unwrap().0.sum(), 0.0);
        });
    }

    #[test]
    fn a_folder_that_is_not_there_is_not_named() {
        at_bins(&Owned::new(1, 20, 1.0, 0.0), Constraint::None, &[5], |bins| {
            let reason = write(Path::new("/no/such/input.npz"), bins).unwrap_err();
            assert!(!reason.contains('/') && reason.contains("set TMPDIR"), "{reason}");
        });
    }
}
