//! The files that the results follow from.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::error::CommandError;
use super::rules::{OF_FILES, patterns};
use super::study::CommandStudy;
use super::template::{Slot, Template};
use crate::foundations::FileError;
use crate::foundations::files::listing;

impl CommandStudy {
    /// Every file that the results follow from: words of the command that are files, what
    /// `command.depends` is for, and the input of every unit. Absolute, sorted, each once; no link is
    /// followed. Not those of `reduce.run`: no unit's result follows from them, so that its program
    /// can be mended and the results be merged again.
    ///
    /// # Errors
    /// If a pattern is for no file, or a unit's input is not there.
    pub fn input_files(&self) -> Result<Vec<PathBuf>, CommandError> {
        let mut files = BTreeSet::new();
        self.add_words(&mut files);
        for pattern in &self.settings().command.depends {
            self.add_like(pattern, &mut files)?;
        }
        self.add_inputs(&mut files)?;
        Ok(files.into_iter().collect())
    }

    /// The first word is looked up on the PATH if it is a bare name, so that a file of that name here
    /// is another.
    fn add_words(&self, files: &mut BTreeSet<PathBuf>) {
        for (place, word) in self.words.iter().enumerate() {
            for unit in self.units_of(word) {
                let known = |slot| self.known(unit, slot);
                // What is not known before an attempt is no file before one.
                if word.slots().any(|slot| known(slot).is_none()) {
                    continue;
                }
                let filled = word.fill(|slot| known(slot).unwrap_or_default());
                let is_path = place > 0 || filled.as_encoded_bytes().contains(&b'/');
                let path = self.directory().join(filled);
                if is_path && path.is_file() {
                    files.insert(plain(&path));
                }
            }
        }
    }

    fn add_like(&self, pattern: &str, files: &mut BTreeSet<PathBuf>) -> Result<(), CommandError> {
        let (fixed, rest) = parted(pattern);
        let start = self.directory().join(fixed);
        let mut found = Vec::new();
        if rest.is_empty() {
            found.extend(start.is_file().then_some(start));
        } else {
            let like = patterns("command.depends", &[rest.to_owned()])?;
            let deepest = if rest.contains("**") { usize::MAX } else { rest.split('/').count() };
            walk(&start, deepest, &mut |path| {
                let below = path.strip_prefix(&start).unwrap_or(path);
                if like.iter().any(|like| like.matches_path_with(below, OF_FILES)) {
                    found.extend(path.is_file().then(|| path.to_owned()));
                }
            })?;
        }
        if found.is_empty() {
            let directory = self.directory().to_owned();
            return Err(CommandError::NoMatch { pattern: pattern.into(), directory });
        }
        files.extend(found.iter().map(|path| plain(path)));
        Ok(())
    }

    fn add_inputs(&self, files: &mut BTreeSet<PathBuf>) -> Result<(), CommandError> {
        let Some(template) = &self.input else { return Ok(()) };
        for unit in self.units_of(template) {
            let Some(path) = self.input_of(unit).map(|path| plain(&path)) else { continue };
            if files.contains(&path) {
                continue;
            }
            let problem = match path.metadata() {
                Ok(metadata) if metadata.is_file() => None,
                Ok(_) => Some("is not a file".to_owned()),
                Err(error) => Some(format!("cannot be read ({})", error.kind())),
            };
            if let Some(problem) = problem {
                return Err(CommandError::Input { name: self.name_of(unit), path, problem });
            }
            files.insert(path);
        }
        Ok(())
    }

    /// One unit for each text that a template may become.
    fn units_of(&self, template: &Template) -> Box<dyn Iterator<Item = u64> + '_> {
        let mut axes = Vec::new();
        for slot in template.slots() {
            match slot {
                Slot::Label(axis) | Slot::Index(axis) | Slot::Value(axis) => axes.push(axis),
                Slot::Seed | Slot::Unit | Slot::Input => return Box::new(0..self.units()),
                _ => {}
            }
        }
        Box::new(self.grid().units_over(&axes))
    }
}

/// The folders that a pattern begins with, by name, and the rest of it: nothing, if it is a name.
fn parted(pattern: &str) -> (&str, &str) {
    let Some(odd) = pattern.find(['*', '?', '[']) else { return (pattern, "") };
    match pattern[..odd].rfind('/') {
        Some(slash) => pattern.split_at(slash + 1),
        None => ("", pattern),
    }
}

/// Looks at everything below a folder that is no folder itself, so many levels deep. A link to a folder
/// is not gone into: it may lead out, or round in circles.
fn walk(folder: &Path, deepest: usize, look: &mut dyn FnMut(&Path)) -> Result<(), FileError> {
    let mut folders = vec![(folder.to_owned(), 1)];
    while let Some((folder, depth)) = folders.pop() {
        let refused = |error| FileError::new("read the folder", &folder, error);
        let names = match listing::names(&folder) {
            // Then nothing is like the pattern.
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            other => other.map_err(refused)?,
        };
        for name in names {
            let path = folder.join(name);
            // One that has gone by now is none.
            let Ok(metadata) = path.symlink_metadata() else { continue };
            match metadata.is_dir() {
                true if depth < deepest => folders.push((path, depth + 1)),
                true => {}
                false => look(&path),
            }
        }
    }
    Ok(())
}

