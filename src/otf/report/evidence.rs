//! What figures show of the records of a data set: gathered bin by bin while the data are at hand, and
//! never larger than a figure.

use num_complex::Complex64;

use crate::otf::study::Study;
use crate::science::data::Campaign;
use crate::science::fit::{Constraint, Problem, standard_residuals, weighted_correlation};

/// Columns of the map of residuals, at most.
const COLUMNS: usize = 200;
/// Rows of it, at most.
const ROWS: usize = 60;
/// Points of a curve of temperatures, at most.
const POINTS: usize = 600;
/// Half the number of classes of the histogram, and how many of them are one standard deviation.
pub(super) const HALF: usize = 32;
pub(super) const PER_SIGMA: f64 = 5.0;

/// What is known of the records.
#[derive(Debug)]
pub(in crate::otf) struct Evidence {
    /// Number of records used.
    pub(super) records: usize,
    /// Mean over neighbouring records, `[emitter][point]`, K.
    pub(super) temperatures: Vec<Vec<f64>>,
    /// Plateau of each record.
    pub(super) plateaus: Vec<usize>,
    /// None where the noise is not known, or the fit needs corrections of its own.
    pub(super) residuals: Option<Residuals>,
    /// At some bins of the band, lowest first: the correlation among the errors of emitters.
    pub(super) correlations: Vec<(usize, Vec<f64>)>,
}

/// Residuals in standard deviations of their noise.
#[derive(Debug)]
pub(super) struct Residuals {
    /// The bins of each row.
    pub(super) rows: Vec<Vec<usize>>,
    /// The first record of each column, and the end of the last.
    pub(super) columns: Vec<usize>,
    /// Sum over the bins of a row and the records of a column, `[row][column]`.
    sums: Vec<Vec<Complex64>>,
    /// How many values of bins went into a row.
    counts: Vec<u32>,
    /// Real and imaginary parts, by class; the first and the last class have all that is beyond.
    pub(super) histogram: Vec<u64>,
    /// Sum of the squared moduli over two, and how many; by record.
    squares: Vec<f64>,
    bins: u32,
}

impl Evidence {
    /// Before any bin; `bins` are those of the band.
    pub(in crate::otf) fn new(campaign: &Campaign, bins: &[usize], has_residuals: bool) -> Self {
        let records = campaign.records();
        let edges = edges(records, POINTS);
        let mean = |column: &Vec<f64>| {
            let of = |pair: &[usize]| {
                let part = &column[pair[0]..pair[1]];
                part.iter().sum::<f64>() / part.len() as f64
            };
            edges.windows(2).map(of).collect()
        };
        let residuals = has_residuals.then(|| {
            let rows: Vec<Vec<usize>> =
                bins.chunks(bins.len().div_ceil(ROWS).max(1)).map(<[usize]>::to_vec).collect();
            let columns = columns(records);
            Residuals {
                sums: vec![vec![Complex64::ZERO; columns.len() - 1]; rows.len()],
                columns,
                counts: vec![0; rows.len()],
                rows,
                histogram: vec![0; 2 * HALF],
                squares: vec![0.0; records],
                bins: 0,
            }
        });
        Self {
            records,
            temperatures: campaign.temperatures().iter().map(mean).collect(),
            plateaus: campaign.plateaus().to_vec(),
            residuals,
            correlations: Vec::new(),
        }
    }

