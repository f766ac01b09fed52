//! Tables.

use maud::{Markup, html};

/// One cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    text: String,
    class: &'static str,
}

impl Cell {
    /// With a class of the style sheet: `chance`, `better`, `worse`, `warn`, or none.
    pub fn new(text: impl Into<String>, class: &'static str) -> Self {
        Self { text: text.into(), class }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::new(text, "")
    }
}

/// A table; the first column has the names of the rows.
#[derive(Debug)]
pub struct Table {
    header: Vec<String>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// With these columns.
    pub fn new(header: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { header: header.into_iter().map(Into::into).collect(), rows: Vec::new() }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: Vec<Cell>) {
        self.rows.push(cells);
    }

    /// The table; a narrow window scrolls it by itself.
    #[must_use]
    pub fn render(&self) -> Markup {
        html! {
            div.scroll tabindex="0" { table {
                thead { tr { @for name in &self.header { th scope="col" { (name) } } } }
                tbody { @for row in &self.rows { tr {
                    @for (place, cell) in row.iter().enumerate() {
                        @if place == 0 { th scope="row" { (cell.text) } }
                        @else if cell.class.is_empty() { td { (cell.text) } }
                        @else { td class=(cell.class) { (cell.text) } }
                    }
                } } }
            } }
        }
    }
}
