//! Whether what a program left is a result, and what of it is kept.

use std::fs::Metadata;
use std::io::{self, Read};
use std::path::Path;
use std::time::SystemTime;

use super::body::{Body, OutputFile, Taken};
use super::csv_file::{self, Seen};
use super::json;
use super::pointer::Pointer;
use super::rules::{Format, Rules};
use crate::foundations::counted;
use crate::foundations::files::listing;
use crate::foundations::files::plain::{self, Kind};

/// How many bytes of an output that is too long are quoted.
const QUOTED: usize = 40;
/// How many files are named that are there instead.
const NAMED: usize = 5;
/// Most files in the folder of outputs that are looked at.
const MOST_FILES: usize = 1_000_000;

/// A file, link or whatever else in the folder of outputs.
#[derive(Debug)]
struct Entry {
    name: String,
    metadata: Metadata,
}

/// Reads the outputs in a folder in which nothing was at `since`, by the clock of its file system.
///
/// # Errors
/// Why this is no result. No path of the folder is in it.
pub(super) fn judge(
    rules: &Rules,
    folder: &Path,
    since: Option<SystemTime>,
) -> Result<(Body, Vec<Taken>), String> {
    let entries = listed(folder)
        .map_err(|error| format!("the folder of its outputs cannot be read ({})", error.kind()))?;
    let kept = kept(rules, &entries)?;
    let has_none = rules.output.is_empty();
    for entry in &kept {
        check_kind(entry, rules, since)?;
    }
    check_lengths(&kept, rules, folder)?;
    let nothing = || OutputFile { name: rules.main().to_owned(), bytes: Vec::new() };
    let mut files: Vec<OutputFile> = has_none.then(nothing).into_iter().collect();
    let mut has_rows = rules.expected_rows == 0 || rules.row_key.is_empty();
    let mut taken = Vec::new();
    let mut columns: Vec<String> = Vec::new();
    for entry in kept {
        let name = entry.name.clone();
        let bytes = read(&folder.join(&name), rules.most_bytes)
            .map_err(|error| format!("{name} cannot be read ({})", error.kind()))?;
        let bytes = match Format::of(&name) {
            Format::Json if name == rules.output => look_at_json(rules, bytes, &mut taken)?,
            Format::Csv if rules.is_table(&name) => {
                let seen = look_at_table(rules, &name, &bytes)?;
                has_rows |= rules.has_key(&seen.columns);
                columns.extend(seen.columns);
                let (kept, aside) = csv_file::take_columns(&name, bytes, &rules.volatile_columns)?;
                taken.extend(aside);
                kept
            }
            _ => bytes,
        };
        files.push(OutputFile { name, bytes });
    }
    if !has_rows {
        let key = rules.row_key.join(", ");
        return Err(format!("no table has the columns {key}, which collect.row_key names"));
    }
    if let Some(missing) = rules.required_columns.iter().find(|name| !columns.contains(name)) {
        return Err(format!(
            "no column {missing:?}, which command.require names: the columns are {}",
            columns.join(", ")
        ));
    }
    Ok((Body { files }, taken))
}

/// Everything below a folder but folders, sorted by name. No link is followed.
fn listed(folder: &Path) -> io::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    let mut folders = vec![(folder.to_path_buf(), String::new())];
    while let Some((path, prefix)) = folders.pop() {
        for own in listing::each(&path)? {
            // What is not text no setting can name.
            let Ok(own) = own?.into_string() else { continue };
            let (name, item) = (format!("{prefix}{own}"), path.join(&own));
            let metadata = item.symlink_metadata()?;
            if metadata.is_dir() {
                folders.push((item, format!("{name}/")));
            }
            entries.push(Entry { name, metadata });
            if entries.len() > MOST_FILES {
                return Err(io::ErrorKind::FileTooLarge.into());
            }
        }
    }
    entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    Ok(entries)
}

/// What is kept: the main output first, then the others.
fn kept<'a>(rules: &Rules, entries: &'a [Entry]) -> Result<Vec<&'a Entry>, String> {
    let find = |name: &String| entries.iter().find(|entry| entry.name == *name);
    let main = match rules.output.as_str() {
        "" => None,
        output => Some(find(&rules.output).ok_or_else(|| missing(output, entries))?),
    };
    if let Some(table) = rules.tables.iter().find(|table| find(table).is_none()) {
        return Err(missing(table, entries));
    }
    let is_other = |entry: &&Entry| {
        let is_named = rules.tables.contains(&entry.name);
        entry.name != rules.main()
            && rules.keeps(&entry.name)
            && (is_named || !entry.metadata.is_dir())
    };
    Ok(main.into_iter().chain(entries.iter().filter(is_other)).collect())
}

