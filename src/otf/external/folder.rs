//! The private temporary folder in which a program and this one exchange files.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// What the program reads.
const INPUT: &str = "input.npz";
/// What the program writes.
pub(super) const OUTPUT: &str = "output.npz";

/// The folder; it goes when this does.
#[derive(Debug)]
pub(super) struct ExchangeFolder {
    folder: TempDir,
    /// Its path without symbolic links.
    path: PathBuf,
}

impl ExchangeFolder {
    /// Makes one in the system's folder for temporary files.
    pub(super) fn make() -> Result<Self, String> {
        let made = tempfile::Builder::new()
            .prefix("otfhpc-")
            .permissions(Permissions::from_mode(0o700))
            .tempdir()
            .and_then(|folder| Ok(Self { path: folder.path().canonicalize()?, folder }));
        // The kind alone: the text of the error has the folder's random name.
        made.map_err(|error| {
            let kind = error.kind();
            format!("no temporary folder can be made ({kind}): set TMPDIR to a folder with space")
        })
    }

    /// What the program reads.
    pub(super) fn input(&self) -> PathBuf {
        self.path.join(INPUT)
    }

    /// What the program writes.
    pub(super) fn output(&self) -> PathBuf {
        self.path.join(OUTPUT)
    }

    /// A text without the path of this folder, nor that of the current one: both differ from run
    /// to run, and Python puts the current one before the name of a script that fails.
    pub(super) fn without_paths(&self, text: &str) -> String {
        let current = std::env::current_dir().unwrap_or_default();
        let folders = [self.path.as_path(), self.folder.path(), current.as_path()];
        folders.iter().fold(text.to_owned(), |text, folder| without(&text, folder))
    }
}

/// A text in which paths below a folder are relative to it.
fn without(text: &str, folder: &Path) -> String {
    match folder.to_str() {
        // Not the root: every path starts with it.
        Some(path) if folder.parent().is_some() => {
            text.replace(&format!("{path}/"), "").replace(path, ".")
        }
        _ => text.to_owned(),
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
            folder.path.display(),
            here.display()
        );
        let expected = "no key in input.npz of .; x.py, /etc/passwd";
        assert_eq!(folder.without_paths(&text), expected);
        assert_eq!(without("/a/b", Path::new("/")), "/a/b");
    }

    #[test]
    fn it_is_private_and_goes() {
        let folder = ExchangeFolder::make().unwrap();
        let path = folder.path.clone();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        std::fs::write(folder.output(), b"x").unwrap();
        drop(folder);
        assert!(!path.exists());
    }
}
