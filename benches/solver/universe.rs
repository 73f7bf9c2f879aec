//! Pools of real repositories for the benchmarks of the solver.

use rootstrap::ecosystem::Ecosystem;
use rootstrap::fetch::{FetchOptions, Fetcher, Location};
use rootstrap::pool::{Pool, PoolBuilder};
use rootstrap::repo::{self, Repository};
use rootstrap::rpm::Rpm;

/// Builds the pool of repositories for an architecture.
pub(crate) fn real(arch: &str, directories: &[String]) -> Pool {
    let cache = tempfile::tempdir().expect("a temporary directory");
    let fetcher = Fetcher::new(FetchOptions::new(cache.path()));
    let repositories: Vec<Repository> = directories
        .iter()
        .map(|directory| Repository::new(directory, Location::parse(directory).expect("a directory")))
        .collect();
    let opened = repo::open(&repositories, Rpm.metadata(), &|_, _| Ok(()), &fetcher).expect("it opens");
    let mut builder = PoolBuilder::new();
    opened.read_packages(&mut builder, Rpm.metadata(), &fetcher).expect("it reads");
    builder.build(Rpm.version_scheme(), &Rpm.architectures(arch)).expect("it fits")
}
