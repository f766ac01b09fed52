//! What several benchmarks need: the time and the peak memory of a command of the program.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Runs a command: how long it takes, and how much memory it had at most.
pub(crate) fn measure(arguments: &[&str]) -> (Duration, String) {
    let start = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_otfhpc"))
        .args(arguments)
        .stdout(Stdio::null())
        .spawn()
        .expect("the program starts");
    let memory = watch(&mut child);
    (start.elapsed(), memory)
}

/// Waits for a process, and reads the high-water mark of its memory until it is gone: the last
/// that was read is at most a millisecond old.
fn watch(child: &mut Child) -> String {
    let path = format!("/proc/{}/status", child.id());
    let mut memory = "unknown".to_owned();
    loop {
        let status = std::fs::read_to_string(&path).unwrap_or_default();
        if let Some(mark) = status.lines().find_map(|line| line.strip_prefix("VmHWM:")) {
            memory = mark.trim().to_owned();
        }
        if let Some(status) = child.try_wait().expect("a child can be waited for") {
            assert!(status.success(), "{status}");
            return memory;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}
