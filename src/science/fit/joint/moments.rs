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
use super::columns::{BLOCK, GROUP, KeptColumns, LANES, SetColumns, total};
use super::state::{Action, Coefficient, RecordState, Slope};

/// Records of which the moments are held at once: a few groups of those that stand together.
const SPAN: usize = 2 * GROUP;

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
        let columns = |bin: &'a BinTerms| Some(self.columns.of_bin(bin.kept.as_ref()?));
        let bins: Vec<KeptColumns> = self.bins.iter().filter_map(columns).collect();
        let acting: Vec<Vec<Acting>> = self.state.actions.iter().map(|a| self.acting(a)).collect();
        let of_block = |block: usize| {
            let range = block * BLOCK..records.min((block + 1) * BLOCK);
            self.block(&bins, &acting, &range)
        };
        let blocks = records.div_ceil(BLOCK);
        let parts: Vec<Sums> = (0..blocks).into_par_iter().map(of_block).collect();
        let mut total = Sums::zero(self.state.actions.len());
        total.plateaus = vec![self.no_plateau(); self.plateaus.len()];
        for (block, part) in parts.into_iter().enumerate() {
            add(&mut total.normal, &part.normal);
            add(&mut total.gradient, &part.gradient);
            let touched = self.touched(&(block * BLOCK..(block + 1) * BLOCK));
            for (total, part) in total.plateaus[touched].iter_mut().zip(&part.plateaus) {
                total.add(part);
            }
        }
        total
    }

    /// The sums of a plateau of which no record has been looked at.
    fn no_plateau(&self) -> PlateauSums {
        let (bodies, parameters) = (self.bodies.len(), self.state.actions.len());
        PlateauSums {
            own: vec![0.0; bodies * bodies],
            mixed: vec![0.0; bodies * parameters],
            gradient: vec![0.0; bodies],
        }
    }

    /// On what a parameter acts.
    fn acting(&self, action: &'a Action) -> Vec<Acting<'a>> {
        let place = |c: &Coefficient| self.coefficients.binary_search(c).unwrap_or(0);
        let slope = |slope: &'a Slope| match slope {
            Slope::Same(slope) => Spans::Same(Box::new([*slope; SPAN])),
            Slope::Each(slopes) => Spans::Each(slopes.as_chunks().0),
        };
        action.iter().map(|(c, own)| Acting { coefficient: place(c), slope: slope(own) }).collect()
    }

    /// The sums over a block of records, and over the plateaus that they touch.
    fn block(&self, bins: &[KeptColumns], acting: &[Vec<Acting>], records: &Range<usize>) -> Sums {
        let count = self.coefficients.len();
        let mut moments = SpanMoments {
            products: vec![[0.0; SPAN]; count * (count + 1) / 2],
            gradients: vec![[0.0; SPAN]; count],
            first: records.start,
        };
        let mut sums = LaneSums::zero(acting.len());
        let touched = self.touched(records);
        let mut plateaus = vec![self.no_plateau(); touched.len()];
        for start in records.clone().step_by(SPAN) {
            let span = start..records.end.min(start + SPAN);
            moments.first = start;
            with_widest_simd(
                #[inline(always)]
                || {
                    moments.sum_over(bins, &span);
                    sums.add(&moments, acting, start / SPAN);
                },
            );
            for plateau in self.touched(&span) {
                let own = self.plateaus[plateau].clone();
                let range = own.start.max(span.start)..own.end.min(span.end);
                plateaus[plateau - touched.start].add(&self.plateau(&moments, range, acting));
            }
        }
        Sums { plateaus, ..sums.total() }
    }

    /// The plateaus that have any of some records.
    fn touched(&self, records: &Range<usize>) -> Range<usize> {
        let first = self.plateaus.partition_point(|plateau| plateau.end <= records.start);
        let end = self.plateaus.partition_point(|plateau| plateau.start < records.end);
        first..end.max(first)
    }

    /// What some records of one plateau add to its sums.
    fn plateau(
        &self,
        moments: &SpanMoments,
        records: Range<usize>,
        acting: &[Vec<Acting>],
    ) -> PlateauSums {
        let place = |body: &usize| {
            self.coefficients.binary_search(&Coefficient::Temperature(*body)).unwrap_or(0)
        };
        let bodies: Vec<usize> = self.bodies.iter().map(place).collect();
        let own = records.start - moments.first..records.end - moments.first;
        let over = |values: &[f64; SPAN]| -> f64 { values[own.clone()].iter().sum() };
        let mut sums = PlateauSums { own: Vec::new(), mixed: Vec::new(), gradient: Vec::new() };
        for &body in &bodies {
            sums.gradient.push(over(&moments.gradients[body]));
            sums.own.extend(bodies.iter().map(|&other| over(moments.product(body, other))));
            for parameter in acting {
                let of_coefficient = |acting: &Acting| {
                    let product = &moments.product(body, acting.coefficient)[own.clone()];
                    let slope = &acting.slope.at(moments.first / SPAN)[own.clone()];
                    slope.iter().zip(product).map(|(slope, product)| slope * product).sum::<f64>()
                };
                sums.mixed.push(parameter.iter().map(of_coefficient).sum());
            }
        }
        sums
    }
}

impl PlateauSums {
    /// Adds those of further records.
    fn add(&mut self, further: &Self) {
        add(&mut self.own, &further.own);
        add(&mut self.mixed, &further.mixed);
        add(&mut self.gradient, &further.gradient);
    }
}

