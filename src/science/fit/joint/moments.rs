//! Sums over bins of products of columns, record by record: the part of the normal matrix that knows
//! nothing of the emissivities.
//!
//! The derivative by a parameter is a sum of few columns, each times a number for each record that no
//! bin changes. So the products of columns are summed over the bins first, for each record, and those of
//! parameters follow from these.

use std::ops::Range;

use rayon::prelude::*;

use crate::foundations::numerics::{fused, with_widest_simd};

use super::bin::BinTerms;
use super::columns::{GROUP, KeptColumns, SetColumns, group_of};
use super::state::{Action, Coefficient, RecordState};

/// Records of which the moments are held at once: a few groups of those that stand together.
const BLOCK: usize = 2 * GROUP;

/// The sums of one data set.
#[derive(Debug, Clone)]
pub(super) struct Sums {
    /// `Re J^H J`, `[parameter][parameter]`, the lower triangle.
    pub(super) normal: Vec<f64>,
    /// `Re J^H r`.
    pub(super) gradient: Vec<f64>,
    /// The same of the temperatures of each plateau.
    pub(super) plateaus: Vec<PlateauSums>,
}

/// What the temperatures of one plateau add, per kelvin.
#[derive(Debug, Clone)]
pub(super) struct PlateauSums {
    /// `[body][body]`.
    pub(super) own: Vec<f64>,
    /// `[body][parameter]`.
    pub(super) mixed: Vec<f64>,
    /// `[body]`.
    pub(super) gradient: Vec<f64>,
}

impl Sums {
    fn zero(parameters: usize) -> Self {
        Self {
            normal: vec![0.0; parameters * parameters],
            gradient: vec![0.0; parameters],
            plateaus: Vec::new(),
        }
    }
}

/// What is summed.
pub(super) struct Moments<'a> {
    pub(super) state: &'a RecordState,
    pub(super) coefficients: &'a [Coefficient],
    pub(super) bins: &'a [BinTerms],
    pub(super) columns: &'a SetColumns,
    pub(super) plateaus: &'a [Range<usize>],
    pub(super) bodies: &'a [usize],
}

impl<'a> Moments<'a> {
    /// The sums over all records, block by block in their order.
    pub(super) fn sums(&self) -> Sums {
        let records = self.state.records;
        let blocks = records.div_ceil(BLOCK);
        let with_columns = |bin: &'a BinTerms| Some((bin, self.columns.of_bin(bin.kept.as_ref()?)));
        let bins: Vec<BinColumns> = self.bins.iter().filter_map(with_columns).collect();
        let of_block = |block: usize| {
            let range = block * BLOCK..records.min((block + 1) * BLOCK);
            self.block(&bins, range)
        };
        let parts: Vec<(Sums, Range<usize>)> =
            (0..blocks).into_par_iter().with_min_len(4).map(of_block).collect();
        let mut total = Sums::zero(self.state.actions.len());
        let empty = PlateauSums {
            own: vec![0.0; self.bodies.len() * self.bodies.len()],
            mixed: vec![0.0; self.bodies.len() * self.state.actions.len()],
            gradient: vec![0.0; self.bodies.len()],
        };
        total.plateaus = vec![empty; self.plateaus.len()];
        for (part, plateaus) in parts {
            add(&mut total.normal, &part.normal);
            add(&mut total.gradient, &part.gradient);
            for (total, part) in total.plateaus[plateaus].iter_mut().zip(part.plateaus) {
                add(&mut total.own, &part.own);
                add(&mut total.mixed, &part.mixed);
                add(&mut total.gradient, &part.gradient);
            }
        }
        total
    }

    /// The sums over some records, and the plateaus that they touch.
    fn block(&self, bins: &[BinColumns], records: Range<usize>) -> (Sums, Range<usize>) {
        let count = self.coefficients.len();
        let mut products = vec![[0.0; BLOCK]; count * (count + 1) / 2];
        let mut gradients = vec![[0.0; BLOCK]; count];
        with_widest_simd(
            #[inline(always)]
            || {
                add_bins(bins, &records, &mut products, &mut gradients);
            },
        );
        let moments = BlockMoments { products, gradients, first: records.start };
        let mut sums = Sums::zero(self.state.actions.len());
        let places: Vec<Vec<usize>> = self.state.actions.iter().map(|a| self.places(a)).collect();
        self.add_parameters(&moments, &records, &places, &mut sums);
        let touched = self.touched(&records);
        for plateau in touched.clone() {
            let own = self.plateaus[plateau].clone();
            let range = own.start.max(records.start)..own.end.min(records.end);
            sums.plateaus.push(self.plateau(&moments, range, &places));
        }
        (sums, touched)
    }

