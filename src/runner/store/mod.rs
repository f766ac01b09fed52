//! What stands on disk in a results folder: the plan, and for each shard its lock, its journal while
//! it is worked on, and its partial when it is done. Here units are numbers, and their results are
//! bytes.

mod aside;
mod attempt;
mod claim;
mod codec;
mod envelope;
mod folder;
mod frame;
mod journal;
mod lock;
pub mod manifest;
mod outcomes;
mod partial;
mod plan_error;
mod plan_file;
mod recorder;
mod results;
mod revisions;
mod room;
mod run_dir;
mod run_id;
mod stream;
mod survey;
mod taken_over;
mod why;

pub(crate) use aside::free_place;
pub use aside::set_aside;
pub(crate) use attempt::now;
pub use attempt::{Attempt, Origin};
pub use claim::{Claim, claim, results_so_far};
pub(crate) use codec::{decode, encode};
pub use envelope::{Envelope, UnitStatus};
pub(crate) use folder::locked_shards;
pub use folder::{Owned, OwnedError, Replaced, holder_of};
pub(crate) use journal::Identity;
pub use journal::{Journals, journals};
pub use lock::{Holder, Locks};
pub(crate) use lock::{Lock, Locked, lock};
pub use outcomes::Outcomes;
pub use partial::{ColumnTime, Partial, PartialError, Provenance};
pub use plan_error::PlanError;
pub use plan_file::PlanFile;
pub use recorder::JournalWriter;
pub use results::{Piece, Results};
pub use room::{RoomError, check_room, partial_bytes};
pub use run_dir::{RunDir, shard_of_journal, shard_of_partial};
pub use run_id::{FoundId, RunId, Settled};
pub use stream::StreamError;
pub use survey::{Found, Progressed, survey};
pub use taken_over::{Held, Staged, keep_in_journal};
pub use why::{Left, Why};
