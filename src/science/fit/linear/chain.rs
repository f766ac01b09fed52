//! A chain of bins, tied by the second differences of what they have in common: the exact
//! least-squares solution, with error bars, in a time that grows as the number of bins.
//!
//! Square-root information (Bierman 1977, Factorization Methods for Discrete Sequential
//! Estimation): what is known of two neighbours is a triangle `R u = z` of equations of unit
//! variance. What a part of the chain says of its last two bins is a message: all its equations,
//! reduced to those two. A message from below and one from above say all that there is to know of
//! a pair. No normal equations are formed, which would halve the digits.

use num_complex::Complex64;

use super::householder::householder_qr;
use super::least_squares::{solve_upper, solve_upper_transposed};
use super::vector::{short_dot, short_norm};

/// Equations of unit variance, as a matrix and its right-hand side.
#[derive(Debug, Clone)]
pub(crate) struct InformationArray {
    rows: usize,
    /// Column by column, `rows` elements each.
    columns: Vec<f64>,
    re: Vec<f64>,
    im: Vec<f64>,
}

impl InformationArray {
    /// The triangle of equations given column by column, with data in real and imaginary part.
    pub(crate) fn reduced(mut columns: Vec<f64>, mut re: Vec<f64>, mut im: Vec<f64>) -> Self {
        let given = re.len();
        let width = columns.len() / given;
        let reduced = householder_qr(&mut columns, given, [&mut re, &mut im]);
        let [re, im] = reduced.qt_b;
        Self { rows: width, columns: reduced.r, re, im }
    }

    fn width(&self) -> usize {
        self.columns.len() / self.rows
    }

    /// The rows of a triangle that do not contain its first `n` unknowns.
    fn without_first(&self, n: usize) -> Self {
        let rest = self.columns.chunks_exact(self.rows).skip(n).flat_map(|column| &column[n..]);
        Self {
            rows: self.rows - n,
            columns: rest.copied().collect(),
            re: self.re[n..].to_vec(),
            im: self.im[n..].to_vec(),
        }
    }
}

/// Bins whose unknowns `u`, n a bin, are tied.
#[derive(Debug)]
pub(crate) struct Chain {
    /// What the data of each bin say of its unknowns: a triangle each.
    pub(crate) data: Vec<InformationArray>,
    /// The values that are tied and wanted, as rows of n factors of the unknowns.
    pub(crate) values: Vec<Vec<f64>>,
    /// Standard deviation of the second differences of each value.
    pub(crate) width: Vec<f64>,
}

/// The values of one bin, and their standard errors.
#[derive(Debug, Clone)]
pub(crate) struct Marginal {
    pub(crate) value: Vec<Complex64>,
    pub(crate) sigma: Vec<f64>,
}

impl Chain {
    /// The values of every bin of a chain of two or more.
    pub(crate) fn solve(&self) -> Vec<Marginal> {
        let indices: Vec<usize> = (0..self.data.len()).collect();
        let below = self.messages(&indices);
        let backwards: Vec<usize> = indices.iter().rev().copied().collect();
        let above = self.messages(&backwards);
        let n = self.unknowns();
        let mut solved = Vec::with_capacity(indices.len());
        // The message from above has the upper bin of the pair first.
        for (below, above) in below.iter().zip(above.iter().rev()) {
            let pair = stack(n, 2, &[(below, &[0, 1]), (above, &[1, 0])]);
            solved.push(self.marginal(&pair, 0));
            if solved.len() + 1 == indices.len() {
                solved.push(self.marginal(&pair, 1));
            }
        }
        solved
    }

    fn unknowns(&self) -> usize {
        self.values.first().map_or(0, Vec::len)
    }

    /// What the bins up to each, in this order, say of it and the next: their data, and the
    /// second differences that end with the next at the latest.
    fn messages(&self, order: &[usize]) -> Vec<InformationArray> {
        let n = self.unknowns();
        let ties = self.ties();
        let mut messages: Vec<InformationArray> = Vec::with_capacity(order.len());
        for &bin in &order[..order.len().saturating_sub(1)] {
            let data = &self.data[bin];
            let message = match messages.last() {
                None => stack(n, 2, &[(data, &[0])]),
                Some(last) => {
                    let parts = [(last, &[0, 1][..]), (data, &[1]), (&ties, &[0, 1, 2])];
                    stack(n, 3, &parts).without_first(n)
                }
            };
            messages.push(message);
        }
        messages
    }

    /// The second differences over three bins, in standard deviations: expected to be zero.
    fn ties(&self) -> InformationArray {
        let rows = self.values.len();
        let column = |part: f64, i: usize| {
            let entry = move |(value, width): (&Vec<f64>, &f64)| part * value[i] / width;
            self.values.iter().zip(&self.width).map(entry)
        };
        let n = self.unknowns();
        let columns = [1.0, -2.0, 1.0].into_iter().flat_map(|part| (0..n).map(move |i| (part, i)));
        InformationArray {
            rows,
            columns: columns.flat_map(|(part, i)| column(part, i)).collect(),
            re: vec![0.0; rows],
            im: vec![0.0; rows],
        }
    }

    /// The values of the first or second bin of a pair, from its triangle.
    fn marginal(&self, pair: &InformationArray, place: usize) -> Marginal {
        let n = self.unknowns();
        let own = place * n..(place + 1) * n;
        let solved = |part: &[f64]| solve_upper(&pair.columns, 2 * n, part)[own.clone()].to_vec();
        let (re, im) = (solved(&pair.re), solved(&pair.im));
        let value = |row: &Vec<f64>| Complex64::new(short_dot(row, &re), short_dot(row, &im));
        // The covariance of the unknowns is (R^T R)^-1.
        let sigma = |row: &Vec<f64>| {
            let mut of_pair = vec![0.0; 2 * n];
            of_pair[own.clone()].copy_from_slice(row);
            short_norm(&solve_upper_transposed(&pair.columns, 2 * n, of_pair))
        };
        Marginal {
            value: self.values.iter().map(value).collect(),
            sigma: self.values.iter().map(sigma).collect(),
        }
    }
}

/// Stacks equations and reduces them to one triangle for `bins` bins of n unknowns. Each part comes
/// with the places of its bins among these.
fn stack(n: usize, bins: usize, parts: &[(&InformationArray, &[usize])]) -> InformationArray {
    let given: usize = parts.iter().map(|(part, _)| part.rows).sum();
    // Rows of zeros carry no information; they fill up the triangle.
    let rows = given.max(bins * n);
    let mut columns = vec![0.0; rows * bins * n];
    let (mut re, mut im) = (vec![0.0; rows], vec![0.0; rows]);
    let mut from = 0;
    for (part, places) in parts {
        debug_assert_eq!(part.width(), places.len() * n);
        let to = from + part.rows;
        for (i, column) in part.columns.chunks_exact(part.rows).enumerate() {
            let at = (places[i / n] * n + i % n) * rows;
            columns[at + from..at + to].copy_from_slice(column);
        }
        re[from..to].copy_from_slice(&part.re);
        im[from..to].copy_from_slice(&part.im);
        from = to;
    }
    InformationArray::reduced(columns, re, im)
}
