//! The results of a study in a few lines, for people.

use crate::foundations::Shown;
use crate::foundations::text::{prose, tabular};
use crate::otf::report::{Ranking, ranking_text};
use crate::runner::store::RunDir;

use super::chi2::{Chi2, Doubt};
use super::summary::Row;

/// Longer tables are not shown: they are left to `summary.csv`.
const LONGEST_TABLE: usize = 60;

/// How good the results are, method by method.
pub(super) fn text(run: &RunDir, rows: &[Row], ranking: Option<&Ranking>) -> String {
    let lines = rows.chunk_by(|a, b| a.method == b.method && a.noise_level == b.noise_level);
    let mut text = if lines.count() <= LONGEST_TABLE {
        format!("\n{}\n", quality_table(rows))
    } else {
        format!("{:<11}{}\n", "errors", Shown(&run.product("summary.csv")))
    };
    if let Some(ranking) = ranking {
        text += &format!("{}\n", ranking_text(ranking));
    }
    text
}

/// The errors against the truth, or, for measured data, the relative error bars: one line a data
/// set, noise level and method, one column an emitter, and chi2 per degree of freedom. Figures that
/// rest on values that the data do not determine are marked.
fn quality_table(rows: &[Row]) -> String {
    let simulated = simulated(rows);
    let title = if simulated {
        "error against the truth: RMSE / RMS of the truth, mean over trials"
    } else {
        "relative error bar: median over the band of sigma / |emissivity|"
    };
    let mut lines = vec![header(rows)];
    // Data set, noise and method.
    let keys = if simulated { 3 } else { 2 };
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
    let mut table = prose(title) + &tabular(keys, &lines);
    if rows.iter().any(|row| row.determined < row.bins) {
        table += &prose("? the data do not determine some of its bins: the error bar is too long");
    }
    table
}

/// Names in a warning; the tables have all.
const MOST_NAMED: usize = 6;

/// What it may mean that chi2 per degree of freedom is far from one, a line for each direction.
pub(super) fn chi2_warnings(rows: &[Row]) -> Vec<String> {
    chi2_doubts(rows).into_iter().map(|doubt| format!("otfhpc: warning: {doubt}")).collect()
}

/// The same, as a sentence without its end.
pub(in crate::otf) fn chi2_doubts(rows: &[Row]) -> Vec<String> {
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
        Some(format!("chi2 per degree of freedom is {bound} ({names}): {meaning}"))
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
