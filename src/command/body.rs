//! What a unit leaves: the files that are its result, and beside them what differs from run to run.

use std::path::{Component, Path};

use serde::{Deserialize, Serialize};

use crate::runner::store::{decode, encode};

/// The result of a unit that is done. What differs from run to run is taken out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Body {
    /// The main output first, then the others, sorted by name; no name twice.
    pub files: Vec<OutputFile>,
}

/// A file that a program wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct OutputFile {
    /// Its path below the folder of outputs, with `/` between names; never out of it.
    pub name: String,
    /// Its content.
    #[serde(with = "serde_bytes")]
    pub bytes: Vec<u8>,
}

/// What is kept of a unit that may differ from run to run.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Aside {
    /// How long the last attempt took, s.
    pub seconds: f64,
    /// Attempts, the last included.
    pub attempts: u32,
    /// What was taken out of the outputs, in their order.
    pub volatile: Vec<Taken>,
}

/// A volatile part of an output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Taken {
    /// Name of the file, as in [`OutputFile::name`].
    pub file: String,
    /// Where it was: a JSON pointer (`/methods/gp/timing`), or `column:NAME`.
    pub place: String,
    /// The value as the program wrote it: JSON; or, of a column, CSV with the name on the first line.
    pub text: String,
}

impl Body {
    /// The bytes that [`Self::decode`] understands.
    #[must_use]
    pub(super) fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    /// Reads what [`Self::encode`] wrote.
    ///
    /// # Errors
    /// If the bytes are not a body, it has no main output, or a name leads out of a folder, stands
    /// twice, or is out of order: such a body nobody here wrote.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, String> {
        let body: Self = decode(bytes)?;
        let others = body.files.get(1..).ok_or("it has no output")?;
        if let Some(file) = body.files.iter().find(|file| !is_inside(&file.name)) {
            return Err(format!("{:?} is not the name of a file in a folder", file.name));
        }
        let main = &body.files[0].name;
        let in_order = others.windows(2).all(|pair| pair[0].name < pair[1].name);
        if !in_order || others.iter().any(|file| file.name == *main) {
            return Err("its files are not in order".into());
        }
        Ok(body)
    }

    /// The main output.
    #[must_use]
    pub(super) fn main(&self) -> Option<&OutputFile> {
        self.files.first()
    }

    /// The file of a name.
    #[must_use]
    pub(super) fn file(&self, name: &str) -> Option<&OutputFile> {
        self.files.iter().find(|file| file.name == name)
    }
}

impl Aside {
    /// The bytes that [`Self::decode`] understands.
    #[must_use]
    pub(super) fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    /// Reads what [`Self::encode`] wrote.
    ///
    /// # Errors
    /// Says why the bytes are not that.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, String> {
        decode(bytes)
    }
}

/// Whether a name is that of a file below a folder, whatever the folder.
pub(super) fn is_inside(name: &str) -> bool {
    let is_plain = |part| matches!(part, Component::Normal(_));
    // Written in the one way: `a//b` and `a/./b` are other names of the same file.
    let parts = || name.split('/');
    !name.contains('\0')
        && parts().all(|part| !part.is_empty() && part != ".")
        && Path::new(name).components().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(names: &[&str]) -> Body {
        let file = |name: &&str| OutputFile { name: (*name).into(), bytes: vec![0, 255, 7] };
        Body { files: names.iter().map(file).collect() }
    }

    #[test]
    fn a_body_survives_its_encoding() {
        let whole = body(&["output.json", "a.png", "plots/b.png"]);
        assert_eq!(Body::decode(&whole.encode()), Ok(whole.clone()));
        assert_eq!(whole.main().unwrap().name, "output.json");
        assert!(whole.file("a.png").is_some() && whole.file("b.png").is_none());
        let taken = Taken { file: "output.json".into(), place: "/time".into(), text: "0.1".into() };
        let aside = Aside { seconds: 0.1, attempts: 2, volatile: vec![taken] };
        assert_eq!(Aside::decode(&aside.encode()), Ok(aside));
    }

    #[test]
    fn a_body_that_nobody_here_wrote_is_refused() {
        for names in [
            &[][..],
            &["../x"],
            &["a", "/etc/passwd"],
            &["a", "b/../../c"],
            &["a", "./b"],
            &["a", "b//c"],
            &["a", "b/"],
            &[""],
            &["a", "c", "b"],
            &["a", "b", "b"],
            &["a", "a"],
            &["a\0b"],
        ] {
            assert!(Body::decode(&body(names).encode()).is_err(), "{names:?}");
        }
        let mut bytes = body(&["a"]).encode();
        bytes.push(0);
        assert!(Body::decode(&bytes).unwrap_err().contains("left over"));
        // A file that says it is longer than any memory.
        assert!(Body::decode(&[1, 1, b'a', 253, 255, 255, 255, 255, 255, 255, 255, 0]).is_err());
    }
}
