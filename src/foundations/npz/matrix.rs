//! A table of numbers, in as little memory as its file has them in.

use std::io::Read;

use super::element::{ElementType, SourceType};
use super::fault::MemberFault;
use super::member::Member;
use crate::foundations::numerics::{extremes, middle};

/// A two-dimensional array.
#[derive(Debug, Clone, PartialEq)]
pub struct Matrix {
    columns: usize,
    values: Values,
}

/// Row after row.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Values {
    /// 16-bit integers, as telemetry has them.
    Narrow(Vec<i16>),
    /// Numbers of any other type, and which kind they were of.
    Wide(Vec<f64>, SourceType),
}

impl Matrix {
    /// Of whole rows.
    pub(super) fn new(columns: usize, values: Values) -> Self {
        Self { columns, values }
    }

    /// Without rows, for elements of this type.
    pub(super) fn empty(columns: usize, element: ElementType) -> Self {
        let values = match element.is_i16() {
            true => Values::Narrow(Vec::new()),
            false => Values::Wide(Vec::new(), element.source_type()),
        };
        Self { columns, values }
    }

    /// Makes room for all rows of a member, if there is memory for them.
    pub(super) fn make_room<R: Read>(&mut self, member: &Member<R>) -> Result<(), MemberFault> {
        match &mut self.values {
            Values::Narrow(values) => member.make_room(values),
            Values::Wide(values, _) => member.make_room(values),
        }
    }

    /// Takes all rows away, and leaves their memory.
    pub(super) fn clear(&mut self) {
        match &mut self.values {
            Values::Narrow(values) => values.clear(),
            Values::Wide(values, _) => values.clear(),
        }
    }

    /// Appends rows, of elements of the type that it was made for.
    pub(super) fn append(&mut self, element: ElementType, bytes: &[u8]) {
        match &mut self.values {
            Values::Narrow(values) => element.append_i16(bytes, values),
            Values::Wide(values, _) => element.append_f64(bytes, values),
        }
    }

    /// Number of rows; of a matrix without columns, none.
    #[must_use]
    pub fn rows(&self) -> usize {
        let values = match &self.values {
            Values::Narrow(values) => values.len(),
            Values::Wide(values, _) => values.len(),
        };
        values.checked_div(self.columns).unwrap_or(0)
    }

    /// What kind of numbers the file held.
    #[must_use]
    pub fn source_type(&self) -> SourceType {
        match self.values {
            Values::Narrow(_) => SourceType::Integer,
            Values::Wide(_, source) => source,
        }
    }

    /// Writes one row; `out` has one element a column.
    pub fn copy_row(&self, row: usize, out: &mut [f64]) {
        let row = row * self.columns..(row + 1) * self.columns;
        match &self.values {
            Values::Narrow(values) => {
                let narrow = out.iter_mut().zip(&values[row]);
                narrow.for_each(|(out, &value)| *out = value.into());
            }
            Values::Wide(values, _) => out.copy_from_slice(&values[row]),
        }
    }

    /// The two numbers in the middle of a row, where they are found faster than in a copy of it.
    #[must_use]
    pub fn middle_of_row(&self, row: usize) -> Option<[f64; 2]> {
        self.narrow_row(row).and_then(middle).map(|both| both.map(f64::from))
    }

    /// The least and the greatest number of a row, where they are found faster than in a copy of it.
    #[must_use]
    pub fn extremes_of_row(&self, row: usize) -> Option<[f64; 2]> {
        self.narrow_row(row).and_then(extremes).map(|both| both.map(f64::from))
    }

    fn narrow_row(&self, row: usize) -> Option<&[i16]> {
        match &self.values {
            Values::Narrow(values) => Some(&values[row * self.columns..(row + 1) * self.columns]),
            Values::Wide(..) => None,
        }
    }

    /// Leaves these rows alone, ascending.
    pub fn keep(&mut self, rows: &[usize]) {
        match &mut self.values {
            Values::Narrow(values) => keep(values, self.columns, rows),
            Values::Wide(values, _) => keep(values, self.columns, rows),
        }
    }
}

/// Rows move up in place: there may be much of them.
fn keep<T: Copy>(values: &mut Vec<T>, columns: usize, rows: &[usize]) {
    for (place, &row) in rows.iter().enumerate() {
        if place != row {
            values.copy_within(row * columns..(row + 1) * columns, place * columns);
        }
    }
    values.truncate(rows.len() * columns);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(matrix: &Matrix, row: usize) -> Vec<f64> {
        let mut out = vec![f64::NAN; 3];
        matrix.copy_row(row, &mut out);
        out
    }

    #[test]
    fn either_kind_gives_its_rows_and_keeps_some() {
        let narrow: Vec<i16> = (0..12).collect();
        let wide = narrow.iter().map(|&value| value.into()).collect();
        for values in [Values::Narrow(narrow), Values::Wide(wide, SourceType::Integer)] {
            let mut matrix = Matrix::new(3, values);
            assert_eq!((matrix.rows(), matrix.source_type()), (4, SourceType::Integer));
            assert_eq!(row(&matrix, 2), [6.0, 7.0, 8.0]);
            let is_narrow = matches!(matrix.values, Values::Narrow(_));
            assert_eq!(matrix.middle_of_row(2), is_narrow.then_some([7.0, 7.0]));
            assert_eq!(matrix.extremes_of_row(2), is_narrow.then_some([6.0, 8.0]));
            let whole = matrix.clone();
            matrix.keep(&[0, 1, 2, 3]);
            assert_eq!(matrix, whole);
            matrix.keep(&[0, 3]);
            assert_eq!(matrix.rows(), 2);
            assert_eq!(
                (row(&matrix, 0), row(&matrix, 1)),
                (vec![0.0, 1.0, 2.0], vec![9.0, 10.0, 11.0])
            );
            matrix.keep(&[]);
            assert_eq!(matrix.rows(), 0);
        }
        assert_eq!(Matrix::new(0, Values::Narrow(Vec::new())).rows(), 0);
    }
}
