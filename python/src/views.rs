//! The caller's arrays, some bins at a time.

use std::ops::Range;

use num_complex::Complex64;
use numpy::ndarray::{ArrayView1, ArrayView2, ArrayView3, Axis, Slice};
use otfhpc::science::fit::{Context, Problem};

use crate::fit::Request;

/// Records whose values are turned into columns together: they stay in the nearest cache.
const BLOCK: usize = 32;
/// Bins that are gathered together: of a record they lie beside each other, and of 1,200 records they fit in
/// a cache.
const TILE: usize = 4;

const RECORDS: Axis = Axis(0);
const BINS: Axis = Axis(1);

/// Views of what a fit is given. None is copied as a whole, whatever its strides.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Views<'a> {
    /// MJy/sr, `[record, bin]`.
    pub(crate) spectrum: ArrayView2<'a, Complex64>,
    /// MJy/sr, `[record, bin, emitter]`.
    pub(crate) planck: ArrayView3<'a, f64>,
    /// (MJy/sr)^2, `[record, bin]`.
    pub(crate) variance: ArrayView2<'a, f64>,
    /// Dimensionless, `[bin, emitter]`.
    pub(crate) model: Option<ArrayView2<'a, Complex64>>,
}

/// Some bins that follow each other.
#[derive(Debug)]
pub(crate) struct Tile<'a> {
    first: usize,
    emitters: usize,
    spectrum: Columns<'a, Complex64>,
    planck: Columns<'a, f64>,
    variance: Columns<'a, f64>,
    /// Of each bin.
    model: Option<Vec<Vec<Complex64>>>,
}

/// Memory of the copies of one tile, for the next one.
#[derive(Debug, Default)]
pub(crate) struct Spare {
    spectrum: Vec<Complex64>,
    planck: Vec<f64>,
    variance: Vec<f64>,
}

/// Vectors of records: the caller's own where these lie in one piece, copies elsewhere.
#[derive(Debug)]
enum Columns<'a, T> {
    Given(Vec<&'a [T]>),
    Gathered { values: Vec<T>, records: usize },
}

impl<'a> Views<'a> {
    /// How many bins there are.
    pub(crate) fn bins(&self) -> usize {
        self.spectrum.len_of(BINS)
    }

    /// Where the tiles begin and end.
    pub(crate) fn tiles(&self) -> Vec<Range<usize>> {
        let bins = self.bins();
        (0..bins).step_by(TILE).map(|first| first..bins.min(first + TILE)).collect()
    }

    /// Some bins; what must be copied of them goes to `spare`.
    pub(crate) fn tile(&self, bins: Range<usize>, spare: Spare) -> Tile<'a> {
        let one = Axis(2);
        let row =
            |model: ArrayView2<'a, Complex64>, bin| model.index_axis_move(RECORDS, bin).to_vec();
        Tile {
            first: bins.start,
            emitters: self.planck.len_of(Axis(2)),
            spectrum: Columns::of(self.spectrum.insert_axis(one), &bins, spare.spectrum),
            planck: Columns::of(self.planck, &bins, spare.planck),
            variance: Columns::of(self.variance.insert_axis(one), &bins, spare.variance),
            model: self.model.map(|model| bins.map(|bin| row(model, bin)).collect()),
        }
    }
}

impl<'a, T: Copy + Default> Columns<'a, T> {
    /// The columns of some bins of `[record, bin, of each bin]`.
    fn of(mut view: ArrayView3<'a, T>, bins: &Range<usize>, spare: Vec<T>) -> Self {
        view.slice_axis_inplace(BINS, Slice::from(bins.clone()));
        let bins = (0..view.len_of(BINS)).map(|bin| view.index_axis_move(BINS, bin));
        let columns = bins.flat_map(|bin| {
            (0..bin.len_of(Axis(1))).map(move |column| bin.index_axis_move(Axis(1), column))
        });
        match columns.map(|column: ArrayView1<'a, T>| column.to_slice()).collect() {
            Some(given) => Self::Given(given),
            None => Self::Gathered { values: gathered(view, spare), records: view.len_of(RECORDS) },
        }
    }
}

impl<T> Columns<'_, T> {
    fn into_spare(self) -> Vec<T> {
        match self {
            Self::Given(_) => Vec::new(),
            Self::Gathered { values, .. } => values,
        }
    }

    fn column(&self, place: usize) -> &[T] {
        match self {
            Self::Given(columns) => columns[place],
            Self::Gathered { values, records } => &values[place * records..][..*records],
        }
    }
}

/// The values of `[record, bin, of each bin]`, column after column. Each record is read once, in the order of
/// the caller's memory, and some records are written together.
fn gathered<T: Copy + Default>(view: ArrayView3<'_, T>, mut values: Vec<T>) -> Vec<T> {
    let (records, bins, each) = view.dim();
    let columns = bins * each;
    values.resize(records * columns, T::default());
    let mut rows: Vec<T> = Vec::with_capacity(BLOCK * columns);
    for (block, some) in view.axis_chunks_iter(RECORDS, BLOCK).enumerate() {
        rows.clear();
        for record in some.outer_iter() {
            match record.as_slice() {
                Some(row) => rows.extend_from_slice(row),
                None => rows.extend(record.iter().copied()),
            }
        }
        let first = block * BLOCK;
        for (column, values) in values.chunks_exact_mut(records).enumerate() {
            let own = rows.chunks_exact(columns).map(|row| row[column]);
            values[first..].iter_mut().zip(own).for_each(|(value, own)| *value = own);
        }
    }
    values
}

impl Tile<'_> {
    /// The memory of its copies.
    pub(crate) fn into_spare(self) -> Spare {
        Spare {
            spectrum: self.spectrum.into_spare(),
            planck: self.planck.into_spare(),
            variance: self.variance.into_spare(),
        }
    }

    /// The bins, by their places among all.
    pub(crate) fn places(&self) -> Range<usize> {
        self.first..self.first + self.spectrum_columns()
    }

    fn spectrum_columns(&self) -> usize {
        match &self.spectrum {
            Columns::Given(columns) => columns.len(),
            Columns::Gathered { values, records } => values.len() / (*records).max(1),
        }
    }

    /// The columns of the design of a bin, one slice an emitter.
    pub(crate) fn design(&self, place: usize) -> Vec<&[f64]> {
        let first = (place - self.first) * self.emitters;
        (first..first + self.emitters).map(|column| self.planck.column(column)).collect()
    }

    /// The linear problem of a bin; `design` is that of [`Self::design`].
    pub(crate) fn problem<'a>(
        &'a self,
        place: usize,
        design: &'a [&'a [f64]],
        request: &'a Request,
    ) -> Problem<'a> {
        let within = place - self.first;
        Problem {
            design,
            data: self.spectrum.column(within),
            variance: self.variance.column(within),
            scale: request.scale(),
            constraint: request.constraint,
            context: Context {
                bin: request.bins[place],
                is_blocked: request.blocked[place],
                frequency_hz: request.frequency_hz[place],
                temperatures: &request.temperatures,
                plateaus: &request.plateaus,
                model: self.model.as_ref().map(|rows| &rows[within][..]),
                deadline: request.deadline(),
            },
            shared: None,
        }
    }
}
