//! Which records are used, and how warm the emitters were.

use crate::page::{Cell, Markup, Plot, Scale, Shape, Table, count, html, note, percent};

use super::evidence::edges;
use super::facts::{Facts, Shown};
use super::parts::legend;

/// The section of one data set.
pub(super) fn render(shown: &Shown) -> Markup {
    let facts = &shown.facts;
    html! {
        (reasons(facts, shown.set))
        @match shown.evidence() {
            Some(evidence) => {
                (temperatures(facts, evidence))
                (legend(&facts.emitters()))
            }
            None => (absent(facts)),
        }
    }
}

/// What stands in the place of figures that need the data.
pub(super) fn absent(facts: &Facts) -> Markup {
    let path = facts.absent.map(|path| crate::foundations::Shown(path).to_string());
    note(format!(
        "{} is not there: nothing can be shown of the records. Merge again where the data are.",
        path.unwrap_or_else(|| "The calibration set".into())
    ))
}

fn reasons(facts: &Facts, set: usize) -> Markup {
    let data_sets = facts.otf.data_sets();
    let Some(data) = data_sets.get(set) else { return html! {} };
    let all = data.screening.records as f64;
    let mut table = Table::new(["records", "count", "part"]);
    let mut row = |name: String, records: usize| {
        let cells = [count(records as u64), percent(records as f64 / all, 1)];
        table.row([Cell::from(name)].into_iter().chain(cells.map(Cell::from)).collect());
    };
    row("used".into(), data.screening.used);
    for (reason, records) in &data.screening.left_out {
        row(format!("left out: {reason}"), *records);
    }
    for (emitter, records) in &data.screening.incomplete {
        row(format!("used, but {emitter} lacks one of several readings"), *records);
    }
    table.render()
}

fn temperatures(facts: &Facts, evidence: &super::evidence::Evidence) -> Markup {
    let points = evidence.temperatures.first().map_or(0, Vec::len);
    let edges = edges(evidence.records, points);
    let curve = |(emitter, name): (usize, &&str)| {
        let values = &evidence.temperatures[emitter];
        let middle = |pair: &[usize]| (pair[0] + pair[1]) as f64 / 2.0;
        let points = edges.windows(2).map(middle).zip(values.iter().copied()).collect();
        Shape::Line { name: (*name).to_owned(), series: emitter % 8, points }
    };
    let all = evidence.temperatures.iter().flatten().copied();
    let (low, high) = all.fold((f64::MAX, 0.0_f64), |(low, high), t| (low.min(t), high.max(t)));
    let plot = Plot::new(
        "Temperatures over the campaign, K",
        ("record, in the order of the campaign", Scale::linear(0.0, evidence.records as f64)),
        ("K", Scale::logarithmic(0.9 * low, 1.1 * high)),
    );
    plot.wide(210.0).with_all(facts.emitters().iter().enumerate().map(curve)).render()
}
