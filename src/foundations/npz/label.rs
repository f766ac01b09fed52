//! Names in an archive: text of a fixed width, as NumPy has it.

use std::io;

use ndarray_npy::{WritableElement, WriteDataError};
use py_literal::Value;

/// Characters of a name, at most.
const LABEL_WIDTH: usize = 48;

/// A name of at most 48 characters; NumPy reads an array of them as `<U48`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Label([u32; LABEL_WIDTH]);

impl Label {
    /// A name; what is longer is cut off.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let mut characters = [0; LABEL_WIDTH];
        characters.iter_mut().zip(name.chars()).for_each(|(to, from)| *to = u32::from(from));
        Self(characters)
    }
}

impl WritableElement for Label {
    fn type_descriptor() -> Value {
        Value::String(format!("<U{LABEL_WIDTH}"))
    }

    fn write<W: io::Write>(&self, mut writer: W) -> Result<(), WriteDataError> {
        for character in self.0 {
            writer.write_all(&character.to_le_bytes())?;
        }
        Ok(())
    }

    fn write_slice<W: io::Write>(slice: &[Self], mut writer: W) -> Result<(), WriteDataError> {
        slice.iter().try_for_each(|label| label.write(&mut writer))
    }
}
