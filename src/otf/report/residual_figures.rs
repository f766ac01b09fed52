//! Whether the residuals are what the noise is said to be: by bin, by plateau, by record.

use num_complex::Complex64;

use crate::foundations::numerics::math::{exp, log10};
use crate::page::{Cell, Markup, Plot, Scale, Shape, Table, figure_grid, html, note};

use super::evidence::{Evidence, HALF, PER_SIGMA, Residuals, edges};
use super::facts::Shown;
use super::records::absent;

/// Points of the figure by plateau, at most.
const MOST_POINTS: usize = 600;

/// The section of one data set.
pub(super) fn render(shown: &Shown) -> Markup {
    let mut figures = vec![by_bin(shown)];
    let Some(evidence) = shown.evidence() else {
        return html! { (figure_grid(&figures)) (absent(&shown.facts)) };
    };
    let Some(residuals) = &evidence.residuals else {
        return html! {
            (figure_grid(&figures))
            (note("Residuals cannot be shown: the noise is not known, or the fit has corrections of its own."))
        };
    };
    figures.push(histogram(residuals));
    figures.push(by_plateau(evidence, residuals));
    let maps = [("real", real as fn(&Complex64) -> f64), ("imaginary", imaginary)];
    let maps = maps.map(|(name, part)| map(shown, evidence, residuals, (name, part)));
    html! {
        (figure_grid(&figures))
        @for map in &maps { (map) }
        (legend_of_map())
        (note("A cell of the maps is the sum of the residuals of its records and bins in standard deviations: \
               of a model that holds, it is a normal number. A stripe along records is a bad stretch of the \
               campaign; one along frequencies, a bad bin. The lowest row of a map is the lowest frequency."))
        (correlations(shown, evidence))
    }
}

fn real(z: &Complex64) -> f64 {
    z.re
}

fn imaginary(z: &Complex64) -> f64 {
    z.im
}

fn by_bin(shown: &Shown) -> Markup {
    let (arrays, grid) = (shown.facts.arrays, shown.grid());
    let row = shown.configuration as usize;
    let bins = shown.facts.study().bins.iter();
    let points: Vec<(f64, f64)> =
        bins.map(|&bin| (grid.frequency_ghz[bin], arrays.chi2_per_degree_at(row, bin))).collect();
    let x = Scale::about(points.iter().map(|point| point.0));
    let y = about_one(&points);
    let title = format!("χ² per degree of freedom by bin ({})", shown.method());
    let band: Vec<f64> = grid.band.iter().map(|bin| grid.frequency_ghz[*bin]).collect();
    let edges = band.first().into_iter().chain(band.last()).copied().map(Shape::Upright);
    let line = Shape::Line { name: "χ²".into(), series: 0, points };
    Plot::new(title, ("GHz; upright lines: the band", x), ("χ² / degree", y))
        .with(line)
        .with_all(edges)
        .with(Shape::Across(1.0))
        .render()
}

/// Means over neighbours, where there are too many points to be told apart.
fn thinned(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mean = |pair: &[usize]| {
        let own = &points[pair[0]..pair[1]];
        let sum = own.iter().fold((0.0, 0.0), |sum, point| (sum.0 + point.0, sum.1 + point.1));
        (sum.0 / own.len() as f64, sum.1 / own.len() as f64)
    };
    edges(points.len(), MOST_POINTS).windows(2).filter(|pair| pair[1] > pair[0]).map(mean).collect()
}

/// About values of chi2; a few that are far off do not make the others flat.
fn about_one(points: &[(f64, f64)]) -> Scale {
    let values = points.iter().map(|point| point.1).filter(|value| value.is_finite());
    Scale::about(values.map(|value| value.min(4.0)).chain([0.9, 1.1]))
}

fn histogram(residuals: &Residuals) -> Markup {
    let total: u64 = residuals.histogram.iter().sum();
    let edge = |class: usize| (class as f64 - HALF as f64) / PER_SIGMA;
    let density = |count: u64| count as f64 * PER_SIGMA / total as f64;
    let column = |(class, count): (usize, &u64)| (edge(class), edge(class + 1), density(*count));
    let columns: Vec<(f64, f64, f64)> =
        residuals.histogram.iter().enumerate().map(column).collect();
    let gaussian = |x: f64| exp(-0.5 * x * x) / (2.0 * std::f64::consts::PI).sqrt();
    let curve = (0..=2 * HALF).map(edge).map(|x| (x, gaussian(x)));
    let least = density(1) * 0.5;
    let low = if least > 0.0 { log10(least).floor() } else { -6.0 };
    let y = Scale::logarithmic(crate::foundations::numerics::math::pow(10.0, low), 1.0);
    Plot::new(
        "Residuals of the band against a Gaussian",
        ("σ", Scale::linear(edge(0), edge(2 * HALF))),
        ("part per σ", y),
    )
    .with(Shape::Columns { series: 0, columns })
    .with(Shape::Known { name: "Gaussian".into(), points: curve.collect() })
    .render()
}

