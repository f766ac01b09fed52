//! `otfhpc --version`: which program this is, to the last bit.

use crate::foundations::Digest;
use crate::runner::plan::{Build, VERSION};

use super::display::{complain, output_is_whole, write_out};
use super::exit::Exit;

/// The commit that it was built from, as the build script saw it; empty where nobody knows.
const COMMIT: &str = env!("OTFHPC_COMMIT");

/// Says the version, the commit, and the hash of the executable that plans and provenance carry.
pub(super) fn say() -> Exit {
    match Build::running() {
        Ok(Build { blake3 }) => write_out(text(blake3).as_bytes()),
        Err(error) => {
            complain(&format!("otfhpc: {error}"));
            return Exit::CouldNotRun;
        }
    }
    if output_is_whole() { Exit::Done } else { Exit::CouldNotRun }
}

fn text(build: Digest) -> String {
    let commit = if COMMIT.is_empty() { "not known" } else { COMMIT };
    format!("otfhpc {VERSION}\ncommit {commit}\nbuild {build}\n")
}
