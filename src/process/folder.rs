//! A private temporary folder, in which a program and this one exchange files.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use crate::foundations::files::listing::{TemporaryFolder, remove_tree};

/// How often, and how far apart, what a killed program still made is cleared away.
const CLEARINGS: u32 = 20;
const CLEARING: Duration = Duration::from_millis(5);

/// The folder; it goes when this does.
#[derive(Debug)]
pub(crate) struct PrivateFolder {
    folder: TemporaryFolder,
    /// Its path without symbolic links.
    path: PathBuf,
}

impl PrivateFolder {
    /// Makes one in another folder. Nobody else can look into it.
    ///
    /// # Errors
    /// If it cannot be made. The text of the error has its random name.
    pub(crate) fn make_in(place: &Path) -> io::Result<Self> {
        let mut named = tempfile::Builder::new();
        named.prefix("otfhpc-").permissions(Permissions::from_mode(0o700));
        let folder = TemporaryFolder::make(&named, Some(place))?;
        Ok(Self { path: folder.path().canonicalize()?, folder })
    }

    /// Its path, without symbolic links.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A text without the paths of this folder and of one of its own below it, nor that of the one that
    /// the program runs in: they differ from place to place, and Python puts the last before the name of
    /// a script that fails.
    pub(crate) fn without_paths(&self, text: &str, below: &str, directory: &Path) -> String {
        let named = self.folder.path();
        let (inner, named_inner) = (self.path.join(below), named.join(below));
        let folders = [&inner, &named_inner, &self.path, named, directory];
        folders.iter().fold(text.to_owned(), |text, folder| without(&text, folder))
    }
}

impl Drop for PrivateFolder {
    fn drop(&mut self) {
        // What was killed is gone soon, but not at once, and may have made a file meanwhile.
        for _ in 0..CLEARINGS {
            if remove_tree(&self.path).is_ok() || !self.path.exists() {
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
    use std::fs;

    use super::*;

    #[test]
    fn paths_below_a_folder_are_relative_to_it() {
        assert_eq!(without("/a/b", Path::new("/")), "/a/b");
        let text = "/a/b/c /a/b: /a/bc /a/b-c (/a/b)";
        assert_eq!(without(text, Path::new("/a/b")), "c .: /a/bc /a/b-c (.)");
    }

    #[test]
    fn it_is_private_and_goes_with_all_that_is_in_it() {
        let place = tempfile::tempdir().unwrap();
        let folder = PrivateFolder::make_in(place.path()).unwrap();
        let mode = fs::metadata(folder.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        fs::write(folder.path().join("x"), b"x").unwrap();
        drop(folder);
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
        assert!(PrivateFolder::make_in(&place.path().join("none")).is_err());
    }
}
