//! The standard output and error of an attempt: kept whole up to a length, beyond it the end; and
//! quoted in reasons.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::text::{end, one_line};

/// How much of the end of a log is looked at, bytes.
const LOOKED_AT: u64 = 16 << 10;
/// Disks give room in pieces of this length or of a part of it, bytes.
const PIECE: u64 = 1 << 16;

/// How much of a log is kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kept {
    /// Most bytes.
    pub(crate) most: u64,
    /// Who says so, for whoever misses the rest.
    pub(crate) by: &'static str,
}

/// The two files.
#[derive(Debug)]
pub(crate) struct Logs {
    out: Log,
    err: Log,
}

#[derive(Debug)]
struct Log {
    path: PathBuf,
    file: File,
    kept: Kept,
    /// Bytes at the beginning whose room was given back.
    freed: u64,
    /// Bytes that are no longer counted in the file's length.
    cut: u64,
}

impl Logs {
    /// Makes both files, empty, and the folder that they are in: `name`, with `.out` and `.err` after
    /// it.
    ///
    /// # Errors
    /// Says which cannot be made, without its folder.
    pub(crate) fn make(folder: &Path, name: &str, kept: Kept) -> Result<Self, String> {
        let make = |ending: &str| {
            let name = format!("{name}.{ending}");
            make(&folder.join(&name), kept).map_err(|error| {
                let kind = error.kind();
                format!("the log {name} cannot be written ({kind}): check the folder of the logs")
            })
        };
        Ok(Self { out: make("out")?, err: make("err")? })
    }

    /// The files to give to a program.
    ///
    /// # Errors
    /// If this process has as many files open as it may.
    pub(crate) fn files(&self) -> Result<(File, File), String> {
        let files = || Ok((self.out.file.try_clone()?, self.err.file.try_clone()?));
        files().map_err(|error: io::Error| {
            format!(
                "no more files can be opened ({}): raise ulimit -n, or use fewer threads",
                error.kind()
            )
        })
    }

    /// Gives back the room of what will not be kept. To be called while the program runs.
    pub(crate) fn limit(&mut self) {
        self.out.limit();
        self.err.limit();
    }

    /// What the program said last, to be put after a reason. To be called when it ended.
    ///
    /// `without_paths` takes out of it what differs from place to place.
    pub(crate) fn quote(&self, without_paths: impl Fn(&str) -> String) -> String {
        for (log, what) in [(&self.err, "standard error"), (&self.out, "standard output")] {
            let written = log.last(LOOKED_AT).unwrap_or_default();
            let text = without_paths(&String::from_utf8_lossy(&written));
            let line = one_line(&text);
            if !line.is_empty() {
                // Not which file has all of it: one reason for all that ended alike.
                return format!("; its {what} ends: {}", end(&line));
            }
        }
        "; it wrote nothing to its standard output and error".to_owned()
    }

    /// Cuts both to the length that is kept, and removes them if they are empty. To be called when the
    /// program ended. A disk that is full leaves them as they are.
    pub(crate) fn finish(self) {
        let _ = self.out.finish();
        let _ = self.err.finish();
    }
}

fn make(path: &Path, kept: Kept) -> io::Result<Log> {
    let new = || OpenOptions::new().read(true).append(true).create_new(true).open(path);
    let first = match new() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(path.parent().unwrap_or(Path::new("")))?;
            new()
        }
        other => other,
    };
    let file = match first {
        // Of an earlier attempt; whatever it is, nothing is written through it.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            fs::remove_file(path)?;
            new()?
        }
        other => other?,
    };
    Ok(Log { path: path.to_path_buf(), file, kept, freed: 0, cut: 0 })
}

impl Log {
    fn limit(&mut self) {
        let Ok(length) = self.file.metadata().map(|metadata| metadata.len()) else { return };
        // Twice the length, so that there is seldom something to do.
        let spare = length.saturating_sub(self.freed);
        if spare <= self.kept.most.saturating_mul(2).max(4 * PIECE) {
            return;
        }
        let until = (length - self.kept.most) / PIECE * PIECE;
        if free(&self.file, self.freed, until - self.freed).is_ok() {
            self.freed = until;
        } else if self.file.set_len(0).is_ok() {
            // Where no hole can be made: the program goes on at the beginning.
            self.cut += length;
            self.freed = 0;
        }
    }

    /// The last bytes.
    fn last(&self, most: u64) -> io::Result<Vec<u8>> {
        let mut file = self.end(most)?;
        let mut bytes = Vec::new();
        (&mut file).take(most).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// The file, at its last bytes.
    fn end(&self, most: u64) -> io::Result<&File> {
        let mut file = &self.file;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(most).max(self.freed)))?;
        Ok(file)
    }

    fn finish(self) -> io::Result<()> {
        let length = self.file.metadata()?.len();
        if length == 0 && self.cut == 0 {
            return fs::remove_file(&self.path);
        }
        if length <= self.kept.most && self.cut == 0 {
            return Ok(());
        }
        let kept = length.min(self.kept.most);
        let before = length - kept + self.cut;
        let mut whole = tempfile::Builder::new()
            .prefix(".log.")
            .suffix(".tmp")
            .permissions(fs::metadata(&self.path)?.permissions())
            .tempfile_in(self.path.parent().unwrap_or(Path::new(".")))?;
        writeln!(whole, "[{before} bytes before this were not kept: {}]", self.kept.by)?;
        io::copy(&mut self.end(kept)?.take(kept), &mut whole)?;
        whole.persist(&self.path).map_err(|error| error.error)?;
        Ok(())
    }
}

