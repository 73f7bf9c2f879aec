#![allow(clippy::print_stdout, reason = "it tells what it measured")]
//! Comparison of this solver with the general resolvers `resolvo` and `pubgrub` on the same
//! universes: one thread, data prepared in advance, each request from scratch.
//!
//! All three solve the same kind of problem: packages that require capabilities, and at most one
//! version of each name. Without arguments the universes are synthetic, with 1,000 to 100,000
//! packages. With an architecture and directories that have `repodata`, the universe is real;
//! resolvo and pubgrub then see only the requirements, and this solver sees all relations.
//!
//! usage: cargo bench --bench resolvers [-- ARCH DIRECTORY...]

mod solver {
    pub(crate) mod made_up;
    pub(crate) mod provider;
    pub(crate) mod universe;
}

use std::hint::black_box;
use std::time::Instant;

use rootstrap::rpm::selection::install_jobs;
use rootstrap::rpm::spec::Among;
use rootstrap::solver::{Request, Solver};
use solver::provider::Requirements;
use solver::{made_up, universe};

/// The maximum number of timed requests for each universe.
const REQUESTS: usize = 300;

fn milliseconds(begin: Instant, requests: usize) -> f64 {
    begin.elapsed().as_secs_f64() * 1000.0 / requests as f64
}

fn compare(title: &str, pool: &rootstrap::pool::Pool, same: bool) {
    let requirements = Requirements::of(pool);
    let names: Vec<u32> = (0..requirements.names.len() as u32).step_by(requirements.names.len().div_ceil(REQUESTS)).collect();
    let requests: Vec<Request> =
        (names.iter()).map(|&name| Request::new(install_jobs(pool, requirements.text(name), Among::default(), false))).collect();

    let begin = Instant::now();
    let mut solver = Solver::new(pool);
    let own: Vec<Option<usize>> =
        requests.iter().map(|request| black_box(solver.solve(request)).ok().map(|solution| solution.packages.len())).collect();
    let own_time = milliseconds(begin, requests.len());
    let begin = Instant::now();
    let by_resolvo: Vec<Option<usize>> = names.iter().map(|&name| black_box(requirements.solve_with_resolvo(name))).collect();
    let resolvo_time = milliseconds(begin, requests.len());
    let begin = Instant::now();
    let by_pubgrub: Vec<Option<usize>> = names.iter().map(|&name| black_box(requirements.solve_with_pubgrub(name))).collect();
    let pubgrub_time = milliseconds(begin, requests.len());

    let differ = |other: &[Option<usize>]| own.iter().zip(other).filter(|(a, b)| a.is_some() != b.is_some()).count();
    let (with_resolvo, with_pubgrub) = (differ(&by_resolvo), differ(&by_pubgrub));
    assert!(!same || (with_resolvo, with_pubgrub) == (0, 0), "{title}: {with_resolvo} and {with_pubgrub} verdicts differ");
    let sizes: Vec<usize> = own.iter().flatten().copied().collect();
    println!(
        "{title:24} {:8} {:8} {:8} {:10.4} ms {:10.4} ms {:6.1} x {:10.4} ms {:6.1} x",
        pool.len(),
        sizes.len(),
        sizes.iter().sum::<usize>() / sizes.len().max(1),
        own_time,
        resolvo_time,
        resolvo_time / own_time,
        pubgrub_time,
        pubgrub_time / own_time,
    );
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    println!("universe                 packages   solved  set size     rootstrap       resolvo                 pubgrub");
    if let Some((arch, directories)) = arguments.split_first().filter(|(_, directories)| !directories.is_empty()) {
        compare(arch, &universe::real(arch, directories), false);
        return;
    }
    for packages in [1_000, 3_000, 10_000, 30_000, 100_000] {
        compare("made up", &made_up::made_up(packages), true);
    }
}