    /// Adds a bin of some records that follow each other, the `first` of which is given, with the fit that
    /// stands for the run.
    pub(in crate::otf) fn add(
        &mut self,
        (bin, first): (usize, usize),
        problem: &Problem,
        emissivity: &[Complex64],
    ) {
        let Some(residuals) = &mut self.residuals else { return };
        if !emissivity.iter().all(|value| value.re.is_finite()) {
            return;
        }
        let Some(row) = residuals.rows.iter().position(|row| row.contains(&bin)) else { return };
        let values = standard_residuals(problem, emissivity);
        let end = first + values.len();
        for (column, pair) in residuals.columns.windows(2).enumerate() {
            let (from, to) = (pair[0].max(first), pair[1].min(end));
            if from < to {
                let sum = values[from - first..to - first].iter().sum::<Complex64>();
                residuals.sums[row][column] += sum;
            }
        }
        residuals.counts[row] += u32::from(first == 0);
        residuals.bins += u32::from(first == 0);
        for (value, square) in values.iter().zip(&mut residuals.squares[first..end]) {
            residuals.histogram[class(value.re)] += 1;
            residuals.histogram[class(value.im)] += 1;
            *square += 0.5 * value.norm_sqr();
        }
    }

    /// Adds the correlation at a bin, with these Planck functions and variances, if the emitters can be told
    /// apart.
    pub(in crate::otf) fn correlate(
        &mut self,
        bin: usize,
        (design, variance): (&[&[f64]], &[f64]),
        constraint: Constraint,
    ) {
        let found = weighted_correlation(design, variance, constraint);
        self.correlations.extend(found.map(|values| (bin, values)));
    }
}

/// The bins at which correlations are shown: near both ends of the band, and in its middle.
pub(in crate::otf) fn correlated_bins(bins: &[usize], study: &Study) -> Vec<usize> {
    if study.emitters.len() < 2 || bins.is_empty() {
        return Vec::new();
    }
    let mut chosen: Vec<usize> = [1, 5, 9].map(|tenth| bins[bins.len() * tenth / 10]).into();
    chosen.dedup();
    chosen
}

impl Residuals {
    /// The sum of a cell over the square root of how many values are in it: a normal number, if the
    /// model holds. `[row][column]`; NaN in a row without values.
    pub(super) fn deviations(&self, part: fn(&Complex64) -> f64) -> Vec<Vec<f64>> {
        let widths: Vec<f64> =
            self.columns.windows(2).map(|pair| (pair[1] - pair[0]) as f64).collect();
        let row = |(sums, count): (&Vec<Complex64>, &u32)| {
            let cells = sums.iter().zip(&widths);
            cells.map(|(sum, width)| part(sum) / (width * f64::from(*count)).sqrt()).collect()
        };
        self.sums.iter().zip(&self.counts).map(row).collect()
    }

    /// Mean of the squared residual over its variance, one a record.
    pub(super) fn chi2(&self) -> Vec<f64> {
        self.squares.iter().map(|square| square / f64::from(self.bins)).collect()
    }
}

/// The first record of each column of the map, and the end of the last.
fn columns(records: usize) -> Vec<usize> {
    edges(records, COLUMNS)
}

/// The first record of each of so many groups at most, as equal as can be, and the end of the last.
pub(super) fn edges(records: usize, most: usize) -> Vec<usize> {
    let groups = most.min(records).max(1);
    (0..=groups).map(|group| group * records / groups).collect()
}

fn class(value: f64) -> usize {
    // A number above zero is cut to the class that it is in.
    let place = value * PER_SIGMA + HALF as f64;
    place.clamp(0.0, (2 * HALF - 1) as f64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_hold_every_record_once() {
        for (records, most) in [(0, 5), (3, 5), (7, 5), (1200, 200)] {
            let edges = edges(records, most);
            assert_eq!((edges[0], edges.last()), (0, Some(&records)));
            assert!(
                edges.len() - 1 <= most && edges.windows(2).all(|w| w[0] < w[1] || records == 0)
            );
        }
    }

    #[test]
    fn what_lies_beyond_the_histogram_is_in_its_last_class() {
        assert_eq!([class(0.0), class(-0.01), class(0.2)], [HALF, HALF - 1, HALF + 1]);
        assert_eq!(
            [class(-100.0), class(100.0), class(f64::INFINITY)],
            [0, 2 * HALF - 1, 2 * HALF - 1]
        );
    }
}