/// Gives back the room of a part of a file, which reads as zeros then.
#[cfg(target_os = "linux")]
fn free(file: &File, offset: u64, length: u64) -> io::Result<()> {
    use rustix::fs::{FallocateFlags, fallocate};
    let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    Ok(fallocate(file, flags, offset, length)?)
}

#[cfg(not(target_os = "linux"))]
fn free(_: &File, _: u64, _: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    fn logs_named(place: &Path, name: &str, most: u64) -> Result<Logs, String> {
        Logs::make(place, name, Kept { most, by: "a setting" })
    }

    fn logs(place: &Path, most: u64) -> Logs {
        logs_named(place, "a=1", most).unwrap()
    }

    #[test]
    fn the_end_of_what_was_said_is_quoted() {
        let place = tempfile::tempdir().unwrap();
        let quote = |logs: &Logs| logs.quote(|text| text.replace("/study/", ""));
        let logs = logs(&place.path().join("a/b"), 1 << 20);
        assert_eq!(quote(&logs), "; it wrote nothing to its standard output and error");
        let (mut out, mut err) = logs.files().unwrap();
        out.write_all(b"hello\nworld\n").unwrap();
        assert_eq!(quote(&logs), "; its standard output ends: hello | world");
        let long = "x".repeat(100_000);
        write!(err, "{long}\ncannot write /study/output.json of /study/x.py\n\n").unwrap();
        let said = quote(&logs);
        assert!(said.starts_with("; its standard error ends: ...xxx"), "{said}");
        let ending = "xxx | cannot write output.json of x.py";
        assert!(said.ends_with(ending) && said.len() < 380, "{said}");
    }

    #[test]
    fn logs_are_kept_whole_or_their_end_and_empty_ones_go() {
        let place = tempfile::tempdir().unwrap();
        let path = |name: &str| place.path().join(name);
        let made = logs(place.path(), 10);
        let (mut out, _) = made.files().unwrap();
        out.write_all(b"0123456789").unwrap();
        made.finish();
        assert_eq!(fs::read(path("a=1.out")).unwrap(), b"0123456789");
        assert!(!path("a=1.err").exists());

        // An attempt after this one has a log of its own, and a run after that begins anew.
        let second = logs_named(place.path(), "a=1.2", 10).unwrap();
        second.files().unwrap().1.write_all(b"0123456789abc").unwrap();
        second.finish();
        let expected = "[3 bytes before this were not kept: a setting]\n3456789abc";
        assert_eq!(fs::read_to_string(path("a=1.2.err")).unwrap(), expected);
        logs(place.path(), 10).finish();
        assert!(!path("a=1.out").exists());
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_log_never_takes_much_more_room_than_is_kept() {
        for can_free in [true, false] {
            let place = tempfile::tempdir().unwrap();
            let mut logs = logs(place.path(), 100_000);
            let (mut out, _) = logs.files().unwrap();
            for line in 0..2000 {
                writeln!(out, "{line:0>9999}").unwrap();
                match can_free {
                    true => logs.limit(),
                    // As where no hole can be made.
                    false if logs.out.file.metadata().unwrap().len() > 300_000 => {
                        logs.out.file.set_len(0).unwrap();
                        logs.out.cut += 300_000;
                    }
                    false => {}
                }
                let room = logs.out.file.metadata().unwrap().blocks() * 512;
                assert!(room < 500_000, "{room}");
            }
            let path = place.path().join("a=1.out");
            logs.finish();
            let text = fs::read_to_string(path).unwrap();
            assert!(text.len() <= 100_100 && text.ends_with("01999\n"), "{}", text.len());
            assert!(text.starts_with('[') && !text.contains('\0'));
            if can_free {
                let before = 2000 * 10_000 - 100_000;
                assert!(text.starts_with(&format!("[{before} bytes before this were not kept")));
            }
        }
    }

    #[test]
    fn nothing_is_written_through_what_stands_in_the_place_of_a_log() {
        let place = tempfile::tempdir().unwrap();
        let other = place.path().join("other");
        fs::write(&other, b"precious").unwrap();
        std::os::unix::fs::symlink(&other, place.path().join("a=1.out")).unwrap();
        logs(place.path(), 10).files().unwrap().0.write_all(b"x").unwrap();
        assert_eq!(fs::read(&other).unwrap(), b"precious");
        fs::create_dir(place.path().join("b.out")).unwrap();
        let error = logs_named(place.path(), "b", 10).unwrap_err();
        assert!(error.starts_with("the log b.out cannot be written ("), "{error}");
        assert!(!error.contains('/'), "{error}");
    }
}
