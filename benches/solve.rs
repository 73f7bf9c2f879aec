#![allow(clippy::print_stdout, reason = "it tells what it measured")]
//! The solver alone: installs every name of some repositories on its own, with one thread and a
//! loaded pool. Prints the result as one line of JSON, so that `benches/peers/solve` can compare it
//! with libsolv.
//!
//! usage: cargo bench --bench solve -- ARCH DIRECTORY...    (directories with `repodata`)

mod solver {
    pub(crate) mod universe;
}

use std::hint::black_box;
use std::time::{Duration, Instant};

use rootstrap::pool::Solvable;
use rootstrap::rpm::selection::install_jobs;
use rootstrap::rpm::spec::Among;
use rootstrap::solver::{Request, Solver};

/// The number of runs of each request; the fastest one counts.
const ROUNDS: usize = 3;

/// Ranges of solution sizes, in packages, for which times are printed. 0 packages: not installable.
const SIZES: [(usize, usize); 6] = [(0, 0), (1, 3), (4, 10), (11, 30), (31, 100), (101, usize::MAX)];

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let Some((arch, directories)) = arguments.split_first().filter(|(_, directories)| !directories.is_empty()) else {
        println!("usage: cargo bench --bench solve -- ARCH DIRECTORY...");
        return;
    };
    let pool = solver::universe::real(arch, directories);
    let mut names: Vec<&str> = pool.solvables().map(Solvable::name).collect();
    names.sort_unstable();
    names.dedup();
    let requests: Vec<Request> =
        names.iter().map(|name| Request::new(install_jobs(&pool, name, Among::default(), false))).collect();
    let mut solver = Solver::new(&pool);
    let mut whole = Duration::MAX;
    let mut quickest = vec![Duration::MAX; names.len()];
    for _ in 0..ROUNDS {
        let begin = Instant::now();
        for (request, quickest) in requests.iter().zip(&mut quickest) {
            let begin = Instant::now();
            let _ = black_box(solver.solve(request));
            *quickest = begin.elapsed().min(*quickest);
        }
        whole = whole.min(begin.elapsed());
    }
    let by_size = SIZES.map(|(from, to)| {
        let times: Vec<f64> = (quickest.iter().zip(&requests))
            .filter_map(|(time, request)| {
                let size = solver.solve(request).map_or(0, |solution| solution.packages.len());
                (from..=to).contains(&size).then(|| milliseconds(*time))
            })
            .collect();
        let mean = times.iter().sum::<f64>() / times.len().max(1) as f64;
        serde_json::json!({"from": from, "to": to, "requests": times.len(), "ms": mean})
    });
    let (slowest, name) = quickest.iter().zip(&names).max().expect("a package");
    println!(
        "{}",
        serde_json::json!({
            "packages": pool.len(),
            "requests": names.len(),
            "ms": milliseconds(whole),
            "by_size": by_size,
            "slowest": {"spec": name, "ms": milliseconds(*slowest)},
            "pool_bytes": pool.image().bytes().len(),
        })
    );
}
