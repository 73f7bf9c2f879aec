//! Each module on real data if available, else on `repo-fixtures`: parsing, pool, solving,
//! unpacking, and a whole bootstrap.

use std::hint::black_box;
use std::path::{Path, PathBuf};

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use rootstrap::bootstrap::{self, BuildOptions, Request, Tools};
use rootstrap::cancel::Cancel;
use rootstrap::catalog::{Catalog, Key, Langs};
use rootstrap::ecosystem::{Ask, Ecosystem, FileOptions, ModuleOptions, Operation, Trust};
use rootstrap::fetch::{FetchOptions, Fetcher, Location};
use rootstrap::output::Ownership;
use rootstrap::package::{Content, Spool};
use rootstrap::pool::PoolBuilder;
use rootstrap::pool::Solvable;
use rootstrap::repo::{self, Repository};
use rootstrap::reporter::Silent;
use rootstrap::rpm::Rpm;
use rootstrap::rpm::selection::install_jobs;
use rootstrap::rpm::spec::Among;
use rootstrap::solver::{Request as SolverRequest, Solver};

fn data() -> PathBuf {
    std::env::var_os("ROOTSTRAP_DATA").map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from)
}

/// Returns a mirror in AlmaLinux's layout and the key of its packages: the real one, or the
/// fixtures.
fn mirror() -> (PathBuf, PathBuf) {
    let real = data().join("almalinux");
    if real.join("9").is_dir() {
        return (real.clone(), real.join("keys/rootstrap-test.asc"));
    }
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("repo-fixtures");
    (own.clone(), own.join("keys/rootstrap-fixtures.asc"))
}

fn fetcher(cache: &Path) -> Fetcher {
    Fetcher::new(FetchOptions::new(cache))
}

fn repository(name: &str, directory: &Path) -> Repository {
    Repository::new(name, Location::parse(&directory.to_string_lossy()).expect("a directory"))
}

/// Returns the repositories of a whole distribution, or those of the mirror.
fn large() -> Vec<Repository> {
    let directory = data().join("repodata");
    if directory.is_dir() {
        return ["cs9-appstream", "cs9-baseos"].map(|name| repository(name, &directory.join(name))).into();
    }
    let (mirror, _) = mirror();
    ["BaseOS", "AppStream"].map(|name| repository(name, &mirror.join("9").join(name).join("aarch64/os"))).into()
}

/// Reads the packages of repositories, before the pool is built.
fn packages(repositories: &[Repository], fetcher: &Fetcher) -> PoolBuilder {
    let opened = repo::open(repositories, Rpm.metadata(), &|_, _| Ok(()), fetcher).expect("it opens");
    let mut builder = PoolBuilder::new();
    opened.read_packages(&mut builder, Rpm.metadata(), fetcher).expect("it reads");
    builder
}

fn metadata(c: &mut Criterion) {
    let cache = tempfile::tempdir().expect("a temporary directory");
    let (fetcher, repositories) = (fetcher(cache.path()), large());
    let mut group = c.benchmark_group("metadata");
    group.sample_size(10);
    group.bench_function("parse", |b| {
        b.iter(|| black_box(packages(&repositories, &fetcher)));
    });
    group.bench_function("pool", |b| {
        b.iter_batched(
            || packages(&repositories, &fetcher),
            |builder| black_box(builder.build(Rpm.version_scheme(), &Rpm.architectures("x86_64")).expect("it fits")),
            BatchSize::PerIteration,
        );
    });
    let builder = packages(&repositories, &fetcher);
    let pool = builder.build(Rpm.version_scheme(), &Rpm.architectures("x86_64")).expect("it fits");
    let mut names: Vec<&str> = pool.solvables().map(Solvable::name).collect();
    names.sort_unstable();
    names.dedup();
    let requests: Vec<SolverRequest> =
        names.iter().map(|name| SolverRequest::new(install_jobs(&pool, name, Among::default(), false))).collect();
    let mut solver = Solver::new(&pool);
    group.bench_function(format!("solve each of {} names", names.len()), |b| {
        b.iter(|| requests.iter().filter(|request| black_box(solver.solve(request)).is_ok()).count());
    });
    group.finish();
}

fn unpack(c: &mut Criterion) {
    let (mirror, key) = mirror();
    let directory = mirror.join("9/BaseOS/aarch64/os/Packages");
    let files: Vec<Content> = std::fs::read_dir(directory)
        .expect("a mirror")
        .filter_map(|entry| Some(Content::from(std::fs::read(entry.ok()?.path()).ok()?)))
        .collect();
    let key = Key { name: "key".into(), data: std::fs::read(key).expect("a key").into() };
    let keyring = Rpm.keyring(&[key], &rootstrap::catalog::SignaturePolicy::default()).expect("a keyring");
    let options = FileOptions { docs: false, langs: Langs::Only(vec!["C.utf8".into()]) };
    let temporary = std::env::temp_dir();
    c.bench_function("verify and unpack, one thread", |b| {
        b.iter(|| {
            let spool = Spool::new(1 << 30, &temporary);
            for file in &files {
                black_box(Rpm.open(file, None, Trust::Keys(&keyring), &options, &spool).expect("it is whole"));
            }
        });
    });
}

fn whole(c: &mut Criterion) {
    let (mirror, key) = mirror();
    let work = tempfile::tempdir().expect("a temporary directory");
    let fetcher = fetcher(&work.path().join("cache"));
    let image = Catalog::builtin().find("almalinux", "9", "micro", "aarch64").expect("in the catalog");
    let base = |layout: &str| Location::parse(&mirror.join(layout).to_string_lossy()).expect("a directory");
    let request = Request {
        arch: image.arch.name.clone(),
        repositories: image
            .repositories
            .iter()
            .map(|repository| Repository::new(&repository.id, base(&repository.layout)))
            .collect(),
        keys: vec![Key { name: "key".into(), data: std::fs::read(key).expect("a key").into() }],
        signatures: rootstrap::catalog::SignaturePolicy::default(),
        allow_unsigned: false,
        installed: None,
        ask: Ask {
            operation: Operation::Fill(image.install.clone()),
            exclude: Vec::new(),
            filters: Vec::new(),
            pins: std::collections::BTreeMap::new(),
            modules: ModuleOptions::default(),
        },
        paths: Vec::new(),
        texts: false,
        locked: None,
        keep: Vec::new(),
        accept_repo_keys: false,
        notes: Vec::new(),
    };
    let build = BuildOptions {
        arch: image.arch,
        finishing: image.finishing,
        database: Some(image.database),
        epoch: Some(1_700_000_000),
        ownership: Ownership::detect(),
        scriptlets: None,
    };
    let mut number = 0;
    let mut group = c.benchmark_group("bootstrap");
    group.sample_size(20);
    group.bench_function("almalinux 9 micro aarch64", |b| {
        b.iter(|| {
            number += 1;
            let spool = Spool::new(1 << 30, work.path());
            let tools = Tools { fetcher: &fetcher, spool: &spool, reporter: &Silent, cancel: &Cancel::new() };
            let out = work.path().join(format!("out-{number}"));
            black_box(bootstrap::bootstrap(&Rpm, &request, &build, &out, &tools).expect("it can be made"))
        });
    });
    group.finish();
}

criterion_group!(benches, metadata, unpack, whole);
criterion_main!(benches);
