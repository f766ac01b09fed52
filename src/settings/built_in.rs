//! The configurations that the program carries, so that it needs no checkout: those in `configs/`, byte
//! for byte, each with the files that it runs.

use crate::foundations::text::most_similar;

/// A configuration, and what belongs to it.
#[derive(Debug, PartialEq, Eq)]
pub struct BuiltIn {
    /// What it is called: the name of its file without `.toml`.
    pub name: &'static str,
    /// The file.
    pub text: &'static str,
    /// Files that it runs, by their paths from the folder that it is used in.
    pub files: &'static [CarriedFile],
}

/// A path, and what stands there.
type CarriedFile = (&'static str, &'static str);

macro_rules! configuration {
    ($name:literal) => {
        configuration!($name, &[])
    };
    ($name:literal, $files:expr) => {
        BuiltIn {
            name: $name,
            text: include_str!(concat!("../../configs/", $name, ".toml")),
            files: $files,
        }
    };
}

macro_rules! carried {
    ($($path:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!("../../", $path)))),*]
    };
}

/// In the order in which a newcomer meets them.
pub const BUILT_IN: [BuiltIn; 7] = [
    configuration!("default"),
    configuration!("quickstart"),
    configuration!("comprehensive"),
    configuration!("measured"),
    configuration!("joint"),
    configuration!("joint_measured"),
    configuration!("differentiation", DIFFERENTIATION),
];

const DIFFERENTIATION: &[CarriedFile] = carried!(
    "scripts/studies/differentiation/loop.py",
    "scripts/studies/differentiation/study.py",
    "scripts/studies/differentiation/tables.py",
    "scripts/studies/differentiation/truth.py",
    "scripts/studies/differentiation/methods/__init__.py",
    "scripts/studies/differentiation/methods/central.py",
    "scripts/studies/differentiation/methods/chebyshev.py",
    "scripts/studies/differentiation/methods/fourier.py",
    "scripts/studies/differentiation/methods/gaussian_process.py",
    "scripts/studies/differentiation/methods/noise.py",
    "scripts/studies/differentiation/methods/savitzky_golay.py",
    "scripts/studies/differentiation/methods/spline.py",
);

impl BuiltIn {
    /// The one of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        BUILT_IN.iter().find(|configuration| configuration.name == name)
    }

    /// What it is for, in one line: the first sentence of its comments.
    #[must_use]
    pub fn summary(&self) -> String {
        let comments = self.text.lines().map_while(|line| line.strip_prefix("# "));
        let text = comments.collect::<Vec<_>>().join(" ");
        let end = text.find(". ").or(text.find("? ").map(|end| end + 1)).unwrap_or(text.len());
        text[..end].trim_end_matches('.').to_owned()
    }
}

/// The one whose name is most like a path that is none, in which `.toml` and folders may stand.
#[must_use]
pub(super) fn nearest_built_in(path: &str) -> Option<&'static str> {
    let file = path.rsplit('/').next().unwrap_or(path);
    let word = file.strip_suffix(".toml").unwrap_or(file);
    most_similar(word, BUILT_IN.iter().map(|configuration| configuration.name))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::{Path, PathBuf};

    use super::*;

    fn files_below(folder: &Path) -> BTreeSet<PathBuf> {
        let mut files = BTreeSet::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true if path.ends_with("__pycache__") => {}
                true => files.extend(files_below(&path)),
                false => drop(files.insert(path)),
            }
        }
        files
    }

    #[test]
    fn every_configuration_of_the_checkout_is_carried() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let carried = BUILT_IN.iter().map(|c| root.join(format!("configs/{}.toml", c.name)));
        assert_eq!(carried.collect::<BTreeSet<_>>(), files_below(&root.join("configs")));
    }

    #[test]
    fn so_is_every_file_that_one_runs() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        for configuration in &BUILT_IN {
            let table: toml::Table = configuration.text.parse().unwrap();
            let directory = table.get("command").and_then(|command| command.get("directory"));
            let there = directory.map_or(BTreeSet::new(), |directory| {
                files_below(&root.join(directory.as_str().unwrap()))
            });
            let carried: BTreeSet<_> =
                configuration.files.iter().map(|(path, _)| root.join(path)).collect();
            assert_eq!(carried, there, "{}", configuration.name);
        }
    }

    #[test]
    fn a_summary_is_one_sentence() {
        let summary = |name| BuiltIn::named(name).unwrap().summary();
        assert_eq!(
            summary("quickstart"),
            "A first look, in about a second: four methods at three noise levels"
        );
        assert_eq!(summary("comprehensive"), "Which estimator can be trusted, at which noise?");
        for configuration in &BUILT_IN {
            let summary = configuration.summary();
            assert!((20..150).contains(&summary.len()), "{summary}");
        }
    }

    #[test]
    fn a_misspelt_name_is_recognised() {
        for (path, meant) in [
            ("quikstart", Some("quickstart")),
            ("configs/joint.toml", Some("joint")),
            ("mine.toml", None),
        ] {
            assert_eq!(nearest_built_in(path), meant, "{path}");
        }
    }
}
