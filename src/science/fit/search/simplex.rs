//! The simplex of Nelder and Mead, without an allocation in a step: where the objective is a handful of
//! operations, what a general library keeps about each step takes ten times as long as the step.
//!
//! Nelder & Mead 1965, Computer J. 7, 308, with the usual factors: 1 (reflection), 2 (expansion), 1/2
//! (contraction) and 1/2 (shrinkage).

/// Corners of a simplex, and what an objective is there.
#[derive(Debug)]
pub(crate) struct Simplex {
    dimensions: usize,
    /// `[corner][axis]`, the best first.
    corners: Vec<f64>,
    values: Vec<f64>,
    centroid: Vec<f64>,
    /// The places that are tried in a step, the first and the second.
    tried: [Vec<f64>; 2],
}

impl Simplex {
    /// The origin, and corners an `edge` away from it along each of so many axes.
    pub(crate) fn at_origin(
        dimensions: usize,
        edge: f64,
        objective: &mut impl FnMut(&[f64]) -> f64,
    ) -> Self {
        let mut corners = vec![0.0; (dimensions + 1) * dimensions];
        for axis in 0..dimensions {
            corners[(axis + 1) * dimensions + axis] = edge;
        }
        let values = (0..=dimensions).map(|i| objective(&corners[i * dimensions..][..dimensions]));
        let mut simplex = Self {
            dimensions,
            values: values.collect(),
            corners,
            centroid: vec![0.0; dimensions],
            tried: [vec![0.0; dimensions], vec![0.0; dimensions]],
        };
        simplex.sort();
        simplex
    }

    /// The corner where the objective is least.
    pub(crate) fn best(&self) -> &[f64] {
        self.corner(0)
    }

    /// The standard deviation of the values at the corners, as of a sample.
    pub(crate) fn spread(&self) -> f64 {
        let count = self.values.len() as f64;
        let mean = self.values.iter().sum::<f64>() / count;
        let squares: f64 = self.values.iter().map(|value| (value - mean) * (value - mean)).sum();
        (squares / (count - 1.0)).sqrt()
    }

    /// One step: a better place for the worst corner, or all corners nearer to the best one.
    pub(crate) fn step(&mut self, objective: &mut impl FnMut(&[f64]) -> f64) {
        let last = self.dimensions;
        let (best, second, worst) = (self.values[0], self.values[last - 1], self.values[last]);
        self.find_centroid();
        let reflected = self.reflect(objective);
        let found = if reflected < best {
            let expanded = self.stretch(2.0, objective);
            Some(if expanded < reflected { (1, expanded) } else { (0, reflected) })
        } else if reflected < second {
            Some((0, reflected))
        } else if reflected < worst {
            let contracted = self.stretch(0.5, objective);
            (contracted <= reflected).then_some((1, contracted))
        } else {
            self.tried[0].copy_from_slice(&self.corners[last * self.dimensions..]);
            let contracted = self.stretch(0.5, objective);
            (contracted < worst).then_some((1, contracted))
        };
        match found {
            Some((place, value)) => {
                let corner = &mut self.corners[last * self.dimensions..];
                corner.copy_from_slice(&self.tried[place]);
                self.values[last] = value;
                self.bring_to_its_place();
            }
            None => {
                self.shrink(objective);
                self.sort();
            }
        }
    }

    fn corner(&self, i: usize) -> &[f64] {
        &self.corners[i * self.dimensions..][..self.dimensions]
    }

    /// The mean of all corners but the worst.
    fn find_centroid(&mut self) {
        let Self { dimensions, corners, centroid, .. } = self;
        let (best, others) = corners.split_at(*dimensions);
        centroid.copy_from_slice(best);
        for corner in others.chunks_exact(*dimensions).take(*dimensions - 1) {
            centroid.iter_mut().zip(corner).for_each(|(sum, value)| *sum += value);
        }
        let part = 1.0 / *dimensions as f64;
        centroid.iter_mut().for_each(|sum| *sum *= part);
    }

    /// Tries the reflection of the worst corner.
    fn reflect(&mut self, objective: &mut impl FnMut(&[f64]) -> f64) -> f64 {
        let Self { dimensions, corners, centroid, tried: [place, _], .. } = self;
        let worst = &corners[*dimensions * *dimensions..];
        for ((x, centre), worst) in place.iter_mut().zip(&*centroid).zip(worst) {
            *x = centre + (centre - worst);
        }
        objective(place)
    }