/// On which column a parameter acts, and by how much.
struct Acting<'a> {
    /// Its place among the coefficients.
    coefficient: usize,
    slope: Spans<'a>,
}

/// A number for each record, span by span.
enum Spans<'a> {
    /// The same for all.
    Same(Box<[f64; SPAN]>),
    /// One for each.
    Each(&'a [[f64; SPAN]]),
}

impl Spans<'_> {
    #[inline(always)]
    fn at(&self, span: usize) -> &[f64; SPAN] {
        match self {
            Self::Same(slope) => slope,
            Self::Each(slopes) => &slopes[span],
        }
    }
}

/// What a block says of the shared parameters, over lanes that are still to be added up.
struct LaneSums {
    /// `[parameter][parameter]`, the lower triangle.
    normal: Vec<[f64; LANES]>,
    gradient: Vec<[f64; LANES]>,
}

impl LaneSums {
    fn zero(parameters: usize) -> Self {
        Self {
            normal: vec![[0.0; LANES]; parameters * parameters],
            gradient: vec![[0.0; LANES]; parameters],
        }
    }

    /// Adds what the records of a span say.
    #[inline(always)]
    fn add(&mut self, moments: &SpanMoments, acting: &[Vec<Acting>], span: usize) {
        let n = acting.len();
        // The products of a parameter's derivative with every column.
        let mut along = vec![[0.0; SPAN]; moments.gradients.len()];
        for (m, own) in acting.iter().enumerate() {
            for (d, along) in along.iter_mut().enumerate() {
                along.fill(0.0);
                for Acting { coefficient, slope } in own {
                    add_products(along, slope.at(span), moments.product(*coefficient, d));
                }
            }
            for Acting { coefficient, slope } in own {
                let gradient = &moments.gradients[*coefficient];
                add_lanes(&mut self.gradient[m], slope.at(span), gradient);
            }
            for (sums, theirs) in self.normal[m * n..=m * n + m].iter_mut().zip(acting) {
                for Acting { coefficient, slope } in theirs {
                    add_lanes(sums, slope.at(span), &along[*coefficient]);
                }
            }
        }
    }

    fn total(&self) -> Sums {
        Sums {
            normal: self.normal.iter().map(total).collect(),
            gradient: self.gradient.iter().map(total).collect(),
            plateaus: Vec::new(),
        }
    }
}

/// Adds products, record by record.
#[inline(always)]
fn add_products(sums: &mut [f64; SPAN], a: &[f64; SPAN], b: &[f64; SPAN]) {
    for j in 0..SPAN {
        sums[j] = fused(a[j], b[j], sums[j]);
    }
}

/// Adds the products of a span to sums over lanes.
#[inline(always)]
fn add_lanes(sums: &mut [f64; LANES], a: &[f64; SPAN], b: &[f64; SPAN]) {
    let mut moved = *sums;
    for (a, b) in a.as_chunks::<LANES>().0.iter().zip(b.as_chunks::<LANES>().0) {
        for lane in 0..LANES {
            moved[lane] = fused(a[lane], b[lane], moved[lane]);
        }
    }
    *sums = moved;
}

fn add(total: &mut [f64], part: &[f64]) {
    total.iter_mut().zip(part).for_each(|(total, part)| *total += part);
}

/// Products of columns summed over the bins, for each record of a span.
struct SpanMoments {
    /// One for each pair, the lower triangle row by row.
    products: Vec<[f64; SPAN]>,
    gradients: Vec<[f64; SPAN]>,
    /// Its first record.
    first: usize,
}

impl SpanMoments {
    #[inline(always)]
    fn product(&self, a: usize, b: usize) -> &[f64; SPAN] {
        let (high, low) = (a.max(b), a.min(b));
        &self.products[high * (high + 1) / 2 + low]
    }

    /// Sums over the bins, of some records.
    #[inline(always)]
    fn sum_over(&mut self, bins: &[KeptColumns], records: &Range<usize>) {
        self.products.fill([0.0; SPAN]);
        self.gradients.fill([0.0; SPAN]);
        add_bins(bins, records, &mut self.products, &mut self.gradients);
    }
}

/// Columns of some records of a bin, and last the residual: real and imaginary parts.
type Group = [[f64; GROUP]; 2];

/// Adds the products of the columns of all bins, for some records.
///
/// A few records at a time, so that the sums of their pairs stay in the nearest cache from bin to bin; and
/// two bins at once, so that each sum is written half as often.
#[inline(always)]
fn add_bins(
    bins: &[KeptColumns],
    records: &Range<usize>,
    products: &mut [[f64; SPAN]],
    gradients: &mut [[f64; SPAN]],
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
fn spread_columns(kept: &KeptColumns, group: &Range<usize>, columns: &mut [Group]) {
    let count = columns.len() - 1;
    for (coefficient, column) in columns[..count].iter_mut().enumerate() {
        *column = kept.group(coefficient, group.start / GROUP);
    }
    columns[count] = kept.residual(group.start / GROUP);
}

/// Adds the products of all pairs of columns, of several bins, to the sums of a group of records.
#[inline(always)]
fn multiply_all<const BINS: usize>(
    columns: &[&[Group]; BINS],
    place: usize,
    products: &mut [[f64; SPAN]],
    gradients: &mut [[f64; SPAN]],
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
