//! A comparison as text.

use super::{Comparison, EmitterDifference, ParameterDifference, WorstBin};
use crate::foundations::counted;
use crate::foundations::text::tabular;

/// A comparison in lines for people.
#[must_use]
pub fn table(comparison: &Comparison) -> String {
    let Comparison { a, b, data_set, bins, interpolated, error_bars, .. } = comparison;
    let mut text = format!("{:<11}{a}\n{:<11}{b}\n", "A", "B");
    text += &format!("{:<11}{data_set}: {} of A in the band", "at", counted(*bins as u64, "bin"));
    if *interpolated > 0 {
        text += &format!(", B interpolated linearly at {interpolated} of them");
    }
    text += match *error_bars {
        "both" => "; error bars of both",
        "a" => "; error bars of A alone",
        "b" => "; error bars of B alone",
        _ => "; neither has error bars",
    };
    text += "\n\n";
    let heads =
        ["emitter", "rms sigma", "largest", "x response", "relative", "worst bins (GHz: sigma)"];
    let mut lines = vec![heads.map(String::from).to_vec()];
    lines.extend(comparison.emitters.iter().map(line));
    text += &tabular(1, &lines);
    let told: Vec<&ParameterDifference> =
        comparison.parameters.iter().filter(|p| p.a != p.b || p.sigma.is_some()).collect();
    if !told.is_empty() {
        let heads = ["parameter", "A", "B", "unit", "(A-B)/sigma"].map(String::from).to_vec();
        let row = |p: &&ParameterDifference| {
            let sigma = p.sigma.map_or_else(|| "-".into(), |sigma| format!("{sigma:+.2}"));
            vec![p.parameter.clone(), number(p.a), number(p.b), p.unit.clone(), sigma]
        };
        let lines: Vec<Vec<String>> = [heads].into_iter().chain(told.iter().map(row)).collect();
        text += &format!("\n{}", tabular(1, &lines));
    }
    text
}

fn line(of: &EmitterDifference) -> Vec<String> {
    let sigmas = |value: Option<f64>| value.map_or_else(|| "-".into(), short);
    let worst: Vec<String> = of.worst.iter().map(worst).collect();
    vec![
        of.emitter.clone(),
        sigmas(of.rms_sigma),
        sigmas(of.worst_sigma),
        sigmas(of.product_rms_sigma),
        of.relative.map_or_else(|| "-".into(), |value| format!("{value:.1e}")),
        worst.join(", "),
    ]
}

fn worst(bin: &WorstBin) -> String {
    match bin.sigma {
        Some(sigma) => format!("{:.1}: {}", bin.frequency_ghz, short(sigma)),
        None => format!("{:.1}: {:.1e} off", bin.frequency_ghz, bin.difference),
    }
}

/// So many error bars.
fn short(sigma: f64) -> String {
    match sigma {
        large if large >= 1e4 => format!("{large:.1e}"),
        large if large >= 100.0 => format!("{large:.0}"),
        small if small > 0.0 && small < 0.01 => format!("{small:.1e}"),
        usual => format!("{usual:.2}"),
    }
}

/// Six digits.
fn number(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 || (1e-3..1e5).contains(&size) {
        let digits = if size >= 1000.0 { 2 } else { 6 };
        format!("{value:.digits$}")
    } else {
        format!("{value:.5e}")
    }
}
