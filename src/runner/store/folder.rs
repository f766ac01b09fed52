//! A results folder has one owner at a time: who replaces its plan, or writes its products.

use std::path::PathBuf;

use thiserror::Error;

use crate::foundations::files::leftovers;
use crate::foundations::files::plain::{self, Kind};
use crate::foundations::{Digest, FileError, Shown};
use crate::runner::plan::BoundPlan;

use super::attempt::host_name;
use super::claim::claim;
use super::lock::{Holder, Lock, Locked, Locks, changed, lock_in_place};
use super::plan_error::PlanError;
use super::plan_file::PlanFile;
use super::run_dir::RunDir;

/// While this is there, nobody else replaces the plan of a folder, or writes its products; where there
/// are no locks, it is no more than the wish.
#[derive(Debug)]
pub struct Owned {
    lock: Option<Lock>,
}

/// A folder that somebody else owns, or works in.
#[derive(Debug, Error)]
pub enum OwnedError {
    /// A file that cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// Another command owns it.
    #[error(
        "{}: another process ({holder}) is planning or merging here; wait until it is done, or end it, \
         and type the same again",
        Shown(root)
    )]
    Folder {
        /// The results folder.
        root: PathBuf,
        /// Who, as far as it is known.
        holder: String,
    },
    /// A task works on a shard.
    #[error(
        "{}: shard {shard} is held by another process ({holder}); wait until it is done, or end it, and \
         type the same again",
        Shown(root)
    )]
    Shard {
        /// The results folder.
        root: PathBuf,
        /// The shard.
        shard: u32,
        /// Who, as far as it is known.
        holder: String,
    },
}

/// The plan in a folder is no longer the one that this process works for, or nobody can see whether it is.
#[derive(Debug, Error)]
pub enum Replaced {
    /// It is another.
    #[error(
        "{}: the plan here was replaced ({found}, this process works for {expected}): nothing more is \
         written; what was done for the old plan is of no use to the new one",
        Shown(path)
    )]
    ByAnother {
        /// The plan's file.
        path: PathBuf,
        /// Hash of the plan there, its first digits.
        found: String,
        /// Hash of the plan that this process works for, its first digits.
        expected: String,
    },
    /// It cannot be read.
    #[error(transparent)]
    Unknown(#[from] FileError),
}

impl Owned {
    /// Owns a folder; does not wait.
    ///
    /// # Errors
    /// If somebody else does, or the lock cannot be made.
    pub fn take(run: &RunDir) -> Result<Self, OwnedError> {
        let path = run.folder_lock();
        match lock_in_place(&path, Locks::default())? {
            Locked::Ours(lock) => {
                lock.sign(&Holder::new(host_name()));
                Ok(Self { lock: Some(lock) })
            }
            Locked::Unknown => Ok(Self { lock: None }),
            Locked::Elsewhere => {
                Err(OwnedError::Folder { root: run.root().into(), holder: holder(&path) })
            }
        }
    }

    /// Checks that the folder is still owned.
    ///
    /// # Errors
    /// If somebody removed or replaced the file of the lock.
    pub fn check_kept(&self) -> Result<(), FileError> {
        self.lock.as_ref().map_or(Ok(()), Lock::check_kept)
    }

    /// Removes what processes left unfinished that died while they wrote.
    ///
    /// # Errors
    /// If a folder cannot be read.
    pub fn remove_leftovers(&self, run: &RunDir) -> Result<(), FileError> {
        if self.lock.is_none() {
            // Nobody can say here who lives.
            return Ok(());
        }
        // The folder of the run itself may be a link.
        let root = run.root().canonicalize().map_err(|e| FileError::new("read", run.root(), e))?;
        let inner = [run.partials(), run.journals(), run.scripts(), run.set_aside()];
        let logs = [run.program_logs(), run.audit_logs()];
        // Whoever wrote into a folder when it was moved.
        let aside = plain::read_folder(&run.set_aside())?.into_iter().flatten();
        let aside = aside.map(|name| run.set_aside().join(name));
        for folder in [root].into_iter().chain(inner).chain(logs).chain(aside) {
            if Kind::at(&folder).is_ok_and(|kind| kind == Some(Kind::Folder)) {
                leftovers::remove(&folder)?;
            }
        }
        Ok(())
    }

