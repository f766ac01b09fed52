//! Whether two results of a unit are the same, to the byte or with a tolerance for numbers.

use csv::StringRecord;

use super::body::{Body, OutputFile};
use super::csv_file;
use super::json;
use super::rules::Format;
use super::study::CommandStudy;
use crate::runner::store::Envelope;

impl CommandStudy {
    /// Whether two results of one unit are the same: to the byte, or, if `audit.tolerance` is set,
    /// with numbers in JSON and CSV files so near to each other. What is volatile does not count.
    #[must_use]
    pub fn is_same(&self, a: &Envelope, b: &Envelope) -> bool {
        if (a.status, &a.reason) != (b.status, &b.reason) {
            return false;
        }
        let Some(tolerance) = self.settings().audit.tolerance else { return a.body == b.body };
        if a.body == b.body {
            return true;
        }
        let (Ok(a), Ok(b)) = (Body::decode(&a.body), Body::decode(&b.body)) else { return false };
        a.files.len() == b.files.len()
            && a.files.iter().zip(&b.files).all(|(a, b)| is_near_file(a, b, tolerance))
    }
}

fn is_near_file(a: &OutputFile, b: &OutputFile, tolerance: f64) -> bool {
    if a.name != b.name {
        return false;
    }
    a.bytes == b.bytes
        || match Format::of(&a.name) {
            Format::Json => is_near_json(&a.bytes, &b.bytes, tolerance),
            Format::Csv => is_near_csv(&a.bytes, &b.bytes, tolerance),
            Format::Other => false,
        }
}

/// Word for word: names stand in the order in which the program wrote them.
fn is_near_json(a: &[u8], b: &[u8], tolerance: f64) -> bool {
    let (mut a, mut b) = (json::words(a), json::words(b));
    loop {
        match (a.next(), b.next()) {
            (None, None) => return true,
            (Some(a), Some(b)) if a == b || is_near_word(a, b, tolerance) => {}
            _ => return false,
        }
    }
}

fn is_near_csv(a: &[u8], b: &[u8], tolerance: f64) -> bool {
    let (mut a, mut b) = (csv_file::reader(a), csv_file::reader(b));
    match (a.headers(), b.headers()) {
        (Ok(a), Ok(b)) if a == b => {}
        _ => return false,
    }
    let (mut row, mut other) = (StringRecord::new(), StringRecord::new());
    loop {
        match (a.read_record(&mut row), b.read_record(&mut other)) {
            (Ok(false), Ok(false)) => return true,
            (Ok(true), Ok(true)) if row.len() == other.len() => {}
            _ => return false,
        }
        let mut values = row.iter().zip(other.iter());
        if !values.all(|(a, b)| a == b || is_near_word(a.as_bytes(), b.as_bytes(), tolerance)) {
            return false;
        }
    }
}

/// Whether two words are numbers that are near to each other.
fn is_near_word(a: &[u8], b: &[u8], tolerance: f64) -> bool {
    let number = |word: &[u8]| std::str::from_utf8(word).ok()?.trim().parse::<f64>().ok();
    match (number(a), number(b)) {
        (Some(a), Some(b)) => is_near(a, b, tolerance),
        _ => false,
    }
}

/// Whether two numbers differ by no more than this part of the larger one.
#[must_use]
pub(super) fn is_near(a: f64, b: f64, tolerance: f64) -> bool {
    // Also if both are infinite, or neither is a number.
    a == b
        || (a.is_nan() && b.is_nan())
        || ((a - b).abs() <= tolerance * a.abs().max(b.abs()) && (a - b).is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runner::store::UnitStatus;

    fn study(audit: &str) -> CommandStudy {
        let text = format!(
            "workload=\"command\"\n[command]\nrun=\"x\"\n[collect]\ntables=\"t.csv\"\n\
             files=\"*.txt\"\n[audit]\n{audit}\n"
        );
        CommandStudy::new(&toml::from_str(&text).unwrap()).unwrap()
    }

    fn envelope(files: &[(&str, &str)]) -> Envelope {
        let file = |(name, text): &(&str, &str)| OutputFile {
            name: (*name).into(),
            bytes: text.as_bytes().to_vec(),
        };
        let body = Body { files: files.iter().map(file).collect() }.encode();
        Envelope { status: UnitStatus::Done, reason: None, body, aside: Vec::new() }
    }

    fn failed(reason: &str) -> Envelope {
        let reason = Some(reason.into());
        Envelope { status: UnitStatus::Failed, reason, body: Vec::new(), aside: vec![1] }
    }

    #[test]
    fn numbers_may_differ_within_the_tolerance_and_nothing_else() {
        let (exact, near) = (study(""), study("tolerance = 1e-6"));
        let base = [
            ("output.json", "{\"a\": [1.0, -2e-8, NaN, 0], \"b\": \"1.0\"}"),
            ("n.txt", "1.0"),
            ("t.csv", "x,y\n1.0,a\nnan,\n"),
        ];
        let changed = |file: usize, text: &'static str| {
            let mut files = base;
            files[file].1 = text;
            envelope(&files)
        };
        let base = envelope(&base);
        for (other, is_near) in [
            (changed(0, "{\"a\":[1.0000001,-2.000000001e-8,NaN,0],\"b\":\"1.0\"}"), true),
            (changed(0, "{\"a\": [1, -2e-8, NaN, -0.0], \"b\": \"1.0\"}"), true),
            (changed(0, "{\"a\": [1.0001, -2e-8, NaN, 0], \"b\": \"1.0\"}"), false),
            (changed(0, "{\"a\": [1.0, 2e-8, NaN, 0], \"b\": \"1.0\"}"), false),
            (changed(0, "{\"a\": [1.0, -2e-8, null, 0], \"b\": \"1.0\"}"), false),
            (changed(0, "{\"a\": [1.0, -2e-8, NaN, 1e-300], \"b\": \"1.0\"}"), false),
            (changed(0, "{\"a\": [1.0, -2e-8, NaN, 0], \"b\": \"1.0000001\"}"), false),
            (changed(0, "{\"a\": [1.0, -2e-8, NaN, 0], \"c\": \"1.0\"}"), false),
            (changed(0, "{\"a\": [1.0, -2e-8, NaN, 0]}"), false),
            (changed(2, "x,y\n1.0000001,a\nNaN,\n"), true),
            (changed(2, "x,y\n1.0,b\nnan,\n"), false),
            (changed(2, "x,z\n1.0,a\nnan,\n"), false),
            (changed(2, "x,y\n1.0,a\n"), false),
            (changed(1, "1.0000001"), false),
        ] {
            assert!(!exact.is_same(&base, &other));
            assert_eq!(near.is_same(&base, &other), is_near, "{other:?}");
            assert_eq!(near.is_same(&other, &base), is_near);
        }
        assert!(exact.is_same(&base, &base));
        let (mut late, text) = (base.clone(), failed("x"));
        late.aside = vec![7];
        assert!(exact.is_same(&base, &late) && near.is_same(&base, &late));
        assert!(near.is_same(&failed("x"), &text) && !near.is_same(&failed("y"), &text));
        assert!(!near.is_same(&base, &text));
    }
}
