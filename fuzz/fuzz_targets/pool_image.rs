//! A pool image with a valid checksum. After the checks of its structure nothing may panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rootstrap::pool::{Kind, Op, Pool};
use rootstrap::rpm::{architecture, universe};
use rootstrap_fuzz::image;
use xxhash_rust::xxh3::xxh3_64_with_seed;

const UNIVERSE: &str = "repo base priority=5
bash 5.1-6 x86_64 provides /bin/sh, sh = 5 requires libc >= 2, (a if b else c) files /bin/bash, /etc/skel
glibc 2.34-1 x86_64 provides libc = 2.34 recommends langpack supplements bash
glibc 2.34-2 i686 provides libc = 2.35 conflicts old < 1 obsoletes older
repo more
langpack 1-1 noarch suggests bash enhances (glibc and bash) prerequires /bin/sh
older 1-1 noarch conflicts bash
";

fn checksum(bytes: &[u8], seed: u64) -> u64 {
    let pieces: Vec<u8> = bytes.chunks(1 << 20).flat_map(|piece| xxh3_64_with_seed(piece, seed).to_ne_bytes()).collect();
    xxh3_64_with_seed(&pieces, bytes.len() as u64)
}

// Six bytes of the input change one 32-bit half of a word: two give the place, four the value.
fuzz_target!(|data: &[u8]| {
    let Ok(whole) = universe::parse(UNIVERSE, &architecture::compatible("x86_64")) else { return };
    let mut bytes = whole.image().bytes().to_vec();
    for change in data.chunks_exact(6) {
        let place = usize::from(u16::from_le_bytes([change[0], change[1]])) % ((bytes.len() - 24) / 4) * 4;
        bytes[place..place + 4].copy_from_slice(&change[2..]);
    }
    // The last three words are the checksum, its seed and the magic number.
    let checked = bytes.len() - 24;
    let (checked, foot) = bytes.split_at_mut(checked);
    let seed = u64::from_ne_bytes(foot[8..16].try_into().unwrap());
    foot[..8].copy_from_slice(&checksum(checked, seed).to_ne_bytes());
    if let Ok(pool) = Pool::from_image(image(&bytes)) {
        read(&pool);
    }
});

/// Reads every property of a pool.
fn read(pool: &Pool) {
    for package in pool.solvables() {
        let _ = (package.name(), package.version(), package.arch(), package.location(), package.vendor(), package.source());
        let _ = (package.license(), package.checksum(), package.size(), package.installed_size(), package.build_time());
        let _ = (package.version_rank(), package.arch_rank(), package.takes_part(), package.is_multiarch(), package.repo());
        let _ = (package.repo_tag(), package.repo_name(), package.is_installed(), package.provider_priority());
        for kind in Kind::ALL {
            for &dependency in package.dependencies(kind) {
                let _ = (pool.display(dependency), pool.candidates(dependency), pool.obsoleted(dependency));
                let _ = (pool.provided_rank(dependency), pool.is_complex(dependency), pool.met_by_system(dependency));
                for &candidate in pool.candidates(dependency) {
                    let _ = pool.solvable(candidate).name();
                }
            }
        }
        let _ = package.requires().len();
        for &path in package.files() {
            let _ = pool.text(path);
        }
        let others = pool.rivals(package.id()).iter().chain(pool.supplemented_by(package.id()));
        for &other in others.chain(pool.named(package.name_id())) {
            let _ = pool.solvable(other).version();
        }
    }
    for (id, text) in pool.strings() {
        let _ = (pool.find(text), pool.named(id).len());
        for (package, by) in pool.providers(id) {
            let _ = (pool.solvable(package).name(), by.map(|by| pool.display(by)));
        }
    }
    for (_, repo) in pool.repos() {
        let _ = (pool.text(repo.name), repo.tag.map(|tag| pool.text(tag)));
    }
    let all = pool.supplementing().iter().chain(pool.complex_supplements());
    for &package in all {
        let _ = pool.solvable(package).name();
    }
    let _ = (pool.installed_solvables().count(), pool.find_dependency("sh", Op::EQUAL, "5"));
    for path in pool.lacked_paths(|_| true) {
        let _ = pool.text(path);
    }
}
