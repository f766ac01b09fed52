//! Settings in layers: a site's, a project's, a run's, and what was typed on top. What comes later counts
//! more: tables are merged, anything else is replaced whole.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::SettingsError;
use super::built_in::{BUILT_IN, BuiltIn, nearest_built_in};
use super::words::line_of;
use crate::foundations::text::did_you_mean;
use crate::foundations::{Shown, files};

/// The one table that a site's file may have: no result follows from it.
const OF_SITES: &str = "slurm";

/// Where a layer is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The site's file, which nobody named on the command line.
    Site(PathBuf),
    /// A file.
    File(PathBuf),
    /// A configuration that the program carries.
    BuiltIn(&'static BuiltIn),
}

/// One file of settings.
#[derive(Debug, Clone)]
pub struct Layer {
    /// Where it is from.
    pub origin: Origin,
    /// What stands in it.
    pub text: String,
    /// The same, as far as it is TOML: [`super::Reader`] reports what is not.
    pub(super) table: Table,
}

/// All that was given: layers, each over those before it, and assignments over all of them.
#[derive(Debug, Clone, Default)]
pub struct Given {
    layers: Vec<Layer>,
    assignments: Vec<String>,
}

impl Origin {
    /// As messages name it.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Site(path) | Self::File(path) => Shown(path).to_string(),
            Self::BuiltIn(built_in) => format!("{} (built-in)", built_in.name),
        }
    }
}

impl Layer {
    fn read(origin: Origin) -> Result<Self, SettingsError> {
        let text = match &origin {
            Origin::Site(path) | Origin::File(path) => {
                String::from_utf8_lossy(&files::read(path)?).into_owned()
            }
            Origin::BuiltIn(built_in) => built_in.text.into(),
        };
        let table = toml::from_str(&text).unwrap_or_default();
        Ok(Self { origin, text, table })
    }

    /// The site's, which may not change a result without anybody's asking for it.
    fn of_site(path: PathBuf) -> Result<Self, SettingsError> {
        let layer = Self::read(Origin::Site(path))?;
        match layer.table.keys().find(|key| *key != OF_SITES) {
            None => Ok(layer),
            Some(key) => {
                let (path, key) = (layer.origin.name(), key.clone());
                Err(SettingsError::Site { path, key })
            }
        }
    }

    /// A file, or, where there is none of that name, a configuration that the program carries.
    fn named(path: &Path) -> Result<Self, SettingsError> {
        if path.metadata().is_ok_and(|there| !there.is_dir()) {
            return Self::read(Origin::File(path.into()));
        }
        match path.to_str().and_then(BuiltIn::named) {
            Some(built_in) => Self::read(Origin::BuiltIn(built_in)),
            None => Err(unknown(path)),
        }
    }

    pub(super) fn is_site(&self) -> bool {
        matches!(self.origin, Origin::Site(_))
    }
}

/// Neither a file nor a configuration of that name: which files and names come near.
fn unknown(path: &Path) -> SettingsError {
    let shown = path.to_string_lossy();
    // What is there and cannot be read has a reason of its own.
    if let Err(error) = files::read(path)
        && !error.is_not_found()
    {
        return error.into();
    }
    let meant = nearest_built_in(&shown).map(|name| format!("; did you mean {name}?"));
    let meant = meant.or_else(|| near_file(path)).unwrap_or_default();
    let names = BUILT_IN.iter().map(|built_in| built_in.name).collect::<Vec<_>>().join(", ");
    SettingsError::NoConfig { path: Shown(path).to_string(), meant, names }
}

/// The settings beside a path that is not there whose name is most like it.
fn near_file(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let entries = folder.unwrap_or(Path::new(".")).read_dir().ok()?;
    let mut names: Vec<String> =
        entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    names.retain(|name| Path::new(name).extension().is_some_and(|ending| ending == "toml"));
    names.sort_unstable();
    Some(did_you_mean(name, names.iter().map(String::as_str))).filter(|meant| !meant.is_empty())
}

impl Given {
    /// Reads a site's file, if there is one, and then files or built-in configurations by name.
    ///
    /// # Errors
    /// If one cannot be read or there is none of that name, or a site's file has more than it may.
    pub fn read(
        site: Option<PathBuf>,
        configs: &[PathBuf],
        assignments: &[String],
    ) -> Result<Self, SettingsError> {
        let site = site.map(Layer::of_site);
        let named = configs.iter().map(|path| Layer::named(path));
        let layers = site.into_iter().chain(named).collect::<Result<_, _>>()?;
        Ok(Self { layers, assignments: assignments.to_vec() })
    }

