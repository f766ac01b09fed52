//! What a command says at the end.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::Result;

use crate::fit::Status;
use crate::foundations::numerics::math::median;
use crate::foundations::{RunDir, Shown};
use crate::merge::{Chi2, Doubt, Row};
use crate::plan::BoundPlan;
use crate::shard::{Attempt, Ending, Stopped, Summary};

use super::Exit;
use super::display::{counted, folder, program};

/// The figures of several shards.
#[derive(Debug, Clone, Default)]
pub(super) struct Totalled {
    by_status: [u64; Status::REGISTRY.len()],
    unit_time: Duration,
    preparing: Duration,
    fitting: Duration,
    fitted: u32,
    already_done: u32,
    set_aside: u32,
    foreign_journals: u64,
    resumed: u64,
    /// Why journals were not kept as they should be.
    pub(super) journal_trouble: Vec<String>,
    /// The shard that was asked to stop.
    pub(super) stopped: Option<Stopped>,
    /// The shards that are left for another time.
    pub(super) left: Vec<u32>,
    /// The shards that other processes work on.
    pub(super) elsewhere: Vec<u32>,
}

impl Totalled {
    pub(super) fn add(&mut self, ending: Ending) {
        match ending {
            Ending::AlreadyDone => self.already_done += 1,
            Ending::Elsewhere(_) => {}
            Ending::Stopped(stopped) => self.stopped = Some(stopped),
            Ending::Fitted(summary) => self.add_fitted(summary),
        }
    }

    fn add_fitted(&mut self, summary: Summary) {
        let counts = summary.counts;
        self.fitted += 1;
        self.set_aside += u32::from(summary.set_aside);
        self.foreign_journals += summary.foreign_journals;
        self.journal_trouble.extend(summary.journal_trouble);
        self.preparing += summary.preparing;
        self.fitting += summary.fitting;
        self.unit_time += counts.unit_time;
        self.resumed += counts.resumed;
        for (sum, count) in self.by_status.iter_mut().zip(counts.by_status) {
            *sum += count;
        }
    }

    /// Whether all shards are done.
    pub(super) fn is_whole(&self) -> bool {
        self.left.is_empty() && self.elsewhere.is_empty()
    }

    fn of(&self, status: Status) -> u64 {
        self.by_status[status as usize]
    }
}

/// The exit code of fitted shards.
pub(super) fn exit_of(totalled: &Totalled) -> Exit {
    if !totalled.is_whole() {
        return Exit::Stopped;
    }
    let bad = totalled.of(Status::Failed) + totalled.of(Status::NotConverged);
    if bad > 0 { Exit::Failures } else { Exit::Done }
}

/// What is kept of a run that was stopped, and how to go on.
pub(super) fn stopped(run: &RunDir, totalled: &Totalled, signal: &str, go_on: &str) -> String {
    let mut text = format!("otfhpc: stopped by {signal}");
    if let Some(Stopped { shard, kept, units, journal, trouble }) = &totalled.stopped {
        let of = format!("{kept} of {} of shard {shard} are done", counted(*units, "unit"));
        text += &match kept {
            0 => format!(": {of}"),
            _ => format!(": {of}, and kept in {}", Shown(journal)),
        };
        if let Some(trouble) = trouble {
            text += &format!(" (others were lost: {trouble})");
        }
    }
    text + &format!("\nto go on here:   {go_on}")
        + &format!("\nto go on, Slurm: {} resume {}", program(), folder(run))
}

/// Who works on a shard.
pub(super) fn elsewhere(shard: u32, last: Option<&Attempt>) -> String {
    let who =
        last.map_or("another process".into(), |a| format!("{}, process {}", a.host, a.process));
    format!("otfhpc: shard {shard} is being fitted by {who}; nothing to do here")
}

