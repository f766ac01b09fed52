//! Where the standard output and error of a program are kept, and how they are quoted.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::folder::ExchangeFolder;
use super::text::{end, one_line};

/// How much of the end of a log is looked at, bytes.
const LOOKED_AT: u64 = 16 << 10;

/// The two files.
#[derive(Debug)]
pub(super) struct ProgramLogs {
    out: PathBuf,
    err: PathBuf,
}

impl ProgramLogs {
    /// Names the files: `log` with `.out` and `.err` after it.
    pub(super) fn named(log: &Path) -> Self {
        let with = |ending: &str| {
            let mut name: OsString = log.as_os_str().to_owned();
            name.push(ending);
            PathBuf::from(name)
        };
        Self { out: with(".out"), err: with(".err") }
    }

    /// Makes both files, empty, and the folder that they are in.
    pub(super) fn make(&self) -> Result<(File, File), String> {
        Ok((make(&self.out)?, make(&self.err)?))
    }

    /// What the program said last, to be put after a reason.
    pub(super) fn quote(&self, folder: &ExchangeFolder) -> String {
        for (path, what) in [(&self.err, "standard error"), (&self.out, "standard output")] {
            let written = last_bytes(path).unwrap_or_default();
            let text = folder.without_paths(&String::from_utf8_lossy(&written));
            let line = one_line(&text);
            if !line.is_empty() {
                // Not which file has all of it: one reason for all that ended alike.
                return format!("; its {what} ends: {}", end(&line));
            }
        }
        "; it wrote nothing to its standard output and error".to_owned()
    }
}

fn make(path: &Path) -> Result<File, String> {
    let folder = path.parent().unwrap_or(Path::new(""));
    fs::create_dir_all(folder).and_then(|()| File::create(path)).map_err(|error| {
        let kind = error.kind();
        format!("the log {} cannot be written ({kind}): check the folder of the logs", name(path))
    })
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn last_bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(LOOKED_AT)))?;
    let mut bytes = Vec::new();
    file.take(LOOKED_AT).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_what_was_said_is_quoted() {
        let place = tempfile::tempdir().unwrap();
        let folder = ExchangeFolder::make().unwrap();
        let logs = ProgramLogs::named(&place.path().join("a/b/fit-1.2"));
        logs.make().unwrap();
        assert_eq!(logs.quote(&folder), "; it wrote nothing to its standard output and error");

        fs::write(&logs.out, "hello\nworld\n").unwrap();
        let expected = "; its standard output ends: hello | world";
        assert_eq!(logs.quote(&folder), expected);

        let long = "x".repeat(100_000);
        let said = format!("{long}\ncannot read {}\n\n", folder.input().display());
        fs::write(&logs.err, said).unwrap();
        let quote = logs.quote(&folder);
        assert!(quote.starts_with("; its standard error ends: ...xxx"), "{quote}");
        let ending = "xxx | cannot read input.npz";
        assert!(quote.ends_with(ending) && quote.len() < 380, "{quote}");

        // An attempt after this one starts anew.
        logs.make().unwrap();
        assert!(logs.quote(&folder).contains("wrote nothing"));
    }

    #[test]
    fn a_log_that_cannot_be_made_is_named_without_its_folder() {
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join("file"), b"").unwrap();
        let reason = ProgramLogs::named(&place.path().join("file/fit")).make().unwrap_err();
        assert!(reason.starts_with("the log fit.out cannot be written ("), "{reason}");
        assert!(!reason.contains('/'), "{reason}");
    }
}
