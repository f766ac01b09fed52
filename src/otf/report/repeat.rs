//! The settings, the input, and how to have the same once more.

use serde_json::Value;

use crate::otf::study::Config;
use crate::page::{Cell, Markup, Table, html, note};

use super::facts::Facts;

/// What is in the folder, for whoever goes on from here.
const FILES: [(&str, &str); 7] = [
    ("solution.npz", "all values, error bars and marks, as arrays"),
    ("configurations.csv", "which configuration is which"),
    ("records.csv", "what became of every record"),
    ("errors.csv", "every configuration and emitter against the truth"),
    ("summary.csv", "the same over trials"),
    ("failures.csv", "what did not converge, and why"),
    ("provenance.json", "who fitted what, where and when"),
];

/// The section.
pub(super) fn render(facts: &Facts) -> Markup {
    let settings = settings(&facts.otf.config);
    let plan = &facts.plan.plan;
    let mut inputs = Table::new(["input", "BLAKE3"]);
    for input in &plan.inputs {
        let path = crate::foundations::Shown(&input.path).to_string();
        inputs.row(vec![Cell::from(path), Cell::from(input.blake3.short())]);
    }
    html! {
        p { "Settings that are not the default, as " code { "run.toml" } " (otfhpc " (plan.version) "):" }
        pre { code { @if settings.is_empty() { "# all settings are the default" } @else { (settings) } } }
        pre { code { "otfhpc local --config run.toml --out again" } }
        @if !plan.inputs.is_empty() { (inputs.render()) }
        (note("The products have the same bytes on any machine, for any number of shards and threads."))
        h3 id="files" { "Files beside this one" }
        ul { @for (name, what) in FILES { li { a href=(name) { (name) } ": " (what) } } }
    }
}

/// In TOML, what differs from the default.
fn settings(config: &Config) -> String {
    let mut own = config.clone();
    // How jobs are started changes no result.
    own.slurm = Config::default().slurm;
    let value = |config: &Config| serde_json::to_value(config).unwrap_or(Value::Null);
    let mut changed = value(&own);
    remove_same(&mut changed, &value(&Config::default()));
    toml::to_string(&changed).unwrap_or_else(|_| changed.to_string())
}

/// Removes what is the same in both, and tables in which nothing is left.
fn remove_same(own: &mut Value, default: &Value) {
    let Value::Object(own) = own else { return };
    own.retain(|key, value| {
        let default = default.get(key).unwrap_or(&Value::Null);
        remove_same(value, default);
        let is_empty = value.as_object().is_some_and(serde_json::Map::is_empty);
        !is_empty && value != default && !value.is_null()
    });
}

/// What did not converge; none if all did.
pub(super) fn failures(facts: &Facts) -> Option<Markup> {
    const MOST: usize = 40;
    if facts.failures.is_empty() {
        return None;
    }
    let mut table = Table::new(["data set", "method", "noise", "units", "status", "reason"]);
    for row in facts.failures.iter().take(MOST) {
        let noise =
            if facts.is_simulated() { format!("{:e}", row.noise_level) } else { "–".into() };
        table.row(vec![
            Cell::from(row.data_set.as_str()),
            Cell::from(row.method.as_str()),
            Cell::from(noise),
            Cell::from(row.units.to_string()),
            Cell::from(row.status),
            Cell::new(row.reason.as_str(), "text"),
        ]);
    }
    let more = facts.failures.len().saturating_sub(MOST);
    Some(html! {
        (table.render())
        @if more > 0 { (note(format!("and {more} more in failures.csv"))) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_are_told_give_the_same_again() {
        let set = ["study.trials=3", "fit.methods=wls,huber", "fit.options.huber.threshold=2"];
        let assignments: Vec<String> = set.iter().map(|a| (*a).to_owned()).collect();
        let config = Config::load(None, &assignments).unwrap();
        let text = settings(&config);
        assert_eq!(toml::from_str::<Config>(&text).unwrap(), config, "{text}");
        assert!(!text.contains("seed"), "{text}");
        assert_eq!(settings(&Config::default()), "");
    }
}
