//! The methods of a study against the reference on the same noise, over all draws.

use crate::otf::study::{Estimator, MethodChoice};
use crate::page::{Cell, Markup, Plot, Scale, Shape, Table, figure_grid, html, note, short};

use super::chance::{Difference, Standing};
use super::facts::Facts;
use super::parts::legend;
use super::ranking::{ErrorOf, Ranking};
use super::ranking_text::{change, margin, word};

/// Larger changes, percent, are written and not drawn to scale.
const FARTHEST: f64 = 60.0;
/// Colours of what is better, of what is worse, and of the others.
const COLOURS: [usize; 3] = [0, 1, 6];
/// Curves in a figure of errors, at most.
const MOST_CURVES: usize = 7;

/// The section.
pub(super) fn render(facts: &Facts, ranking: &Ranking) -> Markup {
    let reference = ranking.reference_label();
    let costs = costs(facts, ranking);
    let what = match ranking.error_of {
        ErrorOf::Emissivity => "the error against the truth, at every emitter and bin of the band",
        ErrorOf::Prediction => {
            "the error in predicting the records that were held out, at every bin of the band"
        }
    };
    html! {
        p { "Every method sees the same noise. The ratio of " (what) ", to that of " b { (reference) }
            ": its geometric mean, less one, in percent; left is better. Bars are two standard errors over "
            "trials, and more where trials are few (Student's t); what they cover is chance, and grey." }
        (forest(ranking))
        (summary(ranking, &costs))
        (cost_against_error(ranking, &costs))
        @if !ranking.lines[0].by_emitter.is_empty() {
            h3 id="by-emitter" { "By emitter" }
            (table(ranking, facts.emitters().iter().map(|name| (*name).to_owned()).collect(), |m| &ranking.lines[m].by_emitter))
        }
        @if ranking.levels.len() > 1 {
            h3 id="by-noise" { "By noise level" }
            (table(ranking, ranking.levels.iter().map(|level| format!("{level:e}")).collect(), |m| &ranking.lines[m].by_level))
            (curves(facts, ranking))
        }
        (note(caveat(ranking)))
    }
}

fn caveat(ranking: &Ranking) -> &'static str {
    match (ranking.trials, ranking.error_of) {
        (1, _) => {
            "There is one trial of each, so nothing says which differences are chance: \
                   study.trials=10 would."
        }
        (_, ErrorOf::Emissivity) => {
            "Of twenty comparisons of equal methods, one exceeds two standard errors by chance: a single \
             coloured cell in a grey row proves little. Smaller differences show with more trials: four \
             times as many halve the bars."
        }
        (_, ErrorOf::Prediction) => {
            "The trials share most of their records, so the bars are a guide, and rather too short."
        }
    }
}

fn class(standing: Standing) -> &'static str {
    match standing {
        Standing::Better => "better",
        Standing::Worse => "worse",
        Standing::Same | Standing::Chance | Standing::Untold | Standing::Absent => "chance",
    }
}

/// The place of a method's colour among [`COLOURS`].
fn shade(ranking: &Ranking, method: usize) -> usize {
    match ranking.standing(method).map(class) {
        Some("better") => 0,
        Some("worse") => 1,
        _ => 2,
    }
}

fn percent(difference: &Difference) -> f64 {
    100.0 * (difference.ratio() - 1.0)
}

fn forest(ranking: &Ranking) -> Markup {
    let order = ranking.order();
    let half = |difference: &Difference| {
        let margin = 100.0 * difference.ratio() * difference.margin();
        if margin.is_finite() { margin } else { 0.0 }
    };
    let near: Vec<&Difference> = order.iter().map(|m| &ranking.lines[*m].all).collect();
    let near = near.into_iter().filter(|d| percent(d).abs() <= FARTHEST);
    let least: f64 = match ranking.error_of {
        ErrorOf::Emissivity => 1.0,
        ErrorOf::Prediction => 0.01,
    };
    let ends =
        near.map(|d| (percent(d) - half(d).min(FARTHEST), percent(d) + half(d).min(FARTHEST)));
    let (low, high) =
        ends.fold((-least, least), |(low, high), (left, right)| (low.min(left), high.max(right)));
    let margin = 0.06 * (high - low);
    let (low, high) = (low - margin, high + margin);
    let (mut bars, mut dots) = (Vec::new(), [Vec::new(), Vec::new(), Vec::new()]);
    let mut names = Vec::new();
    for (row, method) in order.iter().enumerate() {
        let line = &ranking.lines[*method];
        let y = -(row as f64);
        let series = shade(ranking, *method);
        let (x, half) = (percent(&line.all), half(&line.all));
        if !(low..=high).contains(&x) {
            let place = if x < low { low + 0.2 * margin } else { high - 0.2 * margin };
            dots[series].push((place, y));
            names.push(format!("{} ({})", line.method, change(&line.all, ranking)));
        } else {
            bars.push((series, [(x - half, y), (x + half, y)]));
            dots[series].push((x, y));
            names.push(line.method.clone());
        }
    }
    let bar = |(series, ends): (usize, [(f64, f64); 2])| {
        let points = [(ends[0].0, ends[0].1 - 0.22), (ends[1].0, ends[1].1 - 0.22)];
        let outline = [
            (points[0].0, points[0].1, points[0].1 + 0.44),
            (points[1].0, points[1].1, points[1].1 + 0.44),
        ];
        Shape::Band { series: COLOURS[series], points: outline.into() }
    };
    let x_label = format!("change of the error against {}, percent", ranking.reference_label());
    Plot::new(
        "Error of each method on the same noise",
        (&x_label, Scale::linear(low, high)),
        ("", Scale::linear(0.0, 1.0)),
    )
    .wide(0.0)
    .of_rows(names)
    .with_all(bars.into_iter().map(bar))
    .with_all(dots.into_iter().zip(COLOURS).map(|(points, series)| Shape::Dots {
        name: String::new(),
        series,
        points,
    }))
    .with(Shape::Upright(0.0))
    .render()
}