    /// Refuses to go on while a task works on a shard in the folder: of whatever plan.
    ///
    /// # Errors
    /// If one does, or a lock cannot be used.
    pub fn refuse_tasks(&self, run: &RunDir) -> Result<(), OwnedError> {
        for shard in locked_shards(run)? {
            if claim(run, shard)?.is_none() {
                let (root, holder) = (run.root().into(), holder(&run.lock(shard)));
                return Err(OwnedError::Shard { root, shard, holder });
            }
        }
        Ok(())
    }
}

fn holder(path: &std::path::Path) -> String {
    Holder::of(path).map_or("its name is not known".into(), |holder| holder.to_string())
}

/// The shards that have a lock's file.
pub(crate) fn locked_shards(run: &RunDir) -> Result<Vec<u32>, FileError> {
    let mut shards = Vec::new();
    for name in plain::read_folder(&run.journals())?.into_iter().flatten() {
        shards.extend(super::run_dir::shard_of_lock(&name.to_string_lossy()));
    }
    shards.sort_unstable();
    Ok(shards)
}

/// Who holds a shard, if somebody does: found out by trying its lock.
///
/// # Errors
/// If the lock cannot be used.
pub fn holder_of(run: &RunDir, shard: u32) -> Result<Option<Holder>, FileError> {
    let path = run.lock(shard);
    if !path.exists() || claim(run, shard)?.is_some() {
        return Ok(None);
    }
    Ok(Holder::of(&path))
}

impl BoundPlan {
    /// Checks that `plan.json` is still there and whole, as far as it is of this plan.
    ///
    /// # Errors
    /// If somebody removed or edited it.
    pub fn check_kept(&self, run: &RunDir) -> Result<(), PlanError> {
        match PlanFile::read(run) {
            Err(PlanError::Missing { .. }) => Err(changed(&run.plan()).into()),
            read => read.map(|_| ()),
        }
    }

    /// Checks that the plan in the folder is still this one. One that is not there is no other.
    ///
    /// # Errors
    /// If it was replaced, or cannot be read.
    pub fn check_stands(&self, run: &RunDir) -> Result<(), Replaced> {
        let replaced = |found: Digest| Replaced::ByAnother {
            path: run.plan(),
            found: found.short(),
            expected: self.hash.short(),
        };
        match Self::hash_in(run)?.filter(|found| *found != self.hash) {
            Some(found) => Err(replaced(found)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::lock::lock;
    use super::*;
    use crate::runner::plan::layout::tests::layout;

    #[test]
    fn a_folder_has_one_owner_at_a_time_and_says_who() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunDir::new(folder.path());
        let owned = Owned::take(&run).unwrap();
        let error = Owned::take(&run).unwrap_err().to_string();
        let this = format!("process {}", std::process::id());
        assert!(error.contains(&this) && error.contains("planning or merging"), "{error}");
        drop(owned);
        let owned = Owned::take(&run).unwrap();
        owned.refuse_tasks(&run).unwrap();
        let Locked::Ours(task) = lock(&run.lock(7), Locks::AsTold).unwrap() else { panic!() };
        task.sign(&Holder { host: "n7".into(), process: 12 });
        let error = owned.refuse_tasks(&run).unwrap_err().to_string();
        assert!(error.contains("shard 7 is held by another process (n7, process 12)"), "{error}");
        assert_eq!(holder_of(&run, 7).unwrap().unwrap().process, 12);
        drop(task);
        owned.refuse_tasks(&run).unwrap();
        assert_eq!(holder_of(&run, 7).unwrap(), None);
        drop(owned);
        assert!(!run.folder_lock().exists());
    }

    #[test]
    fn a_plan_that_was_replaced_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunDir::new(folder.path());
        let plan = |seed| BoundPlan::example(layout(2, 3, &[false]), seed, 2);
        let (ours, other) = (plan(1), plan(2));
        ours.check_stands(&run).unwrap();
        ours.write(&run).unwrap();
        ours.check_stands(&run).unwrap();
        other.write(&run).unwrap();
        let error = ours.check_stands(&run).unwrap_err().to_string();
        assert!(error.contains(&other.hash.short()) && error.contains("was replaced"), "{error}");
    }
}
