//! `report.html`: the sections in their order.

use crate::page::{Document, html};
use crate::science::data::settings::Source;

use super::facts::{Facts, Shown};
use super::{
    comparison, emissivity, methods, parameters, records, repeat, residual_figures, verdict,
};

/// Data sets that are shown in full, at most: a page must not grow without end.
const MOST_SETS: usize = 6;

/// The page.
pub(in crate::otf) fn render(facts: &Facts) -> String {
    let mut page = Document::new(title(facts), subtitle(facts));
    verdict::render(facts).into_iter().for_each(|part| page.top(part));
    if facts.is_study() {
        add_comparison(&mut page, facts);
    }
    let sets = facts.study().sets.len();
    for set in 0..sets.min(MOST_SETS) {
        add_data_set(&mut page, (&facts.wanted(set), &facts.shown(set)));
    }
    if sets > MOST_SETS {
        let rest = html! { p { "Figures of the first " (MOST_SETS) " of " (sets) " data sets; solution.npz has all." } };
        page.section("more", "Further data sets", rest);
    }
    if !facts.is_study() {
        add_comparison(&mut page, facts);
    }
    if let Some(body) = parameters::render(facts) {
        page.section("parameters", "Shared parameters", body);
    }
    if let Some(body) = repeat::failures(facts) {
        page.section("failures", "Failures", body);
    }
    page.section("repeat", "How to repeat this", repeat::render(facts));
    page.finish()
}

fn add_comparison(page: &mut Document, facts: &Facts) {
    if let Some(ranking) = facts.ranking {
        page.section("methods", "Methods compared", comparison::render(facts, ranking));
    }
    if let Some(body) = comparison::coverage(facts) {
        page.section("coverage", "Error bars", body);
    }
}

fn add_data_set(page: &mut Document, (wanted, shown): (&Shown, &Shown)) {
    let name = shown.name();
    let draw = |of: &Shown| match of.facts.is_study() {
        true => format!(" ({}, {})", of.method(), verdict::first_draw(&of.facts)),
        false => format!(" ({})", of.method()),
    };
    page.section(format!("records-{name}"), format!("{name}: records"), records::render(shown));
    page.section(
        format!("emissivities-{name}"),
        format!("{name}: emissivities{}", draw(wanted)),
        emissivity::render(wanted),
    );
    page.section(
        format!("residuals-{name}"),
        format!("{name}: residuals{}", draw(shown)),
        residual_figures::render(shown),
    );
    if let Some(body) = methods::render(shown) {
        page.section(format!("others-{name}"), format!("{name}: methods against each other"), body);
    }
}

fn title(facts: &Facts) -> String {
    let sets: Vec<String> = facts.study().sets.iter().map(ToString::to_string).collect();
    let what = match (facts.is_study(), facts.is_simulated()) {
        (true, _) => "Study of",
        (false, true) => "Simulated calibration of",
        (false, false) => "Calibration of",
    };
    format!("{what} {}", sets.join(", "))
}

fn subtitle(facts: &Facts) -> String {
    let data = &facts.otf.config.data;
    let shown = |path: &std::path::Path| crate::foundations::Shown(path).to_string();
    let source = match (data.source, &data.path) {
        (Source::Npz, Some(path)) => format!("Measured: {}", shown(path)),
        _ => "SIMULATED: no measured data".into(),
    };
    let model = data.model.as_deref().map(|path| format!(" · model {}", shown(path)));
    let constraint = facts.otf.config.fit.constraint;
    let version = &facts.plan.plan.version;
    format!("{source}{} · constraint {constraint} · otfhpc {version}", model.unwrap_or_default())
}