/// How long a bin takes by each method, in times of the reference, as the registry of methods has it: what
/// a run takes differs from machine to machine. None of an external program.
fn costs(facts: &Facts, ranking: &Ranking) -> Vec<Option<f64>> {
    let methods = &facts.study().methods;
    let cost = |method: &MethodChoice| {
        let is_native = !matches!(method.estimator, Estimator::External(_));
        is_native.then(|| f64::from(method.cost()))
    };
    let reference = methods.get(ranking.reference).and_then(cost);
    methods.iter().map(|method| Some(cost(method)? / reference?)).collect()
}

/// Methods by what they cost and what they are worth.
fn cost_against_error(ranking: &Ranking, costs: &[Option<f64>]) -> Markup {
    let change = |method: usize| percent(&ranking.lines[method].all);
    let near = |method: &usize| change(*method).abs() <= FARTHEST;
    let drawn: Vec<(usize, f64)> = (0..ranking.lines.len())
        .filter(near)
        .filter_map(|method| Some((method, costs.get(method).copied().flatten()?)))
        .collect();
    if drawn.len() < 2 {
        return html! {};
    }
    let dot = |&(method, cost): &(usize, f64)| Shape::Dots {
        name: ranking.lines[method].method.clone(),
        series: COLOURS[shade(ranking, method)],
        points: vec![(cost, change(method))],
    };
    let x = Scale::powers_about(drawn.iter().map(|(_, cost)| *cost));
    let y = Scale::about(drawn.iter().map(|(method, _)| change(*method)).chain([-1.0, 1.0]));
    let figure = Plot::new(
        "Cost against error",
        (&format!("time of a bin, in times of {}", ranking.reference_label()), x),
        ("change of the error, percent", y),
    );
    let left_out = ranking.lines.len() - drawn.len();
    let words = match left_out {
        0 => String::new(),
        _ => format!(" {left_out} of {} methods lie beyond.", ranking.lines.len()),
    };
    html! {
        h3 id="cost" { "Cost against error" }
        (figure_grid(&[figure.with_all(drawn.iter().map(dot)).with(Shape::Across(0.0)).render()]))
        (note(format!("Lower is better, and left is cheaper; the table names the values.{words}")))
    }
}

fn summary(ranking: &Ranking, costs: &[Option<f64>]) -> Markup {
    let mut table = Table::new([
        "method",
        "verdict",
        "change",
        "two standard errors",
        "values compared",
        "time of a bin",
    ]);
    for method in ranking.order() {
        let line = &ranking.lines[method];
        let cost = costs.get(method).copied().flatten();
        let cost = cost.map_or("–".to_owned(), |cost| format!("× {}", short(cost)));
        let share = crate::page::percent(line.share, if line.share < 1.0 { 1 } else { 0 });
        let cells = match ranking.standing(method) {
            None => ["reference".into(), "–".into(), String::new(), share, cost].map(Cell::from),
            Some(standing) => {
                let verdict = if standing == Standing::Chance {
                    "equal within chance"
                } else {
                    word(standing)
                };
                [
                    Cell::new(verdict, class(standing)),
                    Cell::new(change(&line.all, ranking), class(standing)),
                    Cell::from(margin(&line.all, ranking).replace("+-", "±")),
                    Cell::from(share),
                    Cell::from(cost),
                ]
            }
        };
        table.row([Cell::from(line.method.as_str())].into_iter().chain(cells).collect());
    }
    table.render()
}