/// A path without `.` in it; what `..` is depends on links, so it stays.
fn plain(path: &Path) -> PathBuf {
    path.components().collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::time::Instant;

    use super::*;

    struct Here {
        folder: tempfile::TempDir,
    }

    impl Here {
        fn with(files: &[&str]) -> Self {
            let folder = tempfile::Builder::new().prefix("a[b]*").tempdir().unwrap();
            for file in files {
                let path = folder.path().join(file);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, b"x").unwrap();
            }
            Self { folder }
        }

        fn study(&self, command: &str, grid: &str) -> CommandStudy {
            let directory = self.folder.path().display();
            let text = format!(
                "workload=\"command\"\n[command]\ndirectory=\"{directory}\"\n{command}\n{grid}\n"
            );
            CommandStudy::new(&toml::from_str(&text).unwrap()).unwrap()
        }

        fn files(&self, command: &str, grid: &str) -> Result<Vec<String>, String> {
            let files = self.study(command, grid).input_files().map_err(|e| e.to_string())?;
            let name = |path: PathBuf| {
                path.strip_prefix(self.folder.path()).unwrap_or(&path).display().to_string()
            };
            Ok(files.into_iter().map(name).collect())
        }
    }

    const GRID: &str =
        "[[grid]]\nname=\"s\"\nvalues=[\"a\",\"b\"]\n[[grid]]\nname=\"t\"\nfrom=1\nto=2";

    #[test]
    fn words_that_are_files_are_found_and_links_stay() {
        let here = Here::with(&["real", "study.py", "sh", "model_a.txt", "dir/x"]);
        fs::create_dir_all(here.folder.path().join(".venv/bin")).unwrap();
        symlink(here.folder.path().join("real"), here.folder.path().join(".venv/bin/python"))
            .unwrap();
        let run = "run=[\".venv/bin/python\", \"./study.py\", \"study.py\", \"dir\", \"none\", \
                   \"{output}\", \"model_{s}.txt\", \"/etc/passwd\"]";
        let expected = ["/etc/passwd", ".venv/bin/python", "model_a.txt", "study.py"];
        let mut found = here.files(run, GRID).unwrap();
        found.sort_by_key(|name| !name.starts_with('/'));
        assert_eq!(found, expected);
        assert_eq!(here.files("run=[\"sh\"]", "").unwrap(), Vec::<String>::new());
        assert_eq!(here.files("run=[\"./sh\"]", "").unwrap(), ["sh"]);
    }

    #[test]
    fn patterns_find_files_in_order_and_do_not_go_round_in_circles() {
        let here =
            Here::with(&["m/b.py", "m/c/d/e.py", "m/a.py", "m/c/x.txt", "uv.lock", "m/.h.py"]);
        symlink("..", here.folder.path().join("m/c/round")).unwrap();
        symlink("/", here.folder.path().join("m/root")).unwrap();
        let start = Instant::now();
        let found = here.files("run=\"x\"\ndepends=[\"m/**/*.py\", \"uv.lock\", \"m/*.py\"]", "");
        assert_eq!(found.unwrap(), ["m/.h.py", "m/a.py", "m/b.py", "m/c/d/e.py", "uv.lock"]);
        assert!(start.elapsed().as_secs() < 5, "{:?}", start.elapsed());
        for pattern in ["m/*.rs", "none", "m/c/d"] {
            let error = here.files(&format!("run=\"x\"\ndepends=\"{pattern}\""), "").unwrap_err();
            assert!(
                error.contains(&format!("command.depends has \"{pattern}\", but no file")),
                "{error}"
            );
        }
        let absolute = here.folder.path().join("m/a.py").display().to_string();
        // A name with brackets in it is that of no file, as in a shell.
        assert!(here.files(&format!("run=\"x\"\ndepends={absolute:?}"), "").is_err());
        let passwd = here.files("run=\"x\"\ndepends=[\"/etc/passw?\", \"/etc/hosts\"]", "");
        assert_eq!(passwd.unwrap(), ["/etc/hosts", "/etc/passwd"]);
        assert_eq!(parted("a/b*/c"), ("a/", "b*/c"));
        assert_eq!(parted("**/c"), ("", "**/c"));
        assert_eq!(parted("a/b"), ("a/b", ""));
    }

    #[test]
    fn every_unit_has_its_input_or_is_named() {
        let here = Here::with(&["in/a_1.json", "in/a_2.json", "in/b_1.json", "in/b_2.json"]);
        let input = "run=\"x\"\ninput=\"./in/{s}_{t}.json\"";
        let all = ["in/a_1.json", "in/a_2.json", "in/b_1.json", "in/b_2.json"];
        assert_eq!(here.files(input, GRID).unwrap(), all);
        let two = here.files("run=[\"x\", \"{input}\"]\ninput=\"in/{s}_1.json\"", GRID).unwrap();
        assert_eq!(two, ["in/a_1.json", "in/b_1.json"]);
        fs::remove_file(here.folder.path().join("in/b_2.json")).unwrap();
        let error = here.files(input, GRID).unwrap_err();
        assert!(error.starts_with("unit s=b t=2: its input /"), "{error}");
        assert!(
            error.contains("/in/b_2.json cannot be read (entity not found): make it, or"),
            "{error}"
        );
        fs::create_dir(here.folder.path().join("in/b_2.json")).unwrap();
        assert!(here.files(input, GRID).unwrap_err().contains("b_2.json is not a file"));
    }

    #[test]
    fn a_hundred_thousand_units_are_no_effort() {
        let here = Here::with(&["in.json"]);
        let grid =
            "[[grid]]\nname=\"a\"\nfrom=1\nto=1000000\n[[grid]]\nname=\"b\"\nfrom=1\nto=1000000";
        let start = Instant::now();
        assert_eq!(here.files("run=\"x\"\ninput=\"in.json\"", grid).unwrap(), ["in.json"]);
        let study = here.study("run=\"x\"\ninput=\"{unit}.json\"", grid);
        let error = study.input_files().unwrap_err().to_string();
        assert!(error.starts_with("unit a=1 b=1: its input"), "{error}");
        assert!(start.elapsed().as_secs() < 2, "{:?}", start.elapsed());
    }
}
