//! What is known of a unit when it is over: its status, and a result that only its workload can read.

use serde::{Deserialize, Serialize};

/// How a unit ended. What each is called is up to the workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum UnitStatus {
    /// It has a result.
    Done = 0,
    /// It has a result that is not what was asked for.
    Unfinished = 1,
    /// It has none.
    Failed = 2,
    /// There was nothing to be found: no failure.
    Nothing = 3,
}

impl UnitStatus {
    /// All of them, by their numbers.
    pub const ALL: [Self; 4] = [Self::Done, Self::Unfinished, Self::Failed, Self::Nothing];
}

/// What is known of a unit when it is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// How it ended.
    pub status: UnitStatus,
    /// Why it is not done; the same words wherever it ran.
    pub reason: Option<String>,
    /// The result, as its workload encodes it: a function of plan and inputs alone.
    #[serde(with = "serde_bytes")]
    pub body: Vec<u8>,
    /// What may be otherwise each time, as times are: never in a product, and never compared.
    #[serde(with = "serde_bytes")]
    pub aside: Vec<u8>,
}

impl Envelope {
    /// Whether both say the same of a unit, to the last bit of the result.
    #[must_use]
    pub fn has_result_of(&self, other: &Self) -> bool {
        (self.status, &self.reason, &self.body) == (other.status, &other.reason, &other.body)
    }

    /// Whether the unit was not run though it could have been, for a reason that it has. Without one
    /// there was nothing to be had.
    #[must_use]
    pub fn was_left_out(&self) -> bool {
        self.status == UnitStatus::Nothing && self.reason.is_some()
    }
}

#[cfg(test)]
impl Envelope {
    /// One for tests of files: another for every unit, some with `words` in them.
    pub(crate) fn example(unit: u64, words: &str) -> Self {
        let (status, reason) = match unit % 3 {
            0 => (UnitStatus::Failed, Some(format!("unit {unit} cannot be fitted: {words}\n"))),
            1 => (UnitStatus::Nothing, None),
            _ => (UnitStatus::Done, None),
        };
        let body = if status == UnitStatus::Done { vec![unit as u8; 200] } else { Vec::new() };
        Self { status, reason, body, aside: unit.to_le_bytes().to_vec() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_otherwise_each_time_is_not_compared() {
        let unit = Envelope::example(2, "");
        let later = Envelope { aside: vec![1], ..unit.clone() };
        assert!(unit.has_result_of(&later) && unit != later);
        for other in [
            Envelope { status: UnitStatus::Unfinished, ..unit.clone() },
            Envelope { reason: Some(String::new()), ..unit.clone() },
            Envelope { body: vec![], ..unit.clone() },
        ] {
            assert!(!unit.has_result_of(&other));
        }
    }
}
