//! The verdict, what to look at, and how well each emitter is known.

use crate::foundations::numerics::math::median;
use crate::foundations::{Shown as ShownPath, counted};
use crate::otf::{fitted_as, products::chi2_doubts};
use crate::page::{Markup, count, html, short};
use crate::runner::store::UnitStatus;
use crate::science::data::Reason;
use crate::science::fit::Status;

use super::chance::Standing;
use super::facts::{Facts, Shown};
use super::parts::{boxed, listed};
use super::ranking::{ErrorOf, Ranking};
use super::ranking_text::change;

/// An emitter with a longer error bar than this part of its value is hardly measured.
const WEAK: f64 = 5.0;

/// All of it.
pub(super) fn render(facts: &Facts) -> Vec<Markup> {
    let (mut parts, hints) = (vec![verdict(facts)], hints(facts));
    parts.extend(facts.ranking.map(|ranking| boxed("", "Methods", &in_words(ranking))));
    if !hints.is_empty() {
        let list = html! { ul { @for hint in &hints { li { (hint) } } } };
        parts.push(boxed("warn", "Look at", &list));
    }
    parts.extend((0..facts.study().sets.len()).map(|set| cards(&facts.wanted(set))));
    parts
}

fn of_status(facts: &Facts, wanted: Status) -> u64 {
    let all = UnitStatus::ALL.into_iter().filter(|status| fitted_as(*status) == wanted);
    all.map(|status| facts.ledger.totals.of(status)).sum()
}

fn verdict(facts: &Facts) -> Markup {
    let (study, totals) = (facts.study(), &facts.ledger.totals);
    let class = if totals.has_failures() { "warn" } else { "good" };
    let parts: Vec<String> = Status::REGISTRY
        .iter()
        .map(|(status, _, name, _)| (of_status(facts, *status), *name))
        .filter(|(units, _)| *units > 0)
        .map(|(units, name)| format!("{} {name}", count(units)))
        .collect();
    let grid = format!(
        "{} units = {} of {} ({})",
        count(totals.sum()),
        counted(study.bins.len(), "bin"),
        counted(study.configurations(), "configuration"),
        sizes(facts)
    );
    let chi2 = facts.rows.iter().find(|row| row.method == facts.shown(0).method());
    let chi2 = chi2.and_then(|row| row.chi2_per_degree);
    let body = html! {
        p { "Nothing is missing: " (grid) "; " (listed(&parts)) "." }
        @for data in facts.otf.data_sets() {
            p { (data.set) ": " (count(data.screening.used as u64)) " of "
                (count(data.screening.records as u64)) " records used." }
        }
        @if let Some(chi2) = chi2 {
            p { "χ² per degree of freedom, median over the band: " b { (short(chi2)) } " (" (facts.shown(0).method()) "); one is expected." }
        }
    };
    boxed(class, "Complete", &body)
}

fn sizes(facts: &Facts) -> String {
    let study = facts.study();
    let mut parts =
        vec![counted(study.sets.len(), "data set"), counted(study.methods.len(), "method")];
    if facts.is_simulated() {
        parts.push(counted(study.noise_levels.len(), "noise level"));
    }
    parts.push(counted(study.trials, "trial"));
    parts.join(" × ")
}

/// What the trials say of the methods.
fn in_words(ranking: &Ranking) -> Markup {
    let reference = ranking.reference_label();
    let group = |standing: Standing| -> Vec<String> {
        let own = ranking.order().into_iter().filter(|m| ranking.standing(*m) == Some(standing));
        let name = |method: usize| {
            let line = &ranking.lines[method];
            match standing {
                Standing::Better | Standing::Worse | Standing::Untold => {
                    format!("{} ({})", line.method, change(&line.all, ranking))
                }
                _ => line.method.clone(),
            }
        };
        own.map(name).collect()
    };
    let what = match ranking.error_of {
        ErrorOf::Emissivity => "Errors against the truth",
        ErrorOf::Prediction => "Errors in predicting records that were held out",
    };
    let trials = counted(ranking.trials, "trial");
    let lines = [
        (Standing::Better, "better", "smaller errors, confirmed"),
        (Standing::Worse, "worse", "larger errors, confirmed"),
        (Standing::Chance, "equal within chance", "the trials cannot tell them apart"),
        (Standing::Same, "the same", "no difference that matters"),
        (
            Standing::Untold,
            "one trial each",
            "nothing says which differences are chance; study.trials=10 would",
        ),
        (Standing::Absent, "no value", "nothing to compare"),
    ];
    html! {
        p { (what) ", on the same noise, against " b { (reference) } " (" (trials) "):" }
        ul { @for (standing, word, meaning) in lines {
            @let names = group(standing);
            @if !names.is_empty() { li { b { (word) } " – " (meaning) ": " (listed(&names)) } }
        } }
    }
}

