//! The parameters that all bins share, where they were fitted: what was known, and what the data say.

use crate::otf::products::ParameterRow;
use crate::page::{Cell, Markup, Plot, Scale, Shape, Table, html, note, percent, short};

use super::facts::Facts;

/// The section; none if nothing is shared.
pub(super) fn render(facts: &Facts) -> Option<Markup> {
    let first = facts.parameters.first()?.configuration;
    let own: Vec<&ParameterRow> = facts
        .parameters
        .iter()
        .filter(|row| row.configuration == first && !row.is_of_a_plateau())
        .collect();
    let is_known = own.iter().any(|row| row.truth.is_some());
    let fixed =
        ["parameter", "unit", "prior", "± prior", "value", "± value", "from the data", "pull, σ"];
    let of_truth = ["truth", "error, σ"].into_iter().filter(|_| is_known);
    let mut table = Table::new(fixed.into_iter().chain(of_truth));
    for row in &own {
        let optional = |value: Option<f64>| value.map_or("–".into(), short);
        let pull = row.pull.unwrap_or(0.0).abs();
        let mut cells = vec![
            Cell::from(row.parameter.as_str()),
            Cell::from(row.unit.as_str()),
            Cell::from(short(row.prior)),
            Cell::from(optional(row.prior_sigma)),
            Cell::from(short(row.value)),
            Cell::from(short(row.sigma)),
            Cell::from(percent(row.data_share, 0)),
            Cell::new(optional(row.pull), if pull > 3.0 { "warn" } else { "" }),
        ];
        if is_known {
            cells.extend([Cell::from(optional(row.truth)), Cell::from(optional(row.z))]);
        }
        table.row(cells);
    }
    let method = &own.first()?.method;
    Some(html! {
        p { "Fitted together with all emissivities by " b { (method) } ", in " (own.first()?.data_set) "." }
        (figure(&own))
        (table.render())
        (note("Prior and value in the figure are in standard errors of the prior: grey is what was known, \
               blue what is known now. parameters.csv has all draws, and the temperatures of plateaus."))
    })
}

fn figure(rows: &[&ParameterRow]) -> Markup {
    let with_prior: Vec<&&ParameterRow> =
        rows.iter().filter(|row| row.prior_sigma.is_some()).collect();
    let of = |row: &ParameterRow| {
        let prior = row.prior_sigma.unwrap_or(f64::NAN);
        ((row.value - row.prior) / prior, row.sigma / prior)
    };
    let reach = with_prior.iter().map(|row| of(row).0.abs() + of(row).1).filter(|z| z.is_finite());
    let reach = 1.1 * reach.fold(1.5, f64::max).min(10.0);
    let bar = |middle: f64, half: f64, y: f64, thick: f64| {
        vec![(middle - half, y - thick, y + thick), (middle + half, y - thick, y + thick)]
    };
    let mut shapes = Vec::new();
    let mut dots = Vec::new();
    for (row, parameter) in with_prior.iter().enumerate() {
        let (y, (value, sigma)) = (-(row as f64), of(parameter));
        shapes.push(Shape::Band { series: 6, points: bar(0.0, 1.0, y, 0.32) });
        shapes.push(Shape::Band { series: 0, points: bar(value, sigma, y, 0.18) });
        dots.push((value, y));
    }
    let names = with_prior.iter().map(|row| row.parameter.clone()).collect();
    let x = ("standard errors of the prior", Scale::linear(-reach, reach));
    Plot::new("Shared parameters: prior and posterior", x, ("", Scale::linear(0.0, 1.0)))
        .wide(0.0)
        .of_rows(names)
        .with_all(shapes)
        .with(Shape::Dots { name: String::new(), series: 0, points: dots })
        .with(Shape::Upright(0.0))
        .render()
}