    /// Tries a second place: the first that was tried, so many times as far from the centroid.
    fn stretch(&mut self, factor: f64, objective: &mut impl FnMut(&[f64]) -> f64) -> f64 {
        let Self { centroid, tried: [first, place], .. } = self;
        for ((x, centre), first) in place.iter_mut().zip(&*centroid).zip(&*first) {
            *x = centre + (first - centre) * factor;
        }
        objective(place)
    }

    /// Moves all corners halfway to the best.
    fn shrink(&mut self, objective: &mut impl FnMut(&[f64]) -> f64) {
        let (best, others) = self.corners.split_at_mut(self.dimensions);
        let values = self.values.iter_mut().skip(1);
        for (corner, value) in others.chunks_exact_mut(self.dimensions).zip(values) {
            corner.iter_mut().zip(&*best).for_each(|(x, best)| *x = best + (*x - best) * 0.5);
            *value = objective(corner);
        }
    }

    /// Puts the last corner before those that are worse; of equals it is the last.
    fn bring_to_its_place(&mut self) {
        let last = self.dimensions;
        let value = self.values[last];
        let place = self.values[..last].iter().rposition(|other| *other <= value);
        let place = place.map_or(0, |place| place + 1);
        self.values[place..].rotate_right(1);
        self.corners[place * self.dimensions..].rotate_right(self.dimensions);
    }

    /// Brings the corners into the order of their values.
    fn sort(&mut self) {
        let mut order: Vec<usize> = (0..self.values.len()).collect();
        order.sort_by(|a, b| self.values[*a].total_cmp(&self.values[*b]));
        self.corners = order.iter().flat_map(|&i| self.corner(i).to_vec()).collect();
        self.values = order.iter().map(|&i| self.values[i]).collect();
    }
}

#[cfg(test)]
mod tests {
    use argmin::core::{CostFunction, Error, Executor, State};
    use argmin::solver::neldermead::NelderMead;

    use super::*;

    fn valley(x: &[f64]) -> f64 {
        let terms = x.windows(2).map(|pair| {
            let (a, b) = (1.0 - pair[0], pair[1] - pair[0] * pair[0]);
            a * a + 30.0 * b * b
        });
        terms.sum::<f64>() + (x[0] - 0.3).abs()
    }

    struct Valley;

    impl CostFunction for Valley {
        type Param = Vec<f64>;
        type Output = f64;

        fn cost(&self, x: &Vec<f64>) -> Result<f64, Error> {
            Ok(valley(x))
        }
    }

    /// The library walks the same way, to the bit: through reflections, expansions, contractions and, at a
    /// kink, shrinkages.
    #[test]
    fn it_goes_where_the_library_goes() {
        for (dimensions, edge) in [(2, 1.0), (3, 0.5), (7, 1.0), (12, 0.1)] {
            let mut corners = vec![vec![0.0; dimensions]; dimensions + 1];
            (0..dimensions).for_each(|axis| corners[axis + 1][axis] = edge);
            let mut ours = Simplex::at_origin(dimensions, edge, &mut |x| valley(x));
            for steps in 1..400 {
                ours.step(&mut |x| valley(x));
                if steps % 50 > 2 {
                    continue;
                }
                let solver = NelderMead::new(corners.clone()).with_sd_tolerance(0.0).unwrap();
                let run = Executor::new(Valley, solver).configure(|state| state.max_iters(steps));
                let theirs = run.run().unwrap().state.get_best_param().unwrap().clone();
                assert_eq!(ours.best(), theirs, "{dimensions} axes, {steps} steps");
            }
        }
    }

    #[test]
    fn the_spread_falls_at_a_minimum() {
        let bowl = |x: &[f64]| x.iter().map(|x| (x - 2.0) * (x - 2.0)).sum();
        let mut simplex = Simplex::at_origin(5, 1.0, &mut |x| bowl(x));
        let start = simplex.spread();
        (0..1000).for_each(|_| simplex.step(&mut |x| bowl(x)));
        assert!(simplex.spread() < 1e-15 * start);
        assert!(simplex.best().iter().all(|x| (x - 2.0).abs() < 1e-6));
    }
}
