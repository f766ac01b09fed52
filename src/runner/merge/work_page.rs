//! `work.html`: how the work went, for people. Made from the provenance, so it has times and hosts.

use std::collections::BTreeMap;

use chrono::DateTime;

use crate::foundations::counted;
use crate::foundations::numerics::math::median;
use crate::page::{
    Cell, Document, Markup, Plot, Scale, Shape, Table, count, html, note, percent, short,
};
use crate::runner::plan::BoundPlan;
use crate::runner::store::Provenance;
use crate::runner::store::manifest::Product;

/// Shards in the figure, at most.
const MOST_DRAWN: usize = 120;
/// Shards in the table, at most.
const MOST_LISTED: usize = 1000;

/// The page.
pub(super) fn render(
    plan: &BoundPlan,
    shards: &[Provenance],
    (merged, products): (&str, &[Product]),
) -> String {
    let subtitle =
        format!("plan {} · otfhpc {} · merged {merged}", plan.hash.short(), plan.plan.version);
    let mut page = Document::new("How the work went", subtitle);
    page.top(summary(shards));
    page.section("timeline", "Shards over time", timeline(shards));
    if shards.iter().any(|shard| !shard.times.is_empty()) {
        page.section("methods", "Time of a unit", times(shards));
    }
    page.section("shards", "Shards", table(shards));
    page.section("files", "Files", files(products));
    page.finish()
}

/// Seconds since 1970, UTC.
fn seconds(time: &str) -> f64 {
    DateTime::parse_from_rfc3339(time).map_or(f64::NAN, |t| t.timestamp_millis() as f64 / 1e3)
}

fn first_start(shards: &[Provenance]) -> f64 {
    shards.iter().map(|shard| seconds(&shard.started)).fold(f64::INFINITY, f64::min)
}

/// Time in units, over the time that threads were held.
fn efficiency(shards: &[Provenance]) -> f64 {
    let busy: f64 = shards.iter().map(|shard| shard.unit_seconds).sum();
    let held: f64 = shards.iter().map(|shard| shard.wall_seconds * shard.threads as f64).sum();
    busy / held
}

fn summary(shards: &[Provenance]) -> Markup {
    let end = shards.iter().map(|shard| seconds(&shard.finished)).fold(f64::NEG_INFINITY, f64::max);
    let mut hosts: Vec<&str> = shards.iter().map(|shard| &shard.host[..]).collect();
    hosts.sort_unstable();
    hosts.dedup();
    let again = shards.iter().filter(|shard| shard.attempts > 1).count();
    let memory = shards.iter().filter_map(|shard| shard.peak_memory_bytes).max();
    let cards = [
        ("shards", count(shards.len() as u64)),
        ("machines", count(hosts.len() as u64)),
        ("from first to last", format!("{} s", short(end - first_start(shards)))),
        ("time in units", format!("{} s", short(shards.iter().map(|s| s.unit_seconds).sum()))),
        ("of the threads' time", percent(efficiency(shards), 0)),
        ("largest process", memory.map_or("–".into(), megabytes)),
        ("with several attempts", count(again as u64)),
    ];
    html! {
        div.cards { @for (name, value) in cards { div.card { span { (name) } b { (value) } } } }
        @if again > 0 { (note(format!("{} had more than one attempt: what the earlier ones had done was kept.", counted(again, "shard")))) }
    }
}

fn megabytes(bytes: u64) -> String {
    format!("{} MB", short(bytes as f64 / 1e6))
}

fn timeline(shards: &[Provenance]) -> Markup {
    let (start, drawn) = (first_start(shards), &shards[..shards.len().min(MOST_DRAWN)]);
    let ends =
        |shard: &Provenance| (seconds(&shard.started) - start, seconds(&shard.finished) - start);
    let last = drawn.iter().map(|shard| ends(shard).1).fold(1e-3, f64::max);
    let bar = |(row, shard): (usize, &Provenance)| {
        let (y, (from, to)) = (-(row as f64), ends(shard));
        // One that was over at once is seen all the same.
        let to = to.max(from + last / 400.0);
        let series = if shard.attempts > 1 { 1 } else { 0 };
        Shape::Band { series, points: vec![(from, y - 0.3, y + 0.3), (to, y - 0.3, y + 0.3)] }
    };
    let name = |shard: &Provenance| format!("{} {}", shard.shard, shard.host);
    let x = ("seconds since the first began", Scale::linear(0.0, 1.02 * last));
    let plot = Plot::new("Last attempt of each shard", x, ("", Scale::linear(0.0, 1.0)));
    let plot = plot.wide(0.0).of_rows(drawn.iter().map(name).collect());
    html! {
        (plot.with_all(drawn.iter().enumerate().map(bar)).render())
        (note("Orange: shards with more than one attempt."))
        @if shards.len() > MOST_DRAWN { (note(format!("The first {MOST_DRAWN} of {}.", counted(shards.len(), "shard")))) }
    }
}

fn times(shards: &[Provenance]) -> Markup {
    let mut by_label: BTreeMap<&str, (u64, Vec<f64>)> = BTreeMap::new();
    for time in shards.iter().flat_map(|shard| &shard.times) {
        let own = by_label.entry(&time.label).or_default();
        own.0 += time.units;
        own.1.push(time.median_microseconds);
    }
    let mut table = Table::new(["what", "units", "median, µs"]);
    for (label, (units, medians)) in by_label {
        table.row(vec![
            Cell::from(label),
            Cell::from(count(units)),
            Cell::from(short(median(&medians))),
        ]);
    }
    html! {
        (table.render())
        (note("The first one of a row is charged with what they share."))
    }
}

fn table(shards: &[Provenance]) -> Markup {
    let header = [
        "shard",
        "machine",
        "job",
        "began (UTC)",
        "seconds",
        "threads",
        "in units",
        "largest process",
        "attempts",
        "units from journals",
    ];
    let mut table = Table::new(header);
    for shard in shards.iter().take(MOST_LISTED) {
        let attempts = if shard.attempts > 1 { "warn" } else { "" };
        table.row(vec![
            Cell::from(shard.shard.to_string()),
            Cell::from(shard.host.as_str()),
            Cell::from(shard.job.as_deref().unwrap_or("–")),
            Cell::from(shard.started.as_str()),
            Cell::from(short(shard.wall_seconds)),
            Cell::from(shard.threads.to_string()),
            Cell::from(percent(efficiency(std::slice::from_ref(shard)), 0)),
            Cell::from(shard.peak_memory_bytes.map_or("–".into(), megabytes)),
            Cell::new(shard.attempts.to_string(), attempts),
            Cell::from(count(shard.units_from_journal)),
        ]);
    }
    html! {
        (table.render())
        @if shards.len() > MOST_LISTED { (note(format!("The first {MOST_LISTED}; provenance.json has all."))) }
    }
}

/// All that was written.
fn files(products: &[Product]) -> Markup {
    let mut table = Table::new(["file", "bytes", "BLAKE3"]);
    for product in products {
        let (name, bytes) = (product.name.as_str(), count(product.bytes));
        table.row(vec![Cell::from(name), Cell::from(bytes), Cell::from(product.blake3.short())]);
    }
    html! {
        (table.render())
        p {
            a href="provenance.json" { "provenance.json" } " has all of this, for machines."
            @if products.iter().any(|product| product.name == "report.html") {
                " " a href="report.html" { "report.html" } " has the results."
            }
        }
    }
}
