//! `otfhpc config`: the configurations that the program carries, and the schema of all settings.

use std::io::Write as _;
use std::path::Path;

use anyhow::{Result, bail};

use crate::foundations::text::tabular;
use crate::foundations::{Shown, files};
use crate::runner::slurm::quoted_path;
use crate::settings::{BUILT_IN, BuiltIn};
use crate::workloads::{self, SchemaKind};

use super::args::{ConfigArgs, SchemaOf};
use super::display::{program, say, write_out};
use super::exit::Exit;

pub(super) fn command(args: &ConfigArgs) -> Result<Exit> {
    if let Some(of) = args.schema {
        let kind = match of {
            None => SchemaKind::All,
            Some(SchemaOf::Otf) => SchemaKind::Otf,
            Some(SchemaOf::Command) => SchemaKind::Command,
        };
        let text = serde_json::to_string_pretty(&workloads::schema(kind))?;
        write_out((text + "\n").as_bytes());
        return Ok(Exit::Done);
    }
    match (args.name.as_deref().and_then(BuiltIn::named), &args.dir) {
        (None, _) => list(),
        (Some(built_in), None) => write_out(built_in.text.as_bytes()),
        (Some(built_in), Some(folder)) => write(built_in, folder)?,
    }
    Ok(Exit::Done)
}

fn list() {
    let line = |built_in: &BuiltIn| vec![built_in.name.to_owned(), built_in.summary()];
    let lines: Vec<Vec<String>> = BUILT_IN.iter().map(line).collect();
    say(&tabular(1, &lines));
}

/// Writes a configuration with the files that it runs; what is there already is not written over.
fn write(built_in: &BuiltIn, folder: &Path) -> Result<()> {
    let name = format!("{}.toml", built_in.name);
    let own = [(name.as_str(), built_in.text)];
    let all = built_in.files.iter().chain(&own);
    let other = |(path, text): &&(&str, &str)| {
        let path = folder.join(path);
        // The same text may be there from an earlier time.
        path.exists() && files::read(&path).map_or(true, |there| there != text.as_bytes())
    };
    if let Some((path, _)) = all.clone().find(other) {
        bail!(
            "{} is there already, and is another file; choose another --dir",
            Shown(&folder.join(path))
        );
    }
    for (path, text) in all {
        let path = folder.join(path);
        files::make_folder(path.parent().unwrap_or(folder))?;
        files::write_whole(&path, |file| file.write_all(text.as_bytes()))?;
    }
    say(&format!(
        "{} {} and {} that it runs\nnext:\n  cd {} && {} local --config {name}\n",
        "wrote",
        Shown(&folder.join(&name)),
        super::display::counted(built_in.files.len(), "file"),
        quoted_path(folder),
        program(),
    ));
    Ok(())
}
