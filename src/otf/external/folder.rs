//! The private temporary folder in which a program and this one exchange files.

use std::path::PathBuf;

use crate::process::PrivateFolder;

/// What the program reads.
const INPUT: &str = "input.npz";
/// What the program writes.
pub(super) const OUTPUT: &str = "output.npz";

/// The folder; it goes when this does.
#[derive(Debug)]
pub(super) struct ExchangeFolder(PrivateFolder);

impl ExchangeFolder {
    /// Makes one in the system's folder for temporary files.
    pub(super) fn make() -> Result<Self, String> {
        // The kind alone: the text of the error has the folder's random name.
        PrivateFolder::make_in(&std::env::temp_dir()).map(Self).map_err(|error| {
            let kind = error.kind();
            format!("no temporary folder can be made ({kind}): set TMPDIR to a folder with space")
        })
    }

    /// What the program reads.
    pub(super) fn input(&self) -> PathBuf {
        self.0.path().join(INPUT)
    }

    /// What the program writes.
    pub(super) fn output(&self) -> PathBuf {
        self.0.path().join(OUTPUT)
    }

    /// A text without the path of this folder, nor that of the current one: both differ from run
    /// to run, and Python puts the current one before the name of a script that fails.
    pub(super) fn without_paths(&self, text: &str) -> String {
        let current = std::env::current_dir().unwrap_or_default();
        self.0.without_paths(text, "", &current)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_below_it_become_names() {
        let folder = ExchangeFolder::make().unwrap();
        let here = std::env::current_dir().unwrap();
        let text = format!(
            "no key in {} of {}; {}/x.py, /etc/passwd",
            folder.input().display(),
            folder.0.path().display(),
            here.display()
        );
        let expected = "no key in input.npz of .; x.py, /etc/passwd";
        assert_eq!(folder.without_paths(&text), expected);
    }
}
