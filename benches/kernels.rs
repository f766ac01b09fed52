//! What the time of a fit is made of: one thread, 1,200 records.

use std::sync::OnceLock;

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use num_complex::Complex64;
use otfhpc::foundations::Digest;
use otfhpc::foundations::numerics::{fused, with_widest_simd};
use otfhpc::otf::study::{Config, Study};
use otfhpc::otf::{Otf, UnitResult};
use otfhpc::runner::engine::Workload;
use otfhpc::runner::plan::{BoundPlan, Build, Plan};
use otfhpc::runner::store::RunDir;
use otfhpc::runner::store::{Attempt, JournalWriter, Origin};
use otfhpc::science::data::{BinData, Campaign, Draw, Realisation, write_calibration_set};
use otfhpc::science::fit::{
    Constraint, Method, OptionValues, Outcome, Problem, Solution, fit_bin, methods,
};
use otfhpc::science::instrument::fill_planck_column;

/// A bin in the middle of the band.
const BIN: usize = 20;
/// The bins in which the channel sees light: what methods fit together that fit all bins.
const BAND: std::ops::Range<usize> = 5..48;
/// The temperatures of the columns of a design begin here, K, the coldest that there are.
const COLDEST_K: f64 = 1.5;
const RECORDS: usize = 1200;
const EMITTERS: usize = 7;

fn main() {
    // Of a benchmark's own threads, and of rayon's, there is one.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build_global();
    pool.expect("nothing has made the pool before");
    divan::main();
}

/// What the processor can do at most: fused multiplications and additions in registers.
#[divan::bench]
fn fused_operations(bencher: Bencher) {
    const LANES: usize = 8;
    // One waits for the one before: so many do not wait for each other.
    const SUMS: usize = 10;
    const TIMES: usize = 1000;
    bencher.counter(ItemsCount::new(SUMS * LANES * TIMES)).bench_local(|| {
        let (factor, term) = (black_box([0.999; LANES]), black_box([1e-3; LANES]));
        let given = black_box([[1.0; LANES]; SUMS]);
        let mut found = given;
        with_widest_simd(
            #[inline(always)]
            || {
                // A copy of its own stays in registers.
                let mut sums = given;
                for _ in 0..TIMES {
                    for sum in &mut sums {
                        for lane in 0..LANES {
                            sum[lane] = fused(sum[lane], factor[lane], term[lane]);
                        }
                    }
                }
                found = sums;
            },
        );
        found
    });
}

/// What the memory can do at most: 64 MB read and written again.
#[divan::bench]
fn copying_memory(bencher: Bencher) {
    let from = vec![1.0; 8 << 20];
    let mut to = vec![0.0; from.len()];
    bencher.counter(BytesCount::new(2 * 8 * from.len())).bench_local(|| {
        to.iter_mut().zip(black_box(&from)).for_each(|(to, from)| *to = *from);
        black_box(&mut to);
    });
}

/// The columns of one bin: 1,200 records x 7 emitters.
#[divan::bench]
fn planck_columns(bencher: Bencher) {
    let warmer = |record| COLDEST_K + 0.01 * f64::from(record);
    let inverse: Vec<f64> = (0..RECORDS as u32).map(|record| 1.0 / warmer(record)).collect();
    let mut columns = vec![vec![0.0; RECORDS]; EMITTERS];
    bencher.counter(ItemsCount::new(RECORDS * EMITTERS)).bench_local(|| {
        for column in &mut columns {
            fill_planck_column(black_box(272e9), black_box(&inverse), column);
        }
    });
}

/// All 257 bins of the transforms of 1,200 interferograms: baseline, rotation, FFT.
#[divan::bench]
fn spectra_of_measured_data(bencher: Bencher) {
    let campaign = measured();
    bench_spectra(bencher, &campaign);
}

/// The same with the noise of a simulation drawn before.
#[divan::bench]
fn spectra_of_simulated_data(bencher: Bencher) {
    bench_spectra(bencher, &simulated().0);
}

fn bench_spectra(bencher: Bencher, campaign: &Campaign) {
    let bins: Vec<usize> = (0..257).collect();
    let draw = Draw::of_noise(0.02, 1);
    let records = ItemsCount::new(campaign.records());
    bencher
        .counter(records)
        .bench_local(|| campaign.realise(&draw, &bins).expect("held in memory"));
}

/// One bin for its methods: spectra over gain, variances, Planck columns.
#[divan::bench]
fn gathering_a_bin(bencher: Bencher) {
    let (campaign, realisation) = simulated();
    bencher.bench_local(|| campaign.bin_data(realisation, BIN));
}

/// One bin by each method that fits bins for themselves.
#[divan::bench(args = names(false))]
fn fit(bencher: Bencher, name: &str) {
    let (bin, method) = (Bin::new(BIN), build(name));
    bencher.bench_local(|| bin.with(|problem| fit_bin(method.as_ref(), problem)));
}

