//! What to type to write an array again so that it can be read.

use std::path::Path;

use crate::foundations::Shown;
use crate::foundations::text::is_plain;

use super::element::NumberKind;

/// How many fields of a table are named.
const NAMED_FIELDS: usize = 10;

/// A command that writes a whole file again as NumPy does.
pub(super) fn rewrite(path: &Path) -> String {
    let file = python_text(&Shown(path).to_string(), "FILE");
    python(&format!("numpy.savez_compressed({file}, **dict(numpy.load({file})))"))
}

/// A command that makes an array of another type, as the header writes it, one of numbers.
pub(super) fn convert(path: &Path, key: &str, dtype: &str, wanted: NumberKind) -> String {
    let file = python_text(&Shown(path).to_string(), "FILE");
    let key = python_text(key, "KEY");
    let float = wanted.python();
    let is_object = dtype.contains("'|O'");
    let load = if is_object { ", allow_pickle=True" } else { "" };
    let array = match fields(dtype).first() {
        Some(field) => format!("a[{key}][{}]", python_text(field, "FIELD")),
        None if is_object => format!("numpy.array(a[{key}].tolist(), dtype={float})"),
        None => format!("numpy.asarray(a[{key}], dtype={float})"),
    };
    python(&format!(
        "a = dict(numpy.load({file}{load})); a[{key}] = {array}; numpy.savez_compressed({file}, **a)"
    ))
}

/// The names of the fields of a table, as far as the header was read; none of another type.
pub(super) fn fields(dtype: &str) -> Vec<&str> {
    if !dtype.starts_with('[') {
        return Vec::new();
    }
    let starts = dtype.split('(').skip(1);
    let names = starts.filter_map(|start| start.strip_prefix('\'')?.split_once('\''));
    names.map(|(name, _)| name).take(NAMED_FIELDS).collect()
}

fn python(statements: &str) -> String {
    format!("python3 -c \"import numpy; {statements}\"")
}

/// A text of Python, within double quotes of a shell; something to fill in for one that would need
/// more than quotation marks.
fn python_text(text: &str, otherwise: &str) -> String {
    let needs_more = |c: char| ['\'', '"', '\\', '$', '`', '!'].contains(&c);
    let plain = is_plain(text) && !text.contains(needs_more);
    format!("'{}'", if plain { text } else { otherwise })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_array_has_its_own_way() {
        let convert = |dtype| convert(Path::new("my cal.npz"), "k", dtype, NumberKind::Real);
        for (dtype, array) in [
            ("[('x', '<f8'), ('y', '<i4')]", "a['k']['x']"),
            ("'<U4'", "numpy.asarray(a['k'], dtype=float)"),
            ("'|O'", "numpy.array(a['k'].tolist(), dtype=float)"),
        ] {
            assert!(convert(dtype).contains(&format!("a['k'] = {array};")), "{dtype}");
        }
        assert!(convert("'|O'").contains("numpy.load('my cal.npz', allow_pickle=True)"));
        let again = rewrite(Path::new("a\nb"));
        assert!(again.contains("numpy.savez_compressed('FILE', **dict(numpy.load('FILE')))"));
    }

    #[test]
    fn the_fields_of_a_table_are_named() {
        assert_eq!(fields("[('x', '<f8'), ('y', '<i4', (2,))]"), ["x", "y"]);
        assert_eq!(fields("[[[[[("), [""; 0]);
        assert_eq!(fields("'<f8'"), [""; 0]);
    }
}
