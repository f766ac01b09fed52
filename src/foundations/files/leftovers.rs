//! Unfinished files that dead processes left.

use std::fs::{self, OpenOptions};
use std::path::Path;

use super::plain::{self, Kind};
use super::{FileError, is_temporary, listing};

/// Removes the unfinished files in a folder whose writers are dead: a living one holds the lock of what
/// it writes. Unfinished folders, which have no locks, are removed too: whoever calls this must know
/// that nobody is making one. What cannot be looked at, or removed, stays.
///
/// Says how many there were.
///
/// # Errors
/// If the folder cannot be read.
pub fn remove(folder: &Path) -> Result<usize, FileError> {
    let mut removed = 0;
    for name in plain::read_folder(folder)?.into_iter().flatten() {
        if is_temporary(&name.to_string_lossy()) {
            removed += usize::from(remove_dead(&folder.join(name)));
        }
    }
    Ok(removed)
}

fn remove_dead(path: &Path) -> bool {
    match Kind::at(path) {
        Ok(Some(Kind::Folder)) => listing::remove_tree(path).is_ok(),
        Ok(Some(Kind::File)) => {
            let file = plain::open(path, OpenOptions::new().read(true));
            file.is_ok_and(|file| file.try_lock().is_ok()) && fs::remove_file(path).is_ok()
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;
    use crate::foundations::files::write_whole;

    #[test]
    fn what_a_living_process_writes_stays_and_what_a_dead_one_left_goes() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in [".a.x.tmp", "b.tmp", ".c", ".d.tmp"] {
            fs::write(at(name), "numbers").unwrap();
        }
        fs::create_dir_all(at(".merge.x.tmp/made")).unwrap();
        std::os::unix::fs::symlink(at("b.tmp"), at(".link.tmp")).unwrap();
        let living = File::open(at(".d.tmp")).unwrap();
        living.lock().unwrap();
        let within = write_whole(&at("e"), |_| {
            assert_eq!(remove(folder.path()).unwrap(), 2, "not what is being written now");
            Ok(())
        });
        within.unwrap();
        let mut left: Vec<String> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort_unstable();
        assert_eq!(left, [".c", ".d.tmp", ".link.tmp", "b.tmp", "e"]);
        drop(living);
        assert_eq!(remove(folder.path()).unwrap(), 1);
    }
}