    /// The plateaus that have any of some records.
    fn touched(&self, records: &Range<usize>) -> Range<usize> {
        let first = self.plateaus.partition_point(|plateau| plateau.end <= records.start);
        let end = self.plateaus.partition_point(|plateau| plateau.start < records.end);
        first..end.max(first)
    }

    fn places(&self, action: &Action) -> Vec<usize> {
        let place = |c: &Coefficient| self.coefficients.binary_search(c).unwrap_or(0);
        action.iter().map(|(coefficient, _)| place(coefficient)).collect()
    }

    /// Adds what some records say of the shared parameters.
    fn add_parameters(
        &self,
        moments: &BlockMoments,
        records: &Range<usize>,
        places: &[Vec<usize>],
        sums: &mut Sums,
    ) {
        let n = self.state.actions.len();
        let slopes: Vec<Vec<(usize, [f64; BLOCK])>> =
            self.state.actions.iter().zip(places).map(|(a, own)| spread(a, own, records)).collect();
        let mut along = vec![[0.0; BLOCK]; self.coefficients.len()];
        with_widest_simd(
            #[inline(always)]
            || {
                for (m, own) in slopes.iter().enumerate() {
                    // The products of this parameter's derivative with every column.
                    for (d, along) in along.iter_mut().enumerate() {
                        along.fill(0.0);
                        for (c, slope) in own {
                            add_products(along, slope, moments.product(*c, d));
                        }
                    }
                    for (c, slope) in own {
                        sums.gradient[m] += product(slope, &moments.gradients[*c]);
                    }
                    for (k, theirs) in slopes[..=m].iter().enumerate() {
                        for (d, slope) in theirs {
                            sums.normal[m * n + k] += product(slope, &along[*d]);
                        }
                    }
                }
            },
        );
    }

    /// What some records of one plateau add to its sums.
    fn plateau(
        &self,
        moments: &BlockMoments,
        records: Range<usize>,
        places: &[Vec<usize>],
    ) -> PlateauSums {
        let place = |body: &usize| {
            self.coefficients.binary_search(&Coefficient::Temperature(*body)).unwrap_or(0)
        };
        let bodies: Vec<usize> = self.bodies.iter().map(place).collect();
        let over = |values: &[f64; BLOCK]| -> f64 {
            values[records.start - moments.first..records.end - moments.first].iter().sum()
        };
        let mut sums = PlateauSums { own: Vec::new(), mixed: Vec::new(), gradient: Vec::new() };
        for &body in &bodies {
            sums.gradient.push(over(&moments.gradients[body]));
            sums.own.extend(bodies.iter().map(|&other| over(moments.product(body, other))));
            for (action, own) in self.state.actions.iter().zip(places) {
                let of_coefficient =
                    |((_, slope), c): (&(Coefficient, super::state::Slope), &usize)| {
                        let product = moments.product(body, *c);
                        let term = |j: usize| slope.at(j) * product[j - moments.first];
                        records.clone().map(term).sum::<f64>()
                    };
                sums.mixed.push(action.iter().zip(own).map(of_coefficient).sum());
            }
        }
        sums
    }
}

/// The slopes of a parameter for each record of a block, with their coefficients; zero beyond its end.
fn spread(action: &Action, places: &[usize], records: &Range<usize>) -> Vec<(usize, [f64; BLOCK])> {
    let one = |((_, slope), &place): (&(Coefficient, super::state::Slope), &usize)| {
        let mut spread = [0.0; BLOCK];
        spread.iter_mut().zip(records.clone()).for_each(|(to, record)| *to = slope.at(record));
        (place, spread)
    };
    action.iter().zip(places).map(one).collect()
}

/// Adds products, record by record.
#[inline(always)]
fn add_products(sums: &mut [f64; BLOCK], a: &[f64; BLOCK], b: &[f64; BLOCK]) {
    for j in 0..BLOCK {
        sums[j] = fused(a[j], b[j], sums[j]);
    }
}

