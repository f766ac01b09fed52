//! A plan of a million configurations stays small: it lists shards, never units.

use std::process::Command;

#[test]
fn a_million_configurations_are_planned_in_64_mib() {
    let folder = tempfile::tempdir().unwrap();
    // The limit on private writable memory is enforced by the kernel: with more, the plan fails.
    let script = "ulimit -d 65536; exec \"$0\" plan --shards 10000 --out \"$1\" \
                  --set study.trials=500000 --set 'fit.methods=[\"ols\",\"wls\"]'";
    let output = Command::new("bash")
        .args(["-c", script, env!("CARGO_BIN_EXE_otfhpc")])
        .arg(folder.path())
        .output()
        .unwrap();
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}{err}");
    assert!(out.contains("257000000 = 1000000 configurations x 257 bins"), "{out}");
    let plan = std::fs::read(folder.path().join("plan.json")).unwrap();
    assert!(plan.len() < 1 << 20, "plan.json has {} bytes", plan.len());
    let plan: serde_json::Value = serde_json::from_slice(&plan).unwrap();
    let cuts = plan["plan"]["shards"].as_array().unwrap();
    assert_eq!(cuts.len(), 10_001);
    assert_eq!(cuts[10_000], 257_000_000);
}
