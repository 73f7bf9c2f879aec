//! Writing a finished tree: with the paths, sizes and modes of a real image if the real data is
//! available, else a synthetic tree of similar shape.

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use rootstrap::cancel::Cancel;
use rootstrap::output::{Directory, Ownership, WriteOptions};
use rootstrap::package::Content;
use rootstrap::reporter::Silent;
use rootstrap::tree::{Node, Tree};

/// Builds the tree of a manifest (path, type, mode, uid, gid, size, digest), with content of the
/// right sizes.
fn of_manifest(text: &str) -> Tree {
    let mut tree = Tree::new();
    for line in text.lines() {
        let columns: Vec<&str> = line.split('\t').collect();
        let &[path, kind, mode, _, _, size, target] = columns.as_slice() else { continue };
        let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
        let Ok(parent) = tree.create_directories(directory.as_bytes()) else { continue };
        let mode = u16::from_str_radix(mode, 8).unwrap_or(0o644);
        let node = match kind {
            "d" => Node::directory(mode),
            "l" => Node::symlink(target.as_bytes()),
            _ => Node::file(Content::from(vec![b'x'; size.parse().unwrap_or(0)]), mode),
        };
        let _ = tree.insert(parent, name.as_bytes(), node);
    }
    tree
}

fn made_up() -> Tree {
    let mut text = String::new();
    for directory in 0..240u32 {
        use std::fmt::Write as _;
        let _ = writeln!(text, "usr/d{directory}\td\t0755\t0\t0\t0\t-");
        for file in 0..6 {
            let size = 1usize << ((directory * 7 + file * 5) % 18);
            let _ = writeln!(text, "usr/d{directory}/f{file}\tf\t0644\t0\t0\t{size}\t-");
        }
    }
    of_manifest(&text)
}

fn write(tree: &Tree, out: &Path) {
    let options = WriteOptions { ownership: Ownership::detect(), epoch: 0, jobs: None, sync: false };
    let written = Directory::prepare(out).and_then(|directory| directory.write(tree, &options, &Silent, &Cancel::new()));
    black_box(written.expect("the tree is written"));
}

fn bench(criterion: &mut Criterion) {
    let data = std::env::var_os("ROOTSTRAP_DATA").map_or_else(|| PathBuf::from("../shared"), PathBuf::from);
    let manifest = std::fs::read_to_string(data.join("almalinux/expected/9-micro-aarch64.manifest.tsv"));
    let (name, tree) = match manifest {
        Ok(text) => ("almalinux 9 micro", of_manifest(&text)),
        Err(_) => ("made up", made_up()),
    };
    let mut names = 0;
    tree.walk(|_, _| names += 1);
    let place = tempfile::tempdir().expect("a temporary directory");
    let mut group = criterion.benchmark_group("write");
    group.throughput(Throughput::Elements(names));
    group.sample_size(20).sampling_mode(SamplingMode::Flat).warm_up_time(Duration::from_millis(200));
    // The output stays until the end. Removing it in between would slow down the next run (journal,
    // discards).
    let mut run = 0;
    group.measurement_time(Duration::from_secs(1));
    group.bench_function(name, |bencher| {
        bencher.iter_custom(|iterations| {
            (0..iterations)
                .map(|_| {
                    run += 1;
                    let out = place.path().join(run.to_string());
                    let began = Instant::now();
                    write(&tree, &out);
                    began.elapsed()
                })
                .sum()
        });
    });
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
