//! The private folder of an attempt: an empty place for its outputs, and one for its scratch files.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::process::PrivateFolder;

/// The folder; it goes when this does.
#[derive(Debug)]
pub(super) struct Folder {
    folder: PrivateFolder,
    /// When it was made, by the clock of its file system.
    made: Option<SystemTime>,
}

impl Folder {
    /// Makes one in a folder for scratch files, with the folders above a file of outputs.
    pub(super) fn make(scratch: &Path, output: &str) -> Result<Self, String> {
        let make = || {
            let folder = PrivateFolder::make_in(scratch)?;
            let outputs = folder.path().join(OUTPUTS);
            fs::create_dir(&outputs)?;
            let made = outputs.metadata()?.modified().ok();
            if let Some((above, _)) = output.rsplit_once('/') {
                fs::create_dir_all(outputs.join(above))?;
            }
            Ok(Self { folder, made })
        };
        make().map_err(|error: std::io::Error| {
            // The kind alone: the text of the error has the folder's random name.
            let kind = error.kind();
            format!(
                "no folder for its outputs can be made ({kind}): check the folder of scratch files"
            )
        })
    }

    /// Where outputs go.
    pub(super) fn outputs(&self) -> PathBuf {
        self.folder.path().join(OUTPUTS)
    }

    /// Where scratch files go: around the outputs, since on many disks a folder more takes as long to
    /// make as a short program.
    pub(super) fn scratch(&self) -> PathBuf {
        self.folder.path().to_path_buf()
    }

    /// When nothing was in it yet.
    pub(super) fn made(&self) -> Option<SystemTime> {
        self.made
    }

    /// A text without the path of this folder, nor that of the one that the program runs in: both
    /// differ from place to place, and Python puts the second before the name of a script that fails.
    pub(super) fn without_paths(&self, text: &str, directory: &Path) -> String {
        self.folder.without_paths(text, OUTPUTS, directory)
    }
}

const OUTPUTS: &str = "outputs";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_below_it_become_names() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::make(place.path(), "a/b.json").unwrap();
        let text = format!(
            "no key in {}/a/b.json of {}; {}; /study/x.py, /etc/passwd",
            folder.outputs().display(),
            folder.scratch().display(),
            folder.scratch().join("t").display()
        );
        let expected = "no key in a/b.json of .; t; x.py, /etc/passwd";
        assert_eq!(folder.without_paths(&text, Path::new("/study")), expected);
        assert!(folder.outputs().join("a").is_dir());
    }

    #[test]
    fn it_is_empty_and_goes() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::make(place.path(), "x").unwrap();
        fs::write(folder.outputs().join("x"), b"x").unwrap();
        assert!(folder.made().is_some());
        drop(folder);
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
        let gone = Folder::make(&place.path().join("none"), "x").unwrap_err();
        assert!(gone.starts_with("no folder for its outputs can be made (entity not found)"));
    }
}