    /// The layers, the least important one first.
    #[must_use]
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// The assignments, in order.
    #[must_use]
    pub fn assignments(&self) -> &[String] {
        &self.assignments
    }

    /// Whether a mistake may be in one of several places.
    pub(super) fn is_layered(&self) -> bool {
        self.layers.len() > 1 || self.layers.iter().any(Layer::is_site)
    }

    /// Which workload they are for, as far as they say it in a way that can be read.
    #[must_use]
    pub fn workload(&self) -> Option<String> {
        let assigned = |assignment: &String| {
            let (key, value) = assignment.split_once('=')?;
            (key.trim() == "workload").then(|| value.trim().trim_matches(['"', '\'']).to_owned())
        };
        let in_layer = |layer: &Layer| Some(layer.table.get("workload")?.as_str()?.to_owned());
        let assigned = self.assignments.iter().rev().find_map(assigned);
        assigned.or_else(|| self.layers.iter().rev().find_map(in_layer))
    }

    /// A built-in configuration whose files are not below the current folder, with the first of them:
    /// unless something else was said about where its program is.
    #[must_use]
    pub fn without_its_files(&self) -> Option<(&'static BuiltIn, &'static str)> {
        if self.stands_in("command.directory").is_some_and(|layer| layer.is_none()) {
            return None;
        }
        let layer = self.stands_in("command.directory")??;
        let Origin::BuiltIn(built_in) = layer.origin else { return None };
        let missing = built_in.files.iter().find(|(path, _)| !Path::new(path).is_file())?;
        Some((built_in, missing.0))
    }

    /// The layer that has the last word on a setting (a dotted name), or `None` where an assignment has
    /// it; nothing if nobody says anything.
    fn stands_in(&self, setting: &str) -> Option<Option<&Layer>> {
        let is_of = |assignment: &String| {
            let key = assignment.split_once('=').map_or("", |(key, _)| key.trim());
            key == setting || key.strip_prefix(setting).is_some_and(|rest| rest.starts_with('.'))
        };
        if self.assignments.iter().any(is_of) {
            return Some(None);
        }
        self.layers.iter().rev().find(|layer| has(&layer.table, setting)).map(Some)
    }

    /// The file and line where a setting stands, as far as it stands in a file.
    pub(super) fn place_of(&self, setting: &str) -> Option<String> {
        let layer = self.stands_in(setting)??;
        let line = line_of(&layer.text, setting).map_or(String::new(), |n| format!(", line {n}"));
        Some(format!("{}{line}", layer.origin.name()))
    }

    /// Where the settings stand that a message speaks of, if there are several places where they might:
    /// an empty text, or one in parentheses.
    #[must_use]
    pub fn places_in(&self, message: &str) -> String {
        let names = |layer: &Layer| message.contains(&layer.origin.name());
        if !self.is_layered() || self.layers.iter().any(names) {
            return String::new();
        }
        let is_part_of_word = |c: char| c.is_alphanumeric() || ['_', '.'].contains(&c);
        let words = message.split(|c: char| !is_part_of_word(c)).map(|w| w.trim_matches('.'));
        let mut settings: Vec<&str> = words.filter(|word| word.contains('.')).collect();
        let mut told = std::collections::BTreeSet::new();
        settings.retain(|setting| told.insert(*setting));
        let place =
            |setting: &&str| Some(format!("{setting} stands in {}", self.place_of(setting)?));
        let places: Vec<String> = settings.iter().filter_map(place).collect();
        if places.is_empty() { String::new() } else { format!(" ({})", places.join("; ")) }
    }
}

/// Whether a table has a setting of a dotted name.
fn has(table: &Table, setting: &str) -> bool {
    match setting.split_once('.') {
        None => table.contains_key(setting),
        Some((head, rest)) => match table.get(head) {
            Some(Value::Table(inner)) => has(inner, rest),
            Some(Value::Array(list)) => {
                list.iter().any(|item| item.as_table().is_some_and(|item| has(item, rest)))
            }
            _ => false,
        },
    }
}