/// The 43 bins of the band by each method that fits all bins together.
#[divan::bench(args = names(true), sample_count = 20)]
fn fit_coupled(bencher: Bencher, name: &str) {
    let (bins, method): (Vec<Bin>, _) = (BAND.map(Bin::new).collect(), build(name));
    let columns: Vec<Vec<&[f64]>> = bins.iter().map(Bin::columns).collect();
    let problems: Vec<Problem> =
        bins.iter().zip(&columns).map(|(bin, columns)| bin.problem(columns)).collect();
    let count = ItemsCount::new(problems.len());
    bencher.counter(count).bench_local(|| method.fit_coupled(&problems));
}

fn planned(config: Config, shards: u32) -> BoundPlan {
    let study = Otf::new(config).expect("the study is valid");
    let work = study.planned().expect("the study is valid");
    Plan::make(work, shards, Build::running().expect("it runs")).expect("there are pieces")
}

/// A finished unit written to the journal; it is synced now and then by another thread.
#[divan::bench]
fn journal_append(bencher: Bencher) {
    let folder = tempfile::tempdir().expect("the temporary folder can be written");
    let run = RunDir::new(folder.path());
    let plan = planned(settings(), 1);
    let attempt = Attempt::of_this_process(&Origin::default(), Digest::of(b"this build"));
    let recorder = JournalWriter::begin(&run, &plan, 0, &attempt);
    let recorder = recorder.expect("the temporary folder can be written");
    let solution = Solution {
        emissivity: vec![Complex64::new(0.5, -0.5); EMITTERS],
        sigma: vec![1e-3; EMITTERS],
        rss: 1200.0,
        condition: 10.0,
    };
    let result = UnitResult {
        errors: None,
        shared: None,
        outcome: Outcome::Converged(solution),
        prediction_error: None,
        degrees_of_freedom: Some(1193),
    };
    let kept = result.seal();
    bencher.bench_local(|| recorder.keep(0, std::slice::from_ref(&kept)));
}

/// One bin of the simulated campaign.
struct Bin {
    realisation: &'static Realisation,
    data: BinData,
}

impl Bin {
    fn new(position: usize) -> Self {
        let (campaign, realisation) = simulated();
        Self { realisation, data: campaign.bin_data(realisation, position) }
    }

    fn columns(&self) -> Vec<&[f64]> {
        self.data.design.iter().map(|column| &column[..]).collect()
    }

    fn problem<'a>(&'a self, columns: &'a [&'a [f64]]) -> Problem<'a> {
        Problem {
            design: columns,
            data: &self.data.data,
            variance: &self.data.variance,
            scale: self.data.scale,
            constraint: Constraint::Kirchhoff,
            context: self.realisation.context(&self.data),
            shared: None,
        }
    }

    fn with<T>(&self, use_it: impl Fn(&Problem) -> T) -> T {
        use_it(&self.problem(&self.columns()))
    }
}

/// The embedded default: LLSS, 1,200 records.
fn settings() -> Config {
    Config::load(None, &[]).expect("the embedded default is valid")
}

/// A simulated campaign, and all bins of its spectra in one trial.
fn simulated() -> &'static (Campaign, Realisation) {
    static MADE: OnceLock<(Campaign, Realisation)> = OnceLock::new();
    MADE.get_or_init(|| {
        let campaign = prepare(&settings());
        let bins: Vec<usize> = (0..257).collect();
        let realisation = campaign.realise(&Draw::of_noise(0.02, 1), &bins).expect("simulated");
        (campaign, realisation)
    })
}

/// The same campaign, read from a calibration set.
fn measured() -> Campaign {
    let folder = tempfile::tempdir().expect("the temporary folder can be written");
    let path = folder.path().join("cal.npz");
    let written = write_calibration_set(&path, std::slice::from_ref(&simulated().0), 0.02, 1);
    written.expect("the temporary folder can be written");
    let from_file = [
        "data.source=npz".to_owned(),
        format!("data.path={}", path.display()),
        "data.sigma=\"estimate\"".to_owned(),
    ];
    prepare(&Config::load(None, &from_file).expect("these settings are valid"))
}

fn prepare(config: &Config) -> Campaign {
    let study = Study::new(config).expect("the study is valid");
    Campaign::prepare(study.sets[0], &study.recipe(config)).expect("the campaign can be prepared")
}

/// The methods that fit bins together, or the others.
fn names(together: bool) -> Vec<&'static str> {
    let infos = methods().iter().map(|method| &method.info);
    infos.filter(|info| info.couples_bins == together).map(|info| info.name).collect()
}

fn build(name: &str) -> Box<dyn Method> {
    let registered = otfhpc::science::fit::method(name).expect("the name is from the registry");
    (registered.build)(&OptionValues::defaults(&registered.info))
}