/// What was fitted, how it ended, and how fast.
pub(super) fn summary(plan: &BoundPlan, totalled: &Totalled, threads: usize) -> Result<String> {
    let mut text = String::new();
    let units: u64 = totalled.by_status.iter().sum();
    if totalled.already_done > 0 {
        let count = totalled.already_done;
        writeln!(text, "{:<11}{} done before", "kept", counted(count, "shard"))?;
    }
    if totalled.set_aside > 0 {
        let count = counted(totalled.set_aside, "damaged partial");
        writeln!(text, "{:<11}moved {count} to aside/", "repaired")?;
    }
    if totalled.foreign_journals > 0 {
        let count = counted(totalled.foreign_journals, "journal");
        writeln!(text, "{:<11}moved {count} of other plans to aside/", "repaired")?;
    }
    if totalled.fitted == 0 {
        return Ok(text);
    }
    let study = plan.study()?;
    let (configurations, shards) = (study.configurations(), totalled.fitted);
    writeln!(
        text,
        "{:<11}{} of {} on {}",
        "fitted",
        counted(shards, "shard"),
        counted(configurations, "configuration"),
        counted(threads, "thread")
    )?;
    let parts = Status::REGISTRY.iter().filter(|(status, ..)| totalled.of(*status) > 0);
    let parts: Vec<String> =
        parts.map(|(status, _, name, _)| format!("{} {name}", totalled.of(*status))).collect();
    writeln!(text, "{:<11}{units}: {}", "units", parts.join(", "))?;
    if totalled.resumed > 0 {
        let count = totalled.resumed;
        writeln!(text, "{:<11}{count} of the units an earlier attempt had done", "resumed")?;
    }
    let (fitting, busy) = (totalled.fitting.as_secs_f64(), totalled.unit_time.as_secs_f64());
    writeln!(
        text,
        "{:<11}{:.3} s preparing data, {fitting:.3} s fitting",
        "time",
        totalled.preparing.as_secs_f64()
    )?;
    let fitted = units - totalled.resumed;
    if fitted == 0 {
        return Ok(text);
    }
    writeln!(
        text,
        "{:<11}{:.1} us a unit; {:.0} units/s; {:.2} times one thread",
        "speed",
        1e6 * busy / fitted as f64,
        fitted as f64 / fitting,
        busy / fitting
    )?;
    Ok(text)
}

/// The errors against the truth, or, for measured data, the relative error bars: one line a data
/// set, noise level and method, one column an emitter, and chi2 per degree of freedom. Figures that
/// rest on values that the data do not determine are marked.
pub(super) fn quality_table(rows: &[Row]) -> String {
    let simulated = simulated(rows);
    let title = match simulated {
        true => "error against the truth: RMSE / RMS of the truth, mean over trials",
        false => "relative error bar: median over the band of sigma / |emissivity|",
    };
    let mut lines = vec![header(rows)];
    for group in rows.chunk_by(|a, b| line_of(a) == line_of(b)) {
        let value = |row: &Row| if simulated { row.nrmse_mean } else { row.relative_sigma };
        let mut line = vec![group[0].data_set.clone()];
        if simulated {
            line.push(group[0].noise_level.map_or(String::new(), |level| format!("{level:e}")));
        }
        line.push(group[0].method.clone());
        let mark = |row: &Row| if row.determined < row.bins { " ?" } else { "" };
        let cell = |row: &Row| value(row).map_or("-".into(), |v| format!("{v:.2e}{}", mark(row)));
        line.extend(group.iter().map(cell));
        line.push(group[0].chi2_per_degree.map_or("-".into(), |chi2| format!("{chi2:.3}")));
        lines.push(line);
    }
    let mut table = format!("{title}\n{}", aligned(&lines));
    if rows.iter().any(|row| row.determined < row.bins) {
        table += "? the data do not determine some of its bins: the error bar is too long\n";
    }
    table
}

/// Names in a warning; the tables have all.
const MOST_NAMED: usize = 6;

/// What it may mean that chi2 per degree of freedom is far from one, a line for each direction.
pub(super) fn chi2_warnings(rows: &[Row]) -> Vec<String> {
    let all = Chi2::all(rows);
    let line = |(doubt, bound, meaning)| {
        let strange = all.iter().filter(|chi2| chi2.doubt() == Some(doubt));
        let mut names: Vec<String> = strange.filter_map(named).collect();
        if names.is_empty() {
            return None;
        }
        if names.len() > MOST_NAMED {
            let more = names.len() - MOST_NAMED;
            names.truncate(MOST_NAMED);
            names.push(format!("and {more} more in summary.csv"));
        }
        let names = names.join(", ");
        Some(format!("otfhpc: warning: chi2 per degree of freedom is {bound} ({names}): {meaning}"))
    };
    let above = "the residuals are larger than the noise is said to be. Either the noise \
                 is under-estimated (data.sigma), or the model does not hold: conventions or \
                 bolometer parameters (data.model, [instrument]), temperatures, glitches, or what a \
                 method leaves out";
    let below = "the residuals are smaller than the noise is said to be. The noise is over-estimated \
                 (data.sigma; or, if estimated, data.dark_above_ghz), or, for tls, the errors of \
                 the temperatures that it assumes";
    [(Doubt::TooLarge, "above 1.1", above), (Doubt::TooSmall, "below 0.9", below)]
        .into_iter()
        .filter_map(line)
        .collect()
}

