//! The comment of a job: by it `otfhpc submit` knows its own jobs in the queue again, even one
//! whose number it did not live to write down.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::foundations::{Digest, FileError};
use crate::runner::store::{FoundId, RunDir, RunId, Settled};

use super::script::{ARRAY_JOB, MERGE_JOB};
use super::submissions::Submissions;

/// Whose jobs: those of one plan in one folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    plan: String,
    folder: String,
}

impl Owner {
    /// The same plan may be in two folders, so the folder is part of it: by its id, whatever path
    /// leads to it. A copy that has no id of its own yet has no jobs.
    ///
    /// # Errors
    /// If the id cannot be read.
    pub fn new(plan: &Digest, run: &RunDir) -> Result<Self, FileError> {
        let id = match RunId::find(run)? {
            FoundId::Own(id) => id,
            FoundId::Copy { .. } => RunId::of_path(run),
            FoundId::None => recorded_id(run).unwrap_or_else(|| RunId::of_path(run)),
        };
        Ok(Self { plan: plan.short(), folder: id.as_str().into() })
    }

    /// The token of one submission.
    #[must_use]
    pub fn token(&self, number: u64, purpose: Purpose) -> Token {
        Token { owner: self.clone(), number, purpose }
    }
}

/// Gives a folder an id, unless it has one. One from before there were ids gets the one that its
/// jobs carry already.
///
/// # Errors
/// If it cannot be written.
pub fn settle_id(run: &RunDir) -> Result<Settled, FileError> {
    RunId::settle(run, || recorded_id(run))
}

/// The id that the last job of a folder carries, as the record has it.
fn recorded_id(run: &RunDir) -> Option<RunId> {
    let submissions = Submissions::read(run).ok()?;
    RunId::parse(&submissions.last_token()?.owner.folder)
}

/// What a job is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// An array that fits shards.
    Shards {
        /// The shard of task 0.
        offset: u32,
    },
    /// The merge.
    Merge,
}

impl Purpose {
    /// The name of such a job.
    #[must_use]
    pub fn job_name(self) -> &'static str {
        match self {
            Self::Shards { .. } => ARRAY_JOB,
            Self::Merge => MERGE_JOB,
        }
    }
}

/// One submission: no other has the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Token {
    /// Whose.
    pub owner: Owner,
    /// Counted in the folder.
    pub number: u64,
    /// What for.
    pub purpose: Purpose,
}

impl Token {
    /// How every token starts.
    pub(super) const PREFIX: &str = "otfhpc:";
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Owner { plan, folder } = &self.owner;
        write!(f, "{}{plan}:{folder}:{}:", Self::PREFIX, self.number)?;
        match self.purpose {
            Purpose::Shards { offset } => write!(f, "shards+{offset}"),
            Purpose::Merge => write!(f, "merge"),
        }
    }
}

impl FromStr for Token {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        parse(text).ok_or_else(|| {
            format!(
                "`{text}` is no token: expected otfhpc:PLAN:FOLDER:NUMBER:shards+OFFSET or :merge"
            )
        })
    }
}

fn parse(text: &str) -> Option<Token> {
    let parts: Vec<&str> = text.strip_prefix(Token::PREFIX)?.split(':').collect();
    let [plan, folder, number, purpose] = parts.try_into().ok()?;
    let purpose = match purpose.strip_prefix("shards+") {
        Some(offset) => Purpose::Shards { offset: offset.parse().ok()? },
        None if purpose == "merge" => Purpose::Merge,
        None => return None,
    };
    let owner = Owner { plan: plan.into(), folder: folder.into() };
    Some(Token { owner, number: number.parse().ok()?, purpose })
}

impl TryFrom<String> for Token {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Token> for String {
    fn from(token: Token) -> Self {
        token.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_survives_its_text_form() {
        let owner = Owner::new(&Digest::of(b"plan"), &RunDir::new("results")).unwrap();
        for purpose in [Purpose::Shards { offset: 1000 }, Purpose::Merge] {
            let token = owner.token(7, purpose);
            assert_eq!(token.to_string().parse(), Ok(token));
        }
        for bad in ["", "(null)", "otfhpc:a:b:7", "otfhpc:a:b:7:shards", "otfhpc:a:b:x:merge"] {
            assert!(bad.parse::<Token>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_plan_in_another_folder_has_other_jobs() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (folder.path().join("one"), folder.path().join("other"));
        std::fs::create_dir(&one).unwrap();
        std::os::unix::fs::symlink(&one, &other).unwrap();
        let owner =
            |path: &std::path::Path| Owner::new(&Digest::of(b"plan"), &RunDir::new(path)).unwrap();
        assert_eq!(owner(&one), owner(&other), "another name of the same folder");
        assert_ne!(owner(&one), owner(folder.path()));
        settle_id(&RunDir::new(&one)).unwrap();
        assert_eq!(owner(&one), owner(&other), "by its id");
        // A copy has its files, and none of its jobs.
        let copy = folder.path().join("copy");
        std::fs::create_dir(&copy).unwrap();
        std::fs::copy(RunDir::new(&one).id(), RunDir::new(&copy).id()).unwrap();
        assert_ne!(owner(&one), owner(&copy));
        settle_id(&RunDir::new(&copy)).unwrap();
        assert_ne!(owner(&one), owner(&copy));
    }

    #[test]
    fn a_folder_from_before_there_were_ids_keeps_its_jobs() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunDir::new(folder.path().join("new"));
        std::fs::create_dir(run.root()).unwrap();
        let old = "otfhpc:0123abcd:89abcdef:4:merge";
        let line = format!(
            r#"{{"event":"intent","token":"{old}","after":["7"],"time":"2026-11-21T06:00:00Z"}}"#
        );
        std::fs::write(run.submissions(), line + "\n").unwrap();
        let token: Token = old.parse().unwrap();
        let owner =
            || Owner { plan: "0123abcd".into(), ..Owner::new(&Digest::of(b"x"), &run).unwrap() };
        assert_eq!(owner(), token.owner);
        settle_id(&run).unwrap();
        assert_eq!(owner(), token.owner);
    }
}
