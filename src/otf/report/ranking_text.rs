//! The ranking in a few lines, for a terminal.

use crate::foundations::counted;
use crate::foundations::text::{prose, tabular};

use super::chance::{Difference, Standing};
use super::ranking::{ErrorOf, Ranking};

/// The ranking as a table.
pub(in crate::otf) fn text(ranking: &Ranking) -> String {
    let mut lines = vec![vec![String::new(), "method".into(), "all".into(), "two errors".into()]];
    lines[0].extend(ranking.levels.iter().map(|level| format!("{level:e}")));
    for method in ranking.order() {
        let line = &ranking.lines[method];
        let (word, all, margin) = match ranking.standing(method) {
            None => ("reference", "-".into(), String::new()),
            Some(standing) => {
                (word(standing), change(&line.all, ranking), margin(&line.all, ranking))
            }
        };
        let share = match line.share {
            share if share < 1.0 => format!(" (on {:.0} % of the values)", 100.0 * share),
            _ => String::new(),
        };
        let mut cells = vec![word.to_owned(), line.method.clone(), all, margin];
        let is_reference = method == ranking.reference;
        cells.extend(line.by_level.iter().map(|level| match is_reference {
            true => "-".into(),
            false => quoted(level, ranking),
        }));
        if let Some(last) = cells.last_mut() {
            *last += &share;
        }
        lines.push(cells);
    }
    prose(&title(ranking)) + &tabular(2, &lines) + &prose(&legend(ranking))
}

fn title(ranking: &Ranking) -> String {
    let reference = ranking.reference_label();
    match ranking.error_of {
        ErrorOf::Emissivity => format!(
            "error against that of {reference} on the same noise: geometric mean over bins and emitters"
        ),
        ErrorOf::Prediction => format!(
            "error in predicting held-out records against that of {reference}: geometric mean over bins"
        ),
    }
}

fn legend(ranking: &Ranking) -> String {
    match ranking.trials {
        1 => "one trial: nothing says which of these differences are chance; study.trials=10 would"
            .into(),
        trials => format!(
            "( ), equal: within chance, less than two standard errors over {} (Student's t)",
            counted(trials, "trial")
        ),
    }
}

/// What may be said, in a word.
pub(in crate::otf) fn word(standing: Standing) -> &'static str {
    match standing {
        Standing::Better => "better",
        Standing::Same => "same",
        Standing::Chance => "equal",
        Standing::Untold => "one trial",
        Standing::Worse => "worse",
        Standing::Absent => "no value",
    }
}

/// A difference that may be chance stands in parentheses.
fn quoted(difference: &Difference, ranking: &Ranking) -> String {
    let change = change(difference, ranking);
    match difference.standing(ranking.least()) {
        Standing::Chance | Standing::Untold => format!("({change})"),
        _ => change,
    }
}

/// The change of the error in percent, or, where that is large, by which factor.
pub(in crate::otf) fn change(difference: &Difference, ranking: &Ranking) -> String {
    let (ratio, digits) = (difference.ratio(), digits(ranking));
    match difference.standing(ranking.least()) {
        Standing::Absent => "-".into(),
        Standing::Same => "0 %".into(),
        _ if ratio >= 2.0 => format!("x {}", factor(ratio)),
        _ if ratio < 0.1 => format!("x {ratio:.1e}"),
        _ => format!("{:+.digits$} %", 100.0 * (ratio - 1.0)),
    }
}

fn factor(ratio: f64) -> String {
    match ratio {
        small if small < 10.0 => format!("{small:.2}"),
        large if large < 1e4 => format!("{large:.0}"),
        huge => format!("{huge:.1e}"),
    }
}

/// How far chance reaches, as [`change`] has it.
pub(in crate::otf) fn margin(difference: &Difference, ranking: &Ranking) -> String {
    let (ratio, digits) = (difference.ratio(), digits(ranking));
    let margin = 100.0 * ratio * difference.margin();
    match difference.standing(ranking.least()) {
        Standing::Same | Standing::Absent | Standing::Untold => String::new(),
        _ if ratio >= 2.0 => format!("+- {:.0} %", margin / ratio),
        _ => format!("+- {margin:.digits$} %"),
    }
}

fn digits(ranking: &Ranking) -> usize {
    match ranking.error_of {
        ErrorOf::Emissivity => 1,
        ErrorOf::Prediction => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::super::ranking::Line;
    use super::*;
    use crate::foundations::text::laid_out;

    fn line(method: &str, log_ratio: f64, share: f64) -> Line {
        let all = Difference { log_ratio, standard_error: 0.01, degrees: 40.0 };
        Line { method: method.into(), all, by_level: vec![all], by_emitter: vec![all], share }
    }

    fn example(trials: u64) -> Ranking {
        let lines = vec![
            line("worst", 2.0, 1.0),
            line("wls", 0.0, 1.0),
            line("lucky", -0.015, 1.0),
            line("map", -0.08, 1.0),
            line("huber", 0.03, 0.934),
            line("lbfgs", 1e-7, 1.0),
        ];
        Ranking { error_of: ErrorOf::Emissivity, reference: 1, trials, levels: vec![0.02], lines }
    }

    #[test]
    fn nobody_leads_by_luck() {
        assert_eq!(example(3).order(), [3, 1, 2, 5, 4, 0]);
    }

    #[test]
    fn the_table_says_what_the_trials_confirm() {
        let expected = "\
error against that of wls on the same noise: geometric mean over bins and emitters
           method  all     two errors  2e-2
better     map     -7.7 %  +- 1.9 %    -7.7 %
reference  wls     -                   -
equal      lucky   -1.5 %  +- 2.0 %    (-1.5 %)
same       lbfgs   0 %                 0 %
worse      huber   +3.0 %  +- 2.1 %    +3.0 % (on 93 % of the values)
worse      worst   x 7.39  +- 2 %      x 7.39
( ), equal: within chance, less than two standard errors over 3 trials (Student's t)
";
        assert_eq!(laid_out(&text(&example(3)), None), expected);
    }
}
