//! The caller's arrays, bin by bin.

use std::borrow::Cow;

use num_complex::Complex64;
use numpy::ndarray::{ArrayView1, ArrayView2, ArrayView3};
use otfhpc::science::fit::{Context, Problem};

use crate::fit::Request;

/// Views of what a fit is given. Neither is copied as a whole, whatever its strides.
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

/// One bin: vectors of records, copied only where they do not lie in one piece.
#[derive(Debug)]
pub(crate) struct BinVectors<'a> {
    spectrum: Cow<'a, [Complex64]>,
    planck: Vec<Cow<'a, [f64]>>,
    variance: Cow<'a, [f64]>,
    model: Option<Cow<'a, [Complex64]>>,
}

impl<'a> Views<'a> {
    /// How many bins there are.
    pub(crate) fn bins(&self) -> usize {
        self.spectrum.ncols()
    }

    /// The vectors of one bin.
    pub(crate) fn bin(&self, bin: usize) -> BinVectors<'a> {
        let (_, _, emitters) = self.planck.dim();
        let planck = |emitter| in_one_piece(column_of(self.planck, bin, emitter));
        BinVectors {
            spectrum: in_one_piece(into_column(self.spectrum, bin)),
            planck: (0..emitters).map(planck).collect(),
            variance: in_one_piece(into_column(self.variance, bin)),
            model: self.model.map(|model| in_one_piece(into_row(model, bin))),
        }
    }
}

impl BinVectors<'_> {
    /// The columns of the design, one slice an emitter.
    pub(crate) fn columns(&self) -> Vec<&[f64]> {
        self.planck.iter().map(|column| &column[..]).collect()
    }

    /// The linear problem; `columns` are those of [`Self::columns`].
    pub(crate) fn problem<'a>(
        &'a self,
        columns: &'a [&'a [f64]],
        request: &'a Request,
        place: usize,
    ) -> Problem<'a> {
        Problem {
            design: columns,
            data: &self.spectrum,
            variance: &self.variance,
            scale: request.scale(),
            constraint: request.constraint,
            context: Context {
                bin: request.bins[place],
                is_blocked: request.blocked[place],
                frequency_hz: request.frequency_hz[place],
                temperatures: &request.temperatures,
                plateaus: &request.plateaus,
                model: self.model.as_deref(),
                deadline: request.deadline(),
            },
            shared: None,
        }
    }
}

fn into_column<T>(view: ArrayView2<'_, T>, column: usize) -> ArrayView1<'_, T> {
    view.index_axis_move(numpy::ndarray::Axis(1), column)
}

fn into_row<T>(view: ArrayView2<'_, T>, row: usize) -> ArrayView1<'_, T> {
    view.index_axis_move(numpy::ndarray::Axis(0), row)
}

fn column_of<T>(view: ArrayView3<'_, T>, bin: usize, emitter: usize) -> ArrayView1<'_, T> {
    into_column(view.index_axis_move(numpy::ndarray::Axis(1), bin), emitter)
}

fn in_one_piece<T: Copy>(view: ArrayView1<'_, T>) -> Cow<'_, [T]> {
    match view.to_slice() {
        Some(slice) => Cow::Borrowed(slice),
        None => Cow::Owned(view.to_vec()),
    }
}
