//! What the settings of a study of a command are called.

use crate::settings::Vocabulary;

/// Every setting, by its table.
const SETTINGS: [(&str, &[&str]); 9] = [
    (
        "command",
        &[
            "run",
            "input",
            "output",
            "depends",
            "directory",
            "timeout_seconds",
            "env",
            "env_clear",
            "require",
            "volatile",
            "retries",
            "fatal",
            "threads",
            "log_bytes",
            "output_bytes",
        ],
    ),
    ("grid", &["name", "values", "from", "to", "zip"]),
    ("case", &[]),
    ("study", &["seed", "seed_over", "seed_bits", "trials"]),
    ("collect", &["tables", "row_key", "expected_rows", "files"]),
    ("reduce", &["run"]),
    ("audit", &["repeatable", "tolerance"]),
    ("stop", &["stop_when", "max_failures", "budget_seconds"]),
    ("slurm", &["partition", "account", "time", "memory", "cpus_per_task", "throttle", "extra"]),
];

/// The words for messages.
pub(super) const WORDS: Vocabulary = Vocabulary {
    tables: &SETTINGS,
    lists: &["grid", "case"],
    of_several_types: (
        "grid.values",
        "numbers, texts, true or false, or { value = 1e-3, label = \"x\" }",
    ),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::CommandSettings;

    #[test]
    fn all_settings_are_known_here() {
        let least = "workload = \"command\"\ncommand.run = [\"true\"]\n";
        for (table, names) in SETTINGS.iter().filter(|(table, _)| *table != "case") {
            let header = if *table == "grid" { "[[grid]]".into() } else { format!("[{table}]") };
            let error = toml::from_str::<CommandSettings>(&format!("{least}{header}\nx = 1\n"))
                .unwrap_err();
            if *table == "command" {
                continue;
            }
            let (_, expected) = error.message().split_once(", expected ").unwrap();
            let found: Vec<&str> = expected.split('`').skip(1).step_by(2).collect();
            assert_eq!(&found, names, "{table}");
        }
    }
}
