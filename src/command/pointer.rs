//! Places in an output: a JSON pointer, with `*` for any name or number, or a column of a CSV file.

use super::error::CommandError;

/// How the name of a column is told from a pointer.
const COLUMN: &str = "column:";

/// A place in an output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Spot {
    /// In a JSON output.
    Pointer(Pointer),
    /// In CSV files.
    Column(String),
}

/// A JSON pointer (RFC 6901) in which `*` stands for any name or number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pointer {
    text: String,
    steps: Vec<Step>,
}

/// A step of a pointer: into a member of an object, or an element of an array.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Any,
    Name(String),
}

impl Spot {
    /// Understands `/a/b` or `column:c`.
    ///
    /// # Errors
    /// If it is neither.
    pub(super) fn parse(setting: &str, text: &str) -> Result<Self, CommandError> {
        let column = text.strip_prefix(COLUMN).filter(|name| !name.is_empty());
        let spot = column.map(|name| Self::Column(name.into()));
        spot.or_else(|| Pointer::parse(text).map(Self::Pointer)).ok_or_else(|| {
            let expected = "a place in a JSON output as in \"/methods\", or a column as in \
                            \"column:timing\"";
            CommandError::range(setting, format!("{text:?}"), expected)
        })
    }
}

impl Pointer {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let steps = text.strip_prefix('/')?.split('/').map(|step| match step {
            "*" => Step::Any,
            name => Step::Name(name.replace("~1", "/").replace("~0", "~")),
        });
        Some(Self { text: text.into(), steps: steps.collect() })
    }

    /// As it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// How many steps it has.
    pub(super) fn depth(&self) -> usize {
        self.steps.len()
    }

    /// Whether its step at a depth (from 0) may be into a member or element of this name.
    pub(super) fn steps_into(&self, depth: usize, name: &str) -> bool {
        self.steps.get(depth).is_some_and(|step| match step {
            Step::Any => true,
            Step::Name(own) => own == name,
        })
    }
}

/// A name as a step of a pointer.
pub(super) fn as_step(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_and_columns_are_told_apart() {
        let spot = |text: &str| Spot::parse("command.require", text);
        let Ok(Spot::Pointer(pointer)) = spot("/methods/*/a~1b~0c") else { panic!() };
        assert_eq!((pointer.text(), pointer.depth()), ("/methods/*/a~1b~0c", 3));
        assert!(pointer.steps_into(0, "methods") && !pointer.steps_into(0, "method"));
        assert!(pointer.steps_into(1, "anything") && pointer.steps_into(2, "a/b~c"));
        assert!(!pointer.steps_into(3, "x"));
        assert_eq!(as_step("a/b~c"), "a~1b~0c");
        assert_eq!(spot("column:a/b").unwrap(), Spot::Column("a/b".into()));
        for text in ["methods", "", "column:", "column"] {
            let error = spot(text).unwrap_err().to_string();
            assert!(error.starts_with("command.require is \""), "{error}");
        }
    }
}