fn by_plateau(evidence: &Evidence, residuals: &Residuals) -> Markup {
    let chi2 = residuals.chi2();
    let (mut points, mut first) = (Vec::new(), 0);
    for plateau in evidence.plateaus.chunk_by(|a, b| a == b) {
        let own = &chi2[first..first + plateau.len()];
        let middle = first as f64 + plateau.len() as f64 / 2.0;
        points.push((middle, own.iter().sum::<f64>() / own.len() as f64));
        first += plateau.len();
    }
    let points = thinned(&points);
    let y = about_one(&points);
    let x = Scale::linear(0.0, evidence.records as f64);
    Plot::new("χ² of each plateau over the campaign", ("record", x), ("χ² / value", y))
        .with(Shape::Dots { name: "plateau".into(), series: 0, points })
        .with(Shape::Across(1.0))
        .render()
}

fn map(
    shown: &Shown,
    evidence: &Evidence,
    residuals: &Residuals,
    (name, part): (&str, fn(&Complex64) -> f64),
) -> Markup {
    let ghz = &shown.grid().frequency_ghz;
    let step = ghz[1] - ghz[0];
    let edge = |row: &Vec<usize>| match (row.first(), row.last()) {
        (Some(first), Some(last)) => (ghz[*first] - step / 2.0, ghz[*last] + step / 2.0),
        _ => (f64::NAN, f64::NAN),
    };
    let rows: Vec<(f64, f64)> = residuals.rows.iter().map(edge).collect();
    let edges: Vec<f64> = residuals.columns.iter().map(|edge| *edge as f64).collect();
    let class = |z: f64| if z.is_nan() { 0 } else { z.clamp(-4.0, 4.0) as i8 };
    let deviations = residuals.deviations(part);
    let classes = deviations.iter().map(|row| row.iter().copied().map(class).collect()).collect();
    let low = rows.first().map_or(f64::NAN, |row| row.0);
    let high = rows.last().map_or(f64::NAN, |row| row.1);
    let x = Scale::linear(0.0, evidence.records as f64);
    let title = format!("Residuals by record and frequency, {name} part");
    Plot::new(title, ("record, in the order of the campaign", x), ("GHz", Scale::linear(low, high)))
        .wide(230.0)
        .with(Shape::Cells { rows, edges, classes })
        .render()
}

fn legend_of_map() -> Markup {
    let classes = [
        ("n4", "below −4 σ"),
        ("n3", "−3"),
        ("n2", "−2"),
        ("n1", "−1"),
        ("p1", "1"),
        ("p2", "2"),
        ("p3", "3"),
        ("p4", "above 4 σ"),
    ];
    html! { div.legend { @for (class, text) in classes {
        span { i style={ "background:var(--" (class) ")" } {} (text) }
    } } }
}

fn correlations(shown: &Shown, evidence: &Evidence) -> Markup {
    let names = shown.facts.emitters();
    let table = |values: &[f64]| {
        let mut table = Table::new([""].iter().chain(&names).copied());
        for (i, name) in names.iter().enumerate() {
            let cell = |k: usize| {
                let value = values[i * names.len() + k];
                let class = match value {
                    _ if i == k => "chance",
                    v if v > 0.7 => "h2",
                    v if v > 0.3 => "h1",
                    v if v < -0.7 => "c2",
                    v if v < -0.3 => "c1",
                    _ => "chance",
                };
                Cell::new(format!("{value:.2}").replace('-', "−"), class)
            };
            table.row([Cell::from(*name)].into_iter().chain((0..names.len()).map(cell)).collect());
        }
        table.render()
    };
    html! { @if !evidence.correlations.is_empty() {
        h3 { "Correlation of the errors of emitters" }
        div.grid.tables { @for (bin, values) in &evidence.correlations {
            div { p.note { (format!("{:.0} GHz (bin {bin})", shown.grid().frequency_ghz[*bin])) } (table(values)) }
        } }
        (note("Of weighted least squares with the constraint of the fit. Near ±1 the data know the sum or the \
               difference of two emitters better than each of them."))
    } }
}
