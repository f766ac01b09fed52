//! The products of measured data have the same bytes however the work was cut: `same_bytes.rs`
//! argues why, and tries it on simulated data.

use crate::support::program::{Products, assert_same, otfhpc, products, shuffle, text};
use crate::support::{Trial, required, trial};
use libtest_mimic::Failed;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use tempfile::tempdir;

const FILE: &str = "cal.npz";

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial("measured_data_give_the_same_bytes", &[FILE], measured)]
}

fn measured() -> Result<(), Failed> {
    let path = format!("--set=data.path={}", text(&required(FILE)?));
    let settings = ["--set=data.source=npz", &path, "--set=data.sigma=0.02"];
    let undisturbed = local(&settings, "1", "1")?;
    for (shards, threads) in [("7", "2"), ("257", "5")] {
        let found = local(&settings, shards, threads)?;
        assert_same(&undisturbed, &found, &format!("local, {shards} shards, {threads} threads"));
    }

    let folder = tempdir()?;
    let out = text(folder.path());
    otfhpc(["plan", "--out", out, "--shards", "7"].iter().chain(&settings)).ended(0);
    let mut order: Vec<u32> = (0..7).collect();
    shuffle(&mut ChaCha8Rng::seed_from_u64(7), &mut order);
    for (shard, threads) in order.iter().zip(["1", "2", "5"].iter().cycle()) {
        otfhpc(["run", out, "--shard", &shard.to_string(), "--threads", threads]).ended(0);
    }
    otfhpc(["merge", out]).ended(0);
    assert_same(&undisturbed, &products(folder.path()), "7 processes");
    Ok(())
}

fn local(settings: &[&str], shards: &str, threads: &str) -> Result<Products, Failed> {
    let folder = tempdir()?;
    let out = ["local", "--out", text(folder.path()), "--shards", shards, "--threads", threads];
    otfhpc(out.iter().chain(settings)).ended(0);
    Ok(products(folder.path()))
}
