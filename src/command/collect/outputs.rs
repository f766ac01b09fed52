//! The outputs of all units, as files of their own.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::command::body::{Body, OutputFile};
use crate::command::rules::OF_FILES;
use crate::command::study::CommandStudy;
use crate::foundations::{FileError, files};

use super::error::CollectError;

/// How many files a folder of outputs may have, with those below it.
const MOST_FILES: u64 = 2_000_000;

/// The folder of outputs: `LABEL.json` for the main output of a unit, or what its suffix is, and
/// `LABEL/NAME` for its other files, and for a main output without a suffix. An empty main output is
/// not worth a file: a program that has nothing to say has left one.
#[derive(Debug)]
pub(super) struct Outputs {
    folder: PathBuf,
    /// Tables that are no files of the unit's own: their rows are in the product.
    left_out: Vec<String>,
    /// How many files were written.
    pub(super) files: u64,
}

impl Outputs {
    /// Nothing yet; the folder is made with its first file. Of the tables, it has those that
    /// `collect.files` names too.
    pub(super) fn new(folder: PathBuf, study: &CommandStudy) -> Self {
        let is_kept = |name: &str| study.rules.files.iter().any(|p| p.matches_with(name, OF_FILES));
        let tables = study.settings().collect.tables.iter();
        let left_out = tables.filter(|name| !is_kept(name)).cloned().collect();
        Self { folder, left_out, files: 0 }
    }

    /// Writes the files of a unit.
    ///
    /// # Errors
    /// If one cannot be written, or there are too many.
    pub(super) fn take(&mut self, label: &str, body: &Body) -> Result<(), CollectError> {
        let Some((main, others)) = body.files.split_first() else { return Ok(()) };
        if !main.bytes.is_empty() {
            self.write(&place_of_main(label, &main.name), main)?;
        }
        for file in others {
            if !self.left_out.contains(&file.name) {
                self.write(&Path::new(label).join(&file.name), file)?;
            }
        }
        Ok(())
    }

    fn write(&mut self, place: &Path, file: &OutputFile) -> Result<(), CollectError> {
        self.files += 1;
        if self.files > MOST_FILES {
            return Err(CollectError::TooManyFiles { most: MOST_FILES });
        }
        let path = self.folder.join(place);
        let mut made = create(&path)?;
        Ok(made.write_all(&file.bytes).map_err(|e| FileError::new("write", &path, e))?)
    }
}

/// Makes a file; the folders above it only if they are not there, as they are for most.
fn create(path: &Path) -> Result<File, FileError> {
    let made = match File::create_new(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            files::make_folder(path.parent().unwrap_or(Path::new(".")))?;
            File::create_new(path)
        }
        made => made,
    };
    made.map_err(|e| FileError::new("make", path, e))
}

/// Where the main output of a unit stands in the folder of outputs.
fn place_of_main(label: &str, name: &str) -> PathBuf {
    match Path::new(name).extension() {
        Some(suffix) => PathBuf::from(format!("{label}.{}", suffix.to_string_lossy())),
        None => Path::new(label).join(name),
    }
}

/// Makes an empty folder of outputs where no unit has any: a program that reads it finds it.
///
/// # Errors
/// If it cannot be made.
pub(super) fn make_if_absent(folder: &Path) -> Result<(), FileError> {
    match fs::create_dir(folder) {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => {
            Err(FileError::new("make the folder", folder, e))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, text: &str) -> OutputFile {
        OutputFile { name: name.into(), bytes: text.into() }
    }

    fn study(collect: &str) -> CommandStudy {
        let text = format!("workload=\"command\"\n[command]\nrun=\"x\"\n[collect]\n{collect}\n");
        CommandStudy::new(&toml::from_str(&text).unwrap()).unwrap()
    }

    #[test]
    fn every_file_has_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let study = study("tables = [\"results.csv\", \"kept.csv\"]\nfiles = [\"kept.*\"]");
        let mut outputs = Outputs::new(folder.path().join("outputs"), &study);
        let files = vec![
            file("output.json", "{}"),
            file("kept.csv", "a\n"),
            file("plots/a.png", "png"),
            file("results.csv", "a\n1\n"),
        ];
        outputs.take("noise=1e-8 trial=1", &Body { files }).unwrap();
        outputs.take("two", &Body { files: vec![file("report", "text")] }).unwrap();
        outputs.take("nothing", &Body { files: vec![file("output.json", "")] }).unwrap();
        outputs.take("none", &Body::default()).unwrap();
        let read =
            |name: &str| fs::read_to_string(folder.path().join("outputs").join(name)).unwrap();
        assert_eq!(read("noise=1e-8 trial=1.json"), "{}");
        assert_eq!(read("noise=1e-8 trial=1/plots/a.png"), "png");
        assert_eq!(read("noise=1e-8 trial=1/kept.csv"), "a\n");
        assert_eq!(read("two/report"), "text");
        assert_eq!(outputs.files, 4);
        assert_eq!(fs::read_dir(folder.path().join("outputs")).unwrap().count(), 3);
    }

    #[test]
    fn no_file_takes_the_place_of_another() {
        let folder = tempfile::tempdir().unwrap();
        let mut outputs = Outputs::new(folder.path().join("outputs"), &study(""));
        let body = |text| Body { files: vec![file("a.json", text)] };
        outputs.take("x", &body("1")).unwrap();
        let error = outputs.take("x", &body("2")).unwrap_err();
        assert!(error.to_string().contains("outputs/x.json"), "{error}");
        assert_eq!(fs::read(folder.path().join("outputs/x.json")).unwrap(), b"1");
    }
}
