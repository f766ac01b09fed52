//! The methods of one data set against each other, on the same records.

use crate::foundations::numerics::math::median;
use crate::page::{Cell, Markup, Plot, Scale, Shape, Table, figure_grid, html, note, short};

use super::emissivity::frequencies;
use super::facts::{Shown, Value};
use super::parts::legend;
use super::ranking::reference_of;

/// Figures of more methods are left out.
const MOST_FIGURES: usize = 6;

/// The section of one data set; none if there is one method.
pub(super) fn render(shown: &Shown) -> Option<Markup> {
    let study = shown.facts.study();
    if study.methods.len() < 2 {
        return None;
    }
    let names = shown.facts.emitters();
    let reference: Vec<Vec<Value>> = (0..names.len()).map(|e| shown.values(e)).collect();
    let others: Vec<usize> =
        (0..study.methods.len()).filter(|method| *method != reference_of(study)).collect();
    let mut table = Table::new(["method", "bins with a value"].iter().chain(&names).copied());
    let mut figures = Vec::new();
    for method in &others {
        let (other, label) = (shown.by(*method), &study.methods[*method].label);
        let all: Vec<Vec<Point>> =
            (0..names.len()).map(|e| differences(&reference[e], &other.values(e))).collect();
        let size = |points: &Vec<Point>| {
            let sizes = points.iter().map(|point| point.distance).collect::<Vec<_>>();
            Cell::from(short(median(&sizes)))
        };
        let first = [Cell::from(label.as_str()), Cell::from(other.bins().len().to_string())];
        table.row(first.into_iter().chain(all.iter().map(size)).collect());
        if figures.len() < MOST_FIGURES {
            figures.push(figure(label, shown.method(), &names, &all, frequencies(&reference)));
        }
    }
    let more = others.len().saturating_sub(MOST_FIGURES);
    Some(html! {
        p { "Median over the band of |E − E(" (shown.method()) ")| / σ(" (shown.method()) "):" }
        (table.render())
        (figure_grid(&figures))
        (legend(&names))
        @if more > 0 { (note(format!("Figures of the first {MOST_FIGURES} other methods; the table has all."))) }
    })
}

struct Point {
    ghz: f64,
    /// Of the real parts, in standard errors of the reference.
    real: f64,
    distance: f64,
}

/// At the bins where both have a value.
fn differences(reference: &[Value], other: &[Value]) -> Vec<Point> {
    let point = |value: &Value| {
        let other = other.iter().find(|other| other.ghz == value.ghz)?;
        let difference = other.fitted - value.fitted;
        Some(Point {
            ghz: value.ghz,
            real: difference.re / value.part_sigma(),
            distance: difference.norm_sqr().sqrt() / value.sigma,
        })
    };
    reference.iter().filter_map(point).collect()
}

fn figure(label: &str, reference: &str, names: &[&str], all: &[Vec<Point>], axis: Scale) -> Markup {
    let curve = |(series, (name, points)): (usize, (&&str, &Vec<Point>))| Shape::Line {
        name: (*name).to_owned(),
        series: series % 8,
        points: points.iter().map(|point| (point.ghz, point.real)).collect(),
    };
    let sizes = all.iter().flatten().map(|point| point.real).filter(|z| z.abs() < 20.0);
    let y = Scale::about(sizes.chain([-1.0, 1.0]));
    Plot::new(format!("({label} − {reference}) / σ, real part"), ("GHz", axis), ("σ", y))
        .with_all(names.iter().zip(all).enumerate().map(curve))
        .with(Shape::Across(0.0))
        .render()
}