fn table<'a>(
    ranking: &Ranking,
    header: Vec<String>,
    of: impl Fn(usize) -> &'a Vec<Difference>,
) -> Markup {
    let mut table = Table::new(["method".to_owned()].into_iter().chain(header));
    for method in ranking.order().into_iter().filter(|method| *method != ranking.reference) {
        let cell = |difference: &Difference| {
            Cell::new(change(difference, ranking), class(difference.standing(ranking.least())))
        };
        let cells = of(method).iter().map(cell);
        table.row(
            [Cell::from(ranking.lines[method].method.as_str())].into_iter().chain(cells).collect(),
        );
    }
    html! { (table.render()) (note("Coloured: confirmed by the trials. Grey: chance, or no difference that matters.")) }
}

/// Errors against noise, one figure an emitter, of the reference and of the methods that differ most.
fn curves(facts: &Facts, ranking: &Ranking) -> Markup {
    let mut chosen: Vec<usize> = (0..ranking.lines.len())
        .filter(|m| matches!(ranking.standing(*m), Some(Standing::Better | Standing::Worse)))
        .collect();
    let size = |method: &usize| ranking.lines[*method].all.log_ratio.abs();
    chosen.sort_by(|a, b| size(b).total_cmp(&size(a)));
    chosen.truncate(MOST_CURVES - 1);
    chosen.insert(0, ranking.reference);
    let names: Vec<&str> = chosen.iter().map(|m| &ranking.lines[*m].method[..]).collect();
    let levels = ranking.levels.iter().copied().filter(|level| *level > 0.0);
    let (low, high) = levels.fold((f64::MAX, 0.0_f64), |(low, high), l| (low.min(l), high.max(l)));
    let set = facts.shown(0).name();
    let figure = |emitter: &&str| {
        let points = |name: &str| -> Vec<(f64, f64)> {
            let own = facts.rows.iter().filter(|row| row.data_set == set && row.method == name);
            let own = own.filter(|row| row.emitter == *emitter);
            let mut points: Vec<(f64, f64)> = own
                .filter_map(|row| Some((row.noise_level?, row.nrmse_mean?)))
                .filter(|(level, error)| *level > 0.0 && *error > 0.0)
                .collect();
            points.sort_by(|a, b| a.0.total_cmp(&b.0));
            points
        };
        let all: Vec<Vec<(f64, f64)>> = names.iter().map(|name| points(name)).collect();
        let y = Scale::powers_about(all.iter().flatten().map(|point| point.1));
        let curve = |(series, points): (usize, Vec<(f64, f64)>)| Shape::Line {
            name: names[series].to_owned(),
            series,
            points,
        };
        let x = Scale::logarithmic(low / 1.5, high * 1.5);
        Plot::new(
            format!("{emitter}: error against noise"),
            ("noise, of the median null RMS", x),
            ("RMSE / RMS", y),
        )
        .with_all(all.into_iter().enumerate().map(curve))
        .with(Shape::Across(1.0))
        .render()
    };
    let figures: Vec<Markup> = facts.emitters().iter().map(figure).collect();
    html! {
        h3 id="noise" { "Error against noise" }
        (legend(&names))
        (figure_grid(&figures))
        (note(format!("{set}: the reference, and the methods that differ most from it of those that differ.")))
    }
}

/// Whether error bars hold the truth as often as they should; none without truth.
pub(super) fn coverage(facts: &Facts) -> Option<Markup> {
    let methods = &facts.study().methods;
    let mean = |label: &str, of: fn(&crate::otf::products::ErrorRow) -> Option<f64>| {
        let own = facts.judged.rows(facts.otf).filter(|row| row.method == label);
        let values: Vec<f64> = own.filter_map(|row| of(&row)).collect();
        values.iter().sum::<f64>() / values.len() as f64
    };
    let of_method = |label: &str| {
        [mean(label, |row| row.coverage_68), mean(label, |row| row.coverage_95)]
            .map(|part| 100.0 * part)
    };
    let all: Vec<[f64; 2]> = methods.iter().map(|method| of_method(&method.label)).collect();
    if all.iter().flatten().all(|part| part.is_nan()) {
        return None;
    }
    let names = methods.iter().map(|method| method.label.clone()).collect();
    let dots = |series: usize| Shape::Dots {
        name: String::new(),
        series,
        points: all.iter().enumerate().map(|(row, part)| (part[series], -(row as f64))).collect(),
    };
    let low = all.iter().map(|part| part[0]).filter(|part| part.is_finite()).fold(60.0, f64::min);
    let figure = Plot::new(
        "How often error bars hold the truth: of 68 % (blue) and of 95 % (orange)",
        ("percent of all bins, emitters and draws", Scale::linear((low - 2.0).max(0.0), 101.0)),
        ("", Scale::linear(0.0, 1.0)),
    );
    let figure = figure.wide(0.0).of_rows(names).with(dots(0)).with(dots(1));
    let rules = [68.0, 95.0].map(Shape::Upright);
    Some(html! {
        (figure.with_all(rules).render())
        (note("Left of its line, an error bar is too short; right of it, too long. Methods that are biased \
               (ridge, tsvd, legacy_regression) promise no coverage; those with a prior (map, smooth) promise it \
               for truths drawn from the prior."))
    })
}