fn missing(name: &str, entries: &[Entry]) -> String {
    let files: Vec<&str> =
        entries.iter().filter(|e| !e.metadata.is_dir()).map(|e| e.name.as_str()).collect();
    let others = match files.as_slice() {
        [] => "it wrote no file there".to_owned(),
        files if files.len() <= NAMED => format!("it wrote {}", files.join(", ")),
        files => format!("it wrote {} and others", files[..NAMED].join(", ")),
    };
    format!("no {name} in the folder of its outputs, though it ended as it should: {others}")
}

fn check_kind(entry: &Entry, rules: &Rules, since: Option<SystemTime>) -> Result<(), String> {
    let Entry { name, metadata } = entry;
    match Kind::of(metadata.file_type()) {
        Kind::File => {}
        Kind::Link => {
            return Err(format!("{name} is a link: expected a file with the output itself"));
        }
        kind => return Err(format!("{name} is a {kind}: expected a file with the output itself")),
    }
    let must_be_new = *name == rules.output || rules.tables.contains(name);
    let is_old = || Some(metadata.modified().ok()? < since?);
    if must_be_new && is_old().unwrap_or(false) {
        return Err(format!(
            "{name} was written before the program started: an old output is no result"
        ));
    }
    if must_be_new && metadata.len() == 0 {
        return Err(format!("{name} is empty, though the program ended as it should"));
    }
    Ok(())
}

/// Before any of them is read.
fn check_lengths(kept: &[&Entry], rules: &Rules, folder: &Path) -> Result<(), String> {
    let most = rules.most_bytes;
    let mut total = 0_u64;
    for entry in kept {
        let length = entry.metadata.len();
        total = total.saturating_add(length);
        if total > most {
            let first = read(&folder.join(&entry.name), QUOTED as u64).unwrap_or_default();
            let first = String::from_utf8_lossy(&first).escape_debug().to_string();
            return Err(format!(
                "{} has {length} bytes and begins \"{first}\": expected at most {most} bytes of all \
                 that is kept (command.output_bytes)",
                entry.name
            ));
        }
    }
    Ok(())
}

/// The first bytes of a file, which is not waited for if it has become something else.
fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    plain::open_to_read(path)?.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn look_at_json(rules: &Rules, bytes: Vec<u8>, taken: &mut Vec<Taken>) -> Result<Vec<u8>, String> {
    let name = &rules.output;
    if bytes.trim_ascii().is_empty() {
        return Err(format!("{name} is empty, though the program ended as it should"));
    }
    let pointers: Vec<&Pointer> =
        rules.required_places.iter().chain(&rules.volatile_places).collect();
    let first_cut = rules.required_places.len();
    let looked = json::look(&bytes, &pointers, first_cut).map_err(|e| format!("{name} {e}"))?;
    let has = |i: usize| looked.found.iter().any(|found| found.pointer == i);
    if let Some(missing) = (0..first_cut).find(|i| !has(*i)) {
        let place = pointers[missing].text();
        return Err(format!("{name} has no {place}, which command.require names"));
    }
    let volatile = looked.found.iter().filter(|found| found.pointer >= first_cut);
    taken.extend(volatile.map(|found| Taken {
        file: name.clone(),
        place: found.place.clone(),
        text: String::from_utf8_lossy(&bytes[found.value.clone()]).into_owned(),
    }));
    Ok(if looked.cuts.is_empty() { bytes } else { json::without(&bytes, &looked.cuts) })
}

fn look_at_table(rules: &Rules, name: &str, bytes: &[u8]) -> Result<Seen, String> {
    let seen = csv_file::look(bytes).map_err(|error| format!("{name} {error}"))?;
    let is_of_study = rules.tables.iter().any(|table| table == name);
    let expected = rules.expected_rows;
    if is_of_study && rules.has_key(&seen.columns) && seen.rows < expected {
        return Err(format!(
            "{name} has {}: expected {expected} or more (collect.expected_rows)",
            counted(seen.rows, "row")
        ));
    }
    Ok(seen)
}
