//! The private folder of an attempt: an empty place for its outputs, and one for its scratch files.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

/// How often, and how far apart, what a killed program still made is cleared away.
const CLEARINGS: u32 = 20;
const CLEARING: Duration = Duration::from_millis(5);

/// The folder; it goes when this does.
#[derive(Debug)]
pub(super) struct Folder {
    folder: TempDir,
    /// Its path without symbolic links.
    path: PathBuf,
    /// When it was made, by the clock of its file system.
    made: Option<SystemTime>,
}

impl Folder {
    /// Makes one in a folder for scratch files, with the folders above a file of outputs.
    pub(super) fn make(scratch: &Path, output: &str) -> Result<Self, String> {
        let make = || {
            let folder = tempfile::Builder::new()
                .prefix("otfhpc-")
                .permissions(Permissions::from_mode(0o700))
                .tempdir_in(scratch)?;
            let path = folder.path().canonicalize()?;
            fs::create_dir(path.join(OUTPUTS))?;
            let made = path.join(OUTPUTS).metadata()?.modified().ok();
            if let Some((above, _)) = output.rsplit_once('/') {
                fs::create_dir_all(path.join(OUTPUTS).join(above))?;
            }
            Ok(Self { folder, path, made })
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
        self.path.join(OUTPUTS)
    }

    /// Where scratch files go: around the outputs, since on many disks a folder more takes as long to
    /// make as a short program.
    pub(super) fn scratch(&self) -> PathBuf {
        self.path.clone()
    }

    /// When nothing was in it yet.
    pub(super) fn made(&self) -> Option<SystemTime> {
        self.made
    }

    /// A text without the path of this folder, nor that of the one that the program runs in: both
    /// differ from place to place, and Python puts the second before the name of a script that fails.
    pub(super) fn without_paths(&self, text: &str, directory: &Path) -> String {
        let (outputs, named) = (self.outputs(), self.folder.path());
        let named_outputs = named.join(OUTPUTS);
        let folders = [&outputs, &named_outputs, &self.path, named, directory];
        folders.iter().fold(text.to_owned(), |text, folder| without(&text, folder))
    }
}

const OUTPUTS: &str = "outputs";

impl Drop for Folder {
    fn drop(&mut self) {
        // What was killed is gone soon, but not at once, and may have made a file meanwhile.
        for _ in 0..CLEARINGS {
            if fs::remove_dir_all(&self.path).is_ok() || !self.path.exists() {
                return;
            }
            sleep(CLEARING);
        }
    }
}

/// A text in which paths below a folder are relative to it.
fn without(text: &str, folder: &Path) -> String {
    // Not the root: every path starts with it.
    let path = folder.to_str().filter(|_| folder.parent().is_some());
    let Some(path) = path else { return text.to_owned() };
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(path) {
        kept.push_str(before);
        // `/a/bc` is not below `/a/b`.
        let is_longer = after.starts_with(|c: char| c.is_alphanumeric() || "_-.".contains(c));
        rest = match after.strip_prefix('/') {
            Some(below) => below,
            None if is_longer => {
                kept.push_str(path);
                after
            }
            None => {
                kept.push('.');
                after
            }
        };
    }
    kept.push_str(rest);
    kept
}

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
            folder.path.display(),
            folder.scratch().join("t").display()
        );
        let expected = "no key in a/b.json of .; t; x.py, /etc/passwd";
        assert_eq!(folder.without_paths(&text, Path::new("/study")), expected);
        assert_eq!(without("/a/b", Path::new("/")), "/a/b");
        let text = "/a/b/c /a/b: /a/bc /a/b-c (/a/b)";
        assert_eq!(without(text, Path::new("/a/b")), "c .: /a/bc /a/b-c (.)");
        assert!(folder.outputs().join("a").is_dir());
    }

    #[test]
    fn it_is_private_and_goes() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::make(place.path(), "x").unwrap();
        let mode = fs::metadata(&folder.path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        fs::write(folder.outputs().join("x"), b"x").unwrap();
        assert!(folder.made().is_some());
        drop(folder);
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
        let gone = Folder::make(&place.path().join("none"), "x").unwrap_err();
        assert!(gone.starts_with("no folder for its outputs can be made (entity not found)"));
    }
}