fn named(chi2: &Chi2) -> Option<String> {
    let level = chi2.noise_level.map_or(String::new(), |level| format!(" at noise {level:e}"));
    Some(format!("{} {}{level} {:.3}", chi2.data_set, chi2.method, chi2.chi2_per_degree?))
}

/// Simulated data have a noise level; measured data have their own noise.
fn simulated(rows: &[Row]) -> bool {
    rows.iter().any(|row| row.noise_level.is_some())
}

/// What the emitters on one line of the table have in common.
fn line_of(row: &Row) -> (&str, &str, Option<f64>) {
    (&row.data_set, &row.method, row.noise_level)
}

fn header(rows: &[Row]) -> Vec<String> {
    let Some(first) = rows.first() else { return Vec::new() };
    let mut names: Vec<String> = vec!["set".into()];
    names.extend(simulated(rows).then(|| "noise".into()));
    names.push("method".into());
    let of_first = rows.iter().take_while(|row| line_of(row) == line_of(first));
    names.extend(of_first.map(|row| row.emitter.clone()));
    names.push("chi2/dof".into());
    names
}

/// The methods by their median error over data sets, noise levels and emitters, best first; the
/// best at each noise level is marked. For measured data the error is that of the prediction of
/// held-out records. Empty where there is nothing to compare.
pub(super) fn ranking(rows: &[Row]) -> String {
    let error = |row: &Row| row.nrmse_mean.or(row.prediction_error_mean);
    let of = |method: &str, level: Option<f64>| {
        let chosen = rows.iter().filter(|row| row.method == method);
        let chosen = chosen.filter(|row| level.is_none_or(|level| row.noise_level == Some(level)));
        // A method without a value somewhere must not gain by it.
        median(&chosen.map(|row| error(row).unwrap_or(f64::INFINITY)).collect::<Vec<_>>())
    };
    let methods = each_once(rows.iter().map(|row| row.method.as_str()));
    if methods.len() < 2 || rows.iter().all(|row| error(row).is_none()) {
        return String::new();
    }
    let levels = each_once(rows.iter().filter_map(|row| row.noise_level));
    let mut ranked: Vec<(f64, &str)> = methods.iter().map(|m| (of(m, None), *m)).collect();
    ranked.sort_by(|a, b| a.0.total_cmp(&b.0));
    let best: Vec<f64> = levels
        .iter()
        .map(|level| methods.iter().map(|m| of(m, Some(*level))).fold(f64::INFINITY, f64::min))
        .collect();
    let mut lines = vec![vec!["rank".to_owned(), "method".into(), "all".into()]];
    lines[0].extend(levels.iter().map(|level| format!("{level:e}")));
    for (i, (all, method)) in ranked.iter().enumerate() {
        let mut line = vec![(i + 1).to_string(), (*method).to_owned(), number(*all)];
        line.extend(levels.iter().zip(&best).map(|(level, best)| {
            let value = of(method, Some(*level));
            let mark = if value == *best && value.is_finite() { " *" } else { "" };
            format!("{}{mark}", number(value))
        }));
        lines.push(line);
    }
    let title = match simulated(rows) {
        true => "methods by median error over emitters; * the best at a noise level",
        false => "methods by their error in predicting held-out records, in standard deviations",
    };
    format!("{title}\n{}", aligned(&lines))
}

/// A number of the ranking; a dash where a method has no value.
fn number(value: f64) -> String {
    if value.is_finite() { format!("{value:.2e}") } else { "-".into() }
}

/// The values in the order of their first appearance.
fn each_once<T: PartialEq>(values: impl Iterator<Item = T>) -> Vec<T> {
    let mut once = Vec::new();
    for value in values {
        if !once.contains(&value) {
            once.push(value);
        }
    }
    once
}

/// Lines of cells, each column as wide as its widest cell.
pub(super) fn aligned(lines: &[Vec<String>]) -> String {
    let columns = lines.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        lines.iter().filter_map(|line| line.get(column)).map(String::len).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for line in lines {
        let cells = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        let row = cells.collect::<Vec<_>>().join("  ");
        text.push_str(row.trim_end());
        text.push('\n');
    }
    text
}