/// Lays a table over another.
pub(super) fn merge(below: &mut Table, above: &Table) {
    for (key, value) in above {
        match (below.get_mut(key), value) {
            (Some(Value::Table(below)), Value::Table(above)) => merge(below, above),
            _ => drop(below.insert(key.clone(), value.clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_merged_and_all_else_is_replaced() {
        let mut table: Table =
            "a = 1\n[t]\nx = [1, 2]\ny = { p = 1, q = 2 }\n[[m]]\nn = 1\n[[m]]\nn = 2"
                .parse()
                .unwrap();
        let above: Table =
            "a = { b = 1 }\n[t]\nx = [3]\ny.q = 5\nz = 0\n[[m]]\nn = 3".parse().unwrap();
        merge(&mut table, &above);
        let expected: Table =
            "a = { b = 1 }\n[t]\nx = [3]\ny = { p = 1, q = 5 }\nz = 0\n[[m]]\nn = 3"
                .parse()
                .unwrap();
        assert_eq!(table, expected);
    }

    /// Layers of files with these texts, in a folder that goes with them.
    fn given(texts: &[&str], assignments: &[&str]) -> (tempfile::TempDir, Given) {
        let folder = tempfile::tempdir().unwrap();
        let write = |(place, text): (usize, &&str)| {
            let path = folder.path().join(format!("{place}.toml"));
            std::fs::write(&path, text).unwrap();
            path
        };
        let paths: Vec<PathBuf> = texts.iter().enumerate().map(write).collect();
        let assignments: Vec<String> = assignments.iter().map(|a| (*a).into()).collect();
        let given = Given::read(None, &paths, &assignments).unwrap();
        (folder, given)
    }

    #[test]
    fn the_last_word_on_the_workload_counts() {
        let texts = ["workload = \"a\"", "workload = \"b\"", "[x]"];
        assert_eq!(given(&texts, &[]).1.workload().unwrap(), "b");
        assert_eq!(given(&texts, &["workload='c'"]).1.workload().unwrap(), "c");
        assert_eq!(given(&[], &[]).1.workload(), None);
    }

    #[test]
    fn a_message_is_told_where_its_settings_stand() {
        let texts = ["[data]\npath = \"a\"\n", "[simulate]\n\nrecords = 5\n", "[data]\nsets = 1\n"];
        let (_folder, given) = given(&texts, &["study.trials=3"]);
        let places = given.places_in("simulate.records is set, but data.path. study.trials? e.g.");
        assert!(places.starts_with(" (simulate.records stands in "), "{places}");
        assert!(places.contains("1.toml, line 3; data.path stands in "), "{places}");
        assert!(places.ends_with("0.toml, line 2)"), "{places}");
        assert_eq!(given.places_in("nothing of that"), "");
        // One place needs no telling.
        let (_folder, alone) = super::tests::given(&texts[..1], &[]);
        assert_eq!(alone.places_in("data.path is bad"), "");
    }

    #[test]
    fn a_site_may_only_say_how_jobs_start() {
        let folder = tempfile::tempdir().unwrap();
        let site = folder.path().join("site.toml");
        std::fs::write(&site, "[slurm]\naccount = \"a\"\n").unwrap();
        let given = Given::read(Some(site.clone()), &["quickstart".into()], &[]).unwrap();
        assert_eq!(given.layers().len(), 2);
        std::fs::write(&site, "[fit]\nbins = 5\n").unwrap();
        let error = Given::read(Some(site), &[], &[]).unwrap_err().to_string();
        assert!(error.contains("site.toml") && error.contains("fit"), "{error}");
        let missing = folder.path().join("none.toml");
        let error = Given::read(Some(missing), &[], &[]).unwrap_err().to_string();
        assert!(error.contains("none.toml"), "{error}");
    }

    #[test]
    fn a_name_that_is_none_is_answered_with_the_nearest() {
        let said = |path: PathBuf| Given::read(None, &[path], &[]).unwrap_err().to_string();
        let error = said("quikstart".into());
        assert!(error.contains("did you mean quickstart?"), "{error}");
        assert!(error.contains("joint_measured"), "{error}");
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("project.toml"), "").unwrap();
        let error = said(folder.path().join("projct.toml"));
        assert!(error.contains("did you mean project.toml?"), "{error}");
    }
}
