//! Which shards go into which array job. Slurm limits the numbers of tasks, not how many there
//! are: the largest is `MaxArraySize - 1`. An offset, added by the task, reaches the other shards.

use super::commands::ranges;

/// A list of tasks longer than this, in bytes, is cut: Linux takes no argument beyond 128 KiB.
const LONGEST_LIST: usize = 100_000;

/// The shard of an array task: the one rule for what its number means. None beyond all numbers.
pub(super) fn shard_of(task: u32, offset: u32) -> Option<u32> {
    task.checked_add(offset)
}

/// The array task of a shard: the inverse of [`shard_of`].
pub(super) fn task_of(shard: u32, offset: u32) -> Option<u32> {
    shard.checked_sub(offset)
}

/// The shards of one array job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// The shard of task 0.
    pub offset: u32,
    /// The shards, ascending.
    pub shards: Vec<u32>,
}

impl Chunk {
    /// The numbers of its tasks, as `--array` takes them.
    #[must_use]
    pub fn tasks(&self) -> String {
        let task = |shard: &u32| task_of(*shard, self.offset);
        let tasks: Vec<u32> = self.shards.iter().filter_map(task).collect();
        ranges(&tasks)
    }
}

/// Groups shards, ascending, into as few array jobs as the limit allows.
///
/// From the first shard left, a job takes every shard that it can reach: no grouping needs fewer
/// jobs, because some job must take that first shard, and none reaches further.
#[must_use]
pub fn chunks(shards: &[u32], max_array_size: u32) -> Vec<Chunk> {
    let mut chunks = Vec::new();
    let mut rest = shards;
    while let (Some(first), true) = (rest.first(), max_array_size > 0) {
        let mut count = rest.partition_point(|shard| shard - first < max_array_size);
        while count > 1 && ranges(&rest[..count]).len() > LONGEST_LIST {
            count /= 2;
        }
        let (taken, left) = rest.split_at(count);
        let offset = offset(*first, taken[count - 1], max_array_size);
        chunks.push(Chunk { offset, shards: taken.to_vec() });
        rest = left;
    }
    chunks
}

/// The roundest offset from which both shards are reached: 0 if it can be, so that shard and task
/// are the same number, or else one that a person can add in the head; without a round one, the
/// first shard.
fn offset(first: u32, last: u32, max_array_size: u32) -> u32 {
    let least = last.saturating_sub(max_array_size - 1);
    let powers = (1..=9).rev().map(|digits| 10_u32.pow(digits));
    let mut candidates = powers.filter_map(|power| least.div_ceil(power).checked_mul(power));
    candidates.find(|offset| *offset <= first).unwrap_or(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_and_its_shard_know_each_other() {
        for (task, offset, shard) in [(8, 0, Some(8)), (8, 1000, Some(1008)), (8, u32::MAX, None)] {
            assert_eq!(shard_of(task, offset), shard);
            assert_eq!(shard.and_then(|shard| task_of(shard, offset)), shard.map(|_| task));
        }
        assert_eq!(task_of(8, 9), None);
    }
    use proptest::prelude::*;

    fn tasks(shards: &[u32], limit: u32) -> Vec<(u32, String)> {
        chunks(shards, limit).iter().map(|chunk| (chunk.offset, chunk.tasks())).collect()
    }

    #[test]
    fn a_plan_within_the_limit_is_one_array_without_an_offset() {
        let all: Vec<u32> = (0..32).collect();
        assert_eq!(tasks(&all, 1001), [(0, "0-31".into())]);
        assert_eq!(tasks(&[3, 7, 8, 9], 1001), [(0, "3,7-9".into())]);
        assert_eq!(tasks(&[], 1001), []);
    }

    #[test]
    fn the_largest_task_is_below_the_limit_whatever_the_count() {
        let all: Vec<u32> = (0..30).collect();
        let expected =
            [(0, "0-7".into()), (8, "0-7".into()), (16, "0-7".into()), (24, "0-5".into())];
        assert_eq!(tasks(&all, 8), expected);
        assert_eq!(tasks(&[8], 8), [(8, "0".into())]);
        // 2004 is reached from 1004 on: nothing up to 1007 is round.
        assert_eq!(tasks(&[5, 1007, 2004], 1001), [(0, "5".into()), (1007, "0,997".into())]);
        assert_eq!(tasks(&[5, 1007, 1990], 1001), [(0, "5".into()), (1000, "7,990".into())]);
    }

    #[test]
    fn a_list_too_long_for_an_argument_is_cut() {
        let every_other: Vec<u32> = (0..200_000).map(|i| 2 * i).collect();
        let chunks = chunks(&every_other, 4_000_001);
        assert!(chunks.iter().all(|chunk| chunk.tasks().len() <= LONGEST_LIST));
        assert_eq!(chunks.iter().map(|chunk| chunk.shards.len()).sum::<usize>(), 200_000);
    }

    #[test]
    fn a_cluster_without_arrays_gets_none() {
        assert_eq!(chunks(&[1, 2], 0), []);
        assert_eq!(tasks(&[1, 2], 1), [(1, "0".into()), (2, "0".into())]);
    }

    proptest! {
        #[test]
        fn every_shard_is_in_exactly_one_job_that_reaches_it(
            shards in proptest::collection::btree_set(0u32..5000, 0..400),
            limit in 1u32..1500,
        ) {
            let shards: Vec<u32> = shards.into_iter().collect();
            let chunks = chunks(&shards, limit);
            let started: Vec<u32> = chunks.iter().flat_map(|c| c.shards.clone()).collect();
            prop_assert_eq!(&started, &shards);
            for chunk in &chunks {
                prop_assert!(chunk.shards.iter().all(|s| *s >= chunk.offset));
                prop_assert!(chunk.shards.iter().all(|s| s - chunk.offset < limit));
            }
            // Shards that far apart cannot share a job, so there are at least as many jobs.
            let mut apart = 0;
            let mut last: Option<u32> = None;
            for shard in shards {
                if last.is_none_or(|last| shard - last >= limit) {
                    apart += 1;
                    last = Some(shard);
                }
            }
            prop_assert_eq!(chunks.len(), apart);
        }
    }
}