/// The sum of the products of a block.
#[inline(always)]
fn product(a: &[f64; BLOCK], b: &[f64; BLOCK]) -> f64 {
    const LANES: usize = 8;
    let mut lanes = [0.0; LANES];
    for (a, b) in a.as_chunks::<LANES>().0.iter().zip(b.as_chunks::<LANES>().0) {
        for lane in 0..LANES {
            lanes[lane] = fused(a[lane], b[lane], lanes[lane]);
        }
    }
    let [a0, a1, a2, a3, a4, a5, a6, a7] = lanes;
    ((a0 + a4) + (a2 + a6)) + ((a1 + a5) + (a3 + a7))
}

fn add(total: &mut [f64], part: &[f64]) {
    total.iter_mut().zip(part).for_each(|(total, part)| *total += part);
}

/// Products of columns summed over the bins, for each record of a block.
struct BlockMoments {
    /// One for each pair, the lower triangle row by row.
    products: Vec<[f64; BLOCK]>,
    gradients: Vec<[f64; BLOCK]>,
    first: usize,
}

impl BlockMoments {
    fn product(&self, a: usize, b: usize) -> &[f64; BLOCK] {
        let (high, low) = (a.max(b), a.min(b));
        &self.products[high * (high + 1) / 2 + low]
    }
}

/// A bin and its columns.
type BinColumns<'a> = (&'a BinTerms, KeptColumns<'a>);

/// Columns of some records of a bin, and last the residual: real and imaginary parts.
type Group = [[f64; GROUP]; 2];

/// Adds the products of the columns of all bins, for some records.
///
/// A few records at a time, so that the sums of their pairs stay in the nearest cache from bin to bin; and
/// two bins at once, so that each sum is written half as often.
#[inline(always)]
fn add_bins(
    bins: &[BinColumns],
    records: &Range<usize>,
    products: &mut [[f64; BLOCK]],
    gradients: &mut [[f64; BLOCK]],
) {
    let nothing = vec![[[0.0; GROUP]; 2]; gradients.len() + 1];
    let mut columns = [nothing.clone(), nothing];
    for (place, start) in records.clone().step_by(GROUP).enumerate() {
        let group = start..records.end.min(start + GROUP);
        for pair in bins.chunks(2) {
            for (columns, bin) in columns.iter_mut().zip(pair) {
                spread_columns(bin, &group, columns);
            }
            let [first, second] = &columns;
            match pair.len() {
                2 => multiply_all(&[first, second], place, products, gradients),
                _ => multiply_all(&[first], place, products, gradients),
            }
        }
    }
}

/// Writes the columns of a group of records, and its residuals behind them.
#[inline(always)]
fn spread_columns((bin, kept): &BinColumns, group: &Range<usize>, columns: &mut [Group]) {
    let count = columns.len() - 1;
    for (coefficient, column) in columns[..count].iter_mut().enumerate() {
        *column = kept.group(coefficient, group.start / GROUP);
    }
    columns[count] = bin.residual.each_ref().map(|part| group_of(&part[group.clone()]));
}

/// Adds the products of all pairs of columns, of several bins, to the sums of a group of records.
#[inline(always)]
fn multiply_all<const BINS: usize>(
    columns: &[&[Group]; BINS],
    place: usize,
    products: &mut [[f64; BLOCK]],
    gradients: &mut [[f64; BLOCK]],
) {
    let (mut first, count) = (0, gradients.len());
    for (high, gradient) in gradients.iter_mut().enumerate() {
        let own: [Group; BINS] = std::array::from_fn(|bin| columns[bin][high]);
        let pairs = &mut products[first..=first + high];
        first += pairs.len();
        for (low, sums) in pairs.iter_mut().enumerate() {
            multiply(&own, columns, low, &mut sums.as_chunks_mut().0[place]);
        }
        // Behind the columns stand the residuals.
        multiply(&own, columns, count, &mut gradient.as_chunks_mut().0[place]);
    }
}

/// Adds `Re(conj(a) b)` of each bin in turn, b being the column at a place.
#[inline(always)]
fn multiply<const BINS: usize>(
    own: &[Group; BINS],
    columns: &[&[Group]; BINS],
    place: usize,
    sums: &mut [f64; GROUP],
) {
    let mut moved = *sums;
    for bin in 0..BINS {
        let ([a_re, a_im], [b_re, b_im]) = (&own[bin], &columns[bin][place]);
        for lane in 0..GROUP {
            moved[lane] = fused(a_re[lane], b_re[lane], fused(a_im[lane], b_im[lane], moved[lane]));
        }
    }
    *sums = moved;
    // The compiler would otherwise work on several pairs side by side, and gather their numbers one by one.
    std::hint::black_box(());
}