fn hints(facts: &Facts) -> Vec<Markup> {
    let mut hints = Vec::new();
    for (status, name) in [(Status::Failed, "failed"), (Status::NotConverged, "did not converge")] {
        let units = of_status(facts, status);
        if units > 0 {
            hints.push(
                html! { (counted(units, "unit")) " " (name) ": " a href="#failures" { "why" } "." },
            );
        }
    }
    hints.extend(chi2_doubts(facts.rows).into_iter().map(|doubt| html! { (doubt) "." }));
    for set in 0..facts.study().sets.len() {
        hints.extend(of_data_set(&facts.wanted(set)));
    }
    for data in facts.otf.data_sets() {
        let faulty =
            data.screening.left_out.iter().filter(|(reason, _)| *reason != Reason::OtherScanMode);
        let faulty: usize = faulty.map(|(_, records)| records).sum();
        if faulty > 0 {
            hints.push(
                html! { (counted(faulty, "record")) " of " (data.set) " left out for a fault: "
                a href={ "#records-" (data.set) } { "which" } "." },
            );
        }
    }
    if let Some(path) = facts.absent {
        hints.push(html! { (ShownPath(path).to_string()) " is not there: figures of records and residuals are missing. Merge again where the data are." });
    }
    hints
}

fn of_data_set(shown: &Shown) -> Vec<Markup> {
    let (name, emitters) = (shown.name(), shown.facts.emitters());
    let mut hints = Vec::new();
    let (mut weak, mut far) = (Vec::new(), Vec::new());
    for (emitter, label) in emitters.iter().enumerate() {
        let values = shown.values(emitter);
        let long =
            median(&values.iter().map(super::facts::Value::significance).collect::<Vec<_>>());
        if long < WEAK {
            weak.push(format!("{label} ({})", short(long)));
        }
        let z = |value: &super::facts::Value| {
            value.known.map(|known| (value.fitted - known).norm_sqr() / (value.sigma * value.sigma))
        };
        let squares: Option<Vec<f64>> = values.iter().map(z).collect();
        let squares = squares.filter(|squares| !squares.is_empty());
        let rms = squares.map(|s| (s.iter().sum::<f64>() / s.len() as f64).sqrt());
        far.extend(rms.filter(|rms| *rms > 2.0).map(|rms| format!("{label} ({})", short(rms))));
    }
    if !weak.is_empty() {
        hints.push(html! { a href={ "#emissivities-" (name) } { (name) } ": hardly measured, by the median of |E|/σ over the band: " (listed(&weak)) "." });
    }
    if !far.is_empty() {
        let from = if shown.facts.is_simulated() { "the truth" } else { "the published model" };
        hints.push(html! { a href={ "#emissivities-" (name) } { (name) } ": further from " (from)
            " than their error bars say, by the root mean square of |difference|/σ: " (listed(&far)) "." });
    }
    hints
}

/// Median of |E|/sigma of each emitter.
fn cards(shown: &Shown) -> Markup {
    let card = |emitter: usize| {
        let values = shown.values(emitter);
        let long =
            median(&values.iter().map(super::facts::Value::significance).collect::<Vec<_>>());
        let class = if long < WEAK { "card warn" } else { "card" };
        let label = shown.facts.emitters()[emitter];
        html! { div class=(class) { span { (label) } b { (short(long)) " σ" } } }
    };
    html! {
        div.cards { @for emitter in 0..shown.facts.emitters().len() { (card(emitter)) } }
        p.note { "How well each emitter of " (shown.name()) " is known: median of |E|/σ over the band ("
            (shown.method()) @if shown.facts.is_study() { ", " (first_draw(&shown.facts)) } ")." }
    }
}

/// Which draw the figures of a study show.
pub(super) fn first_draw(facts: &Facts) -> String {
    match facts.is_simulated() {
        true => format!("noise {:e}, trial 1", facts.study().noise_levels[0]),
        false => "trial 1".into(),
    }
}
