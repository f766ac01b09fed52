//! The emissivities: one figure an emitter, limited to the band and scaled by what is determined.

use num_complex::Complex64;

use crate::foundations::numerics::math::median;
use crate::page::{Markup, Plot, Scale, Shape, figure_grid, html, note};

use super::facts::{Shown, Value};
use super::parts::{legend, legend_of_parts};

/// The section of one data set.
pub(super) fn render(shown: &Shown) -> Markup {
    let names = shown.facts.emitters();
    let all: Vec<Vec<Value>> = (0..names.len()).map(|emitter| shown.values(emitter)).collect();
    let axis = frequencies(&all);
    let is_known = all.iter().flatten().any(|value| value.known.is_some());
    let known = match (is_known, shown.facts.is_simulated()) {
        (false, _) => "",
        (true, true) => "truth",
        (true, false) => "published model",
    };
    let panels: Vec<Markup> =
        names.iter().zip(&all).map(|(name, values)| panel(name, values, axis, known)).collect();
    let mut further = vec![relative(&names, &all, axis)];
    if is_known {
        further.push(differences(&names, &all, axis, known));
    }
    html! {
        (legend_of_parts(known))
        (figure_grid(&panels))
        (legend(&names))
        (figure_grid(&further))
        (note("Each figure is scaled by the values that are at least twice as long as their error bars, \
               and by what they are held against; what is not determined may leave it."))
    }
}

pub(super) fn frequencies(all: &[Vec<Value>]) -> Scale {
    Scale::about(all.iter().flatten().map(|value| value.ghz))
}

fn panel(name: &str, values: &[Value], axis: Scale, known: &str) -> Markup {
    let determined = values.iter().filter(|value| value.is_determined).count();
    let title = format!("{name}: {determined} of {} bins determined", values.len());
    let mut plot = Plot::new(title, ("GHz", axis), ("emissivity", scale(values)));
    for (series, part) in [(0, real as fn(&Complex64) -> f64), (1, imaginary)] {
        let band = |value: &Value| {
            let (middle, half) = (part(&value.fitted), value.part_sigma());
            (value.ghz, middle - half, middle + half)
        };
        plot = plot.with(Shape::Band { series, points: values.iter().map(band).collect() });
    }
    for (series, name, part) in
        [(0, "real", real as fn(&Complex64) -> f64), (1, "imaginary", imaginary)]
    {
        let points = values.iter().map(|value| (value.ghz, part(&value.fitted))).collect();
        plot = plot.with(Shape::Line { name: name.into(), series, points });
        let points = values.iter().map(|v| (v.ghz, v.known.as_ref().map_or(f64::NAN, part)));
        if !known.is_empty() && values.iter().any(|value| value.known.is_some()) {
            let name = format!("{known}, {name}");
            plot = plot.with(Shape::Known { name, points: points.collect() });
        }
    }
    plot.with(Shape::Across(0.0)).render()
}

fn real(z: &Complex64) -> f64 {
    z.re
}

fn imaginary(z: &Complex64) -> f64 {
    z.im
}

/// About what is known and about what is measured; where neither is, about what the error bars leave.
fn scale(values: &[Value]) -> Scale {
    let measured = values.iter().filter(|value| value.significance() > 2.0).map(|v| v.fitted);
    let mut chosen: Vec<Complex64> = measured.collect();
    let few = 3 * chosen.len() < values.len();
    chosen.extend(values.iter().filter_map(|value| value.known));
    if few {
        let typical = values.iter().map(|value| value.fitted.norm_sqr().sqrt() + value.sigma);
        let typical = median(&typical.filter(|size| size.is_finite()).collect::<Vec<_>>());
        chosen.extend([Complex64::new(typical, -typical)]);
    }
    let measured = chosen.iter().flat_map(|z| [z.re, z.im]);
    Scale::about(measured.chain([0.0]))
}

fn relative(names: &[&str], all: &[Vec<Value>], axis: Scale) -> Markup {
    let curve = |(series, (name, values)): (usize, (&&str, &Vec<Value>))| {
        let points = values.iter().map(|value| (value.ghz, 1.0 / value.significance())).collect();
        Shape::Line { name: (*name).to_owned(), series: series % 8, points }
    };
    let sizes = all.iter().flatten().map(|value| 1.0 / value.significance());
    let scale = Scale::powers_about(sizes.chain([1.0]).filter(|size| *size < 1e3));
    let title = "σ / |E|: below the line an emitter is measured";
    let plot = Plot::new(title, ("GHz", axis), ("σ / |E|", scale));
    let curves = names.iter().zip(all).enumerate().map(curve);
    plot.with_all(curves).with(Shape::Across(1.0)).render()
}

fn differences(names: &[&str], all: &[Vec<Value>], axis: Scale, known: &str) -> Markup {
    let dots = |(series, (name, values)): (usize, (&&str, &Vec<Value>))| {
        let both = |value: &Value| {
            let known = value.known?;
            let z = (value.fitted - known) / value.part_sigma();
            Some([(value.ghz, z.re), (value.ghz, z.im)])
        };
        let points = values.iter().filter_map(both).flatten().collect();
        Shape::Dots { name: (*name).to_owned(), series: series % 8, points }
    };
    let dots: Vec<Shape> = names.iter().zip(all).enumerate().map(dots).collect();
    let largest = dots.iter().flat_map(|dots| match dots {
        Shape::Dots { points, .. } => points.clone(),
        _ => Vec::new(),
    });
    let largest = largest.map(|(_, z)| z.abs()).filter(|z| z.is_finite()).fold(4.5, f64::max);
    let largest = 1.05 * largest.min(30.0);
    let title = format!("(fit − {known}) / σ, real and imaginary part");
    let plot = Plot::new(title, ("GHz", axis), ("σ", Scale::linear(-largest, largest)));
    let rules = [-2.0, 0.0, 2.0].map(Shape::Across);
    plot.with_all(dots).with_all(rules).render()
}
