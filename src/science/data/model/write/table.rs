//! A binary table of FITS, its header written as the published model's is.

use std::io::Write;

use fits_well::header::{Header, Value};
use fits_well::{FitsError, FitsWriter};
use num_complex::Complex64;

/// A binary table.
#[derive(Debug, Default)]
pub(super) struct BinaryTable {
    rows: usize,
    header: Vec<(String, Value, String)>,
    comments: Vec<String>,
    columns: Vec<Column>,
}

/// One column.
#[derive(Debug)]
struct Column {
    name: String,
    /// How many values a row has, and of which kind.
    form: String,
    unit: String,
    dimensions: Option<String>,
    comment: String,
    meaning: String,
    /// As they stand in the file, row after row.
    bytes: Vec<u8>,
}

/// Values of a column, row after row.
#[derive(Debug, Clone, Copy)]
pub(super) enum Cells<'a> {
    /// Written in single precision.
    Single(&'a [f64]),
    Double(&'a [f64]),
    Complex(&'a [Complex64]),
    Whole(&'a [i32]),
    Byte(&'a [u8]),
    /// One a row.
    Text(&'a [String]),
}

impl BinaryTable {
    /// A table without columns; `name` is empty for one that has none.
    pub(super) fn new(name: &str, rows: usize) -> Self {
        let mut table = Self { rows, ..Self::default() };
        if !name.is_empty() {
            table.keyword("EXTNAME", name, "");
        }
        table
    }

    /// Adds a keyword.
    pub(super) fn keyword(&mut self, name: &str, value: impl Into<Value>, comment: &str) {
        self.header.push((name.into(), value.into(), comment.into()));
    }

    /// Adds lines of comment before the columns.
    pub(super) fn comment(&mut self, text: &str) {
        self.comments.push(text.into());
    }

    /// Adds a column; `shape` is that of a row's values, the fastest axis first, empty for one value.
    pub(super) fn column(
        &mut self,
        (name, unit, meaning): (&str, &str, &str),
        shape: &[usize],
        cells: Cells,
    ) -> &mut Self {
        let count: usize = shape.iter().product();
        let (bytes, code) = cells.encoded();
        let form = match cells {
            Cells::Text(texts) => format!("{}A", width(texts)),
            _ => format!("{count}{code}"),
        };
        let joined = shape.iter().map(usize::to_string).collect::<Vec<_>>().join(",");
        self.columns.push(Column {
            name: name.into(),
            form,
            unit: unit.into(),
            dimensions: (!shape.is_empty()).then(|| format!("({joined})")),
            comment: String::new(),
            meaning: meaning.into(),
            bytes,
        });
        self
    }

    /// Puts a comment to the name of the last column.
    pub(super) fn entire_name(&mut self, entire: &str) {
        if let Some(column) = self.columns.last_mut() {
            column.comment = format!("entire fieldname = {entire}");
        }
    }

    /// Writes it.
    pub(super) fn write<W: Write>(&self, writer: &mut FitsWriter<W>) -> Result<(), FitsError> {
        let widths: Vec<usize> =
            self.columns.iter().map(|column| column.bytes.len() / self.rows.max(1)).collect();
        let row: usize = widths.iter().sum();
        let mut header = Header::new();
        set(&mut header, "XTENSION", "BINTABLE", "Extension type is Binary Table")?;
        set(&mut header, "BITPIX", 8i64, "Binary data")?;
        set(&mut header, "NAXIS", 2i64, "Data are in a table")?;
        set(&mut header, "NAXIS1", row as i64, "Number of 8 bit bytes in each row")?;
        set(&mut header, "NAXIS2", self.rows as i64, "Number of rows")?;
        set(&mut header, "PCOUNT", 0i64, "Number of bytes of data following table")?;
        set(&mut header, "GCOUNT", 1i64, "Group count (always 1 for bintable extensions)")?;
        let fields = self.columns.len() as i64;
        set(&mut header, "TFIELDS", fields, "Number of fields (columns) in the table")?;
        for (name, value, comment) in &self.header {
            set(&mut header, name, value.clone(), comment)?;
        }
        for text in &self.comments {
            say(&mut header, "COMMENT", text)?;
        }
        for (place, column) in self.columns.iter().enumerate() {
            let key = |name: &str| format!("{name}{}", place + 1);
            say(&mut header, "COMMENT", &column.meaning)?;
            set(&mut header, &key("TFORM"), column.form.as_str(), "")?;
            if let Some(dimensions) = &column.dimensions {
                set(&mut header, &key("TDIM"), dimensions.as_str(), "")?;
            }
            set(&mut header, &key("TTYPE"), column.name.as_str(), &column.comment)?;
            set(&mut header, &key("TUNIT"), column.unit.as_str(), "")?;
        }
        let mut data = Vec::with_capacity(row * self.rows);
        for place in 0..self.rows {
            for (column, width) in self.columns.iter().zip(&widths) {
                data.extend_from_slice(&column.bytes[place * width..(place + 1) * width]);
            }
        }
        writer.write_raw_hdu(&header, &data)
    }
}

impl Cells<'_> {
    /// Its bytes, and the letter of its kind.
    fn encoded(self) -> (Vec<u8>, char) {
        match self {
            Self::Single(values) => {
                (values.iter().flat_map(|v| (*v as f32).to_be_bytes()).collect(), 'E')
            }
            Self::Double(values) => (values.iter().flat_map(|v| v.to_be_bytes()).collect(), 'D'),
            Self::Complex(values) => {
                let parts = values.iter().flat_map(|z| [z.re, z.im]);
                (parts.flat_map(f64::to_be_bytes).collect(), 'M')
            }
            Self::Whole(values) => (values.iter().flat_map(|v| v.to_be_bytes()).collect(), 'J'),
            Self::Byte(values) => (values.to_vec(), 'B'),
            Self::Text(texts) => {
                let width = width(texts);
                let padded = |text: &String| {
                    let mut bytes = plain(text).into_bytes();
                    bytes.resize(width, b' ');
                    bytes
                };
                (texts.iter().flat_map(padded).collect(), 'A')
            }
        }
    }
}

/// Characters of the longest of some texts, at least one.
fn width(texts: &[String]) -> usize {
    texts.iter().map(|text| plain(text).len()).max().unwrap_or(0).max(1)
}

/// A text as a file can hold it: what is not printable ASCII becomes a question mark.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(|c| if matches!(c, ' '..='~') { c } else { '?' }).collect()
}

/// Characters of a line of comment: a card has room for 72.
const LINE: usize = 68;

/// Adds lines of comment or history.
pub(super) fn say(header: &mut Header, keyword: &str, text: &str) -> Result<(), FitsError> {
    for line in plain(text).as_bytes().chunks(LINE) {
        header.push_commentary(keyword, &format!(" {}", String::from_utf8_lossy(line)))?;
    }
    Ok(())
}

/// Sets a keyword with a comment.
pub(super) fn set(
    header: &mut Header,
    name: &str,
    value: impl Into<Value>,
    comment: &str,
) -> Result<(), FitsError> {
    header.set(name, value)?;
    if !comment.is_empty() {
        header.set_comment(name, comment)?;
    }
    Ok(())
}
