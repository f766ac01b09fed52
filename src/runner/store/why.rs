//! How an attempt ended before its shard was done: data, written and read here and nowhere else.
//!
//! The last frame of a journal and the last line of a task's log hold the same bytes. No judgement
//! rests on the wording of a message.

use serde::{Deserialize, Serialize};

/// Why an attempt ended before its shard was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// It was asked to, with this signal; 0 if with none.
    Asked {
        /// Number of the signal.
        signal: u32,
        /// How much of its time was left then, if whoever started it said so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        left: Option<Left>,
    },
    /// Another process works on the shard: no error, and nothing about the shard.
    Elsewhere,
    /// It would need more memory than there is, and did not begin.
    Memory {
        /// What it said.
        message: String,
    },
    /// It could not go on.
    Error {
        /// What it said.
        message: String,
    },
}

/// The time of a task, at the moment when it was asked to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Left {
    /// Seconds until its time limit.
    pub seconds: u64,
    /// The limit, seconds.
    pub limit: u64,
    /// Whether it was already chosen to make room for a more important job.
    pub preempted: bool,
}

impl Why {
    /// As JSON on one line, whatever is in it.
    #[must_use]
    pub fn encode(&self) -> String {
        // Numbers and text cannot fail to be JSON.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads what [`Why::encode`] wrote.
    #[must_use]
    pub fn decode(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_said_is_one_line_and_reads_back() {
        let left = Some(Left { seconds: u64::MAX, limit: 60, preempted: true });
        for why in [
            Why::Asked { signal: 10, left },
            Why::Asked { signal: 0, left: None },
            Why::Elsewhere,
            Why::Error { message: "a \"b\"\n\u{1b}[Hotfhpc: end {}\r\nstopped by SIGUSR1".into() },
        ] {
            let line = why.encode();
            assert!(!line.contains(['\n', '\r', '\u{1b}']), "{line}");
            assert_eq!(Why::decode(&line), Some(why));
        }
        assert_eq!(Why::decode("asked"), None);
    }
}
