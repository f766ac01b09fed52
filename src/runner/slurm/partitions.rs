//! The time that partitions give to jobs, as `scontrol show partition` prints it.

use super::times::seconds;

/// The partitions of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Partitions {
    partitions: Vec<Partition>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Partition {
    name: String,
    is_default: bool,
    /// The shorter of its default and its longest time, as printed, and in seconds.
    time: Option<(u64, String)>,
}

impl Partitions {
    /// Reads what `scontrol --oneliner show partition` prints: one line a partition.
    pub(super) fn parse(text: &str) -> Self {
        Self { partitions: text.lines().filter_map(partition).collect() }
    }

    /// The shortest time limit of a job that gives none, in some partitions, as in `a,b`; in the
    /// cluster's default one if none are named. None if there is no limit.
    pub(super) fn time_limit(&self, names: Option<&str>) -> Option<(u64, String)> {
        let is_meant = |partition: &&Partition| match names {
            Some(names) => names.split(',').any(|name| name == partition.name),
            None => partition.is_default,
        };
        let times = self.partitions.iter().filter(is_meant).filter_map(|p| p.time.clone());
        times.min()
    }
}

fn partition(line: &str) -> Option<Partition> {
    let field = |name: &str| {
        line.split_whitespace().find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
    };
    let time = |name: &str| field(name).and_then(|text| Some((seconds(text)?, text.to_owned())));
    let time = time("DefaultTime").into_iter().chain(time("MaxTime")).min();
    let is_default = field("Default") == Some("YES");
    Some(Partition { name: field("PartitionName")?.into(), is_default, time })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_of_a_partition_is_its_default_or_what_it_gives_at_most() {
        let text = "PartitionName=a AllowGroups=ALL Default=NO DefaultTime=NONE MaxTime=UNLIMITED\n\
                    PartitionName=b Default=YES DefaultTime=00:10:00 MaxTime=1-00:00:00 State=UP\n\
                    PartitionName=c Default=NO DefaultTime=NONE MaxTime=00:02:00\nnonsense\n";
        let partitions = Partitions::parse(text);
        let limit = |names| partitions.time_limit(names).map(|(_, text)| text);
        assert_eq!(limit(None).as_deref(), Some("00:10:00"));
        assert_eq!(limit(Some("a")), None);
        assert_eq!(limit(Some("a,b")).as_deref(), Some("00:10:00"));
        assert_eq!(limit(Some("b,c")).as_deref(), Some("00:02:00"));
        assert_eq!(limit(Some("d")), None);
    }
}
