//! Tells the program what its kept pools depend on: a fingerprint of the sources that decide what stands in one. A pool that was
//! kept by any other version is then never read, without anyone having to think of a number.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The rooms whose sources make pools of metadata.
const ROOMS: [&str; 6] = ["src/pool", "src/repo", "src/rpm", "src/apk", "src/fetch/location.rs", "Cargo.lock"];

fn main() -> io::Result<()> {
    let mut files = Vec::new();
    for room in ROOMS {
        println!("cargo::rerun-if-changed={room}");
        collect(Path::new(room), &mut files)?;
    }
    files.sort();
    let mut fingerprint = Fnv::default();
    for file in files {
        fingerprint.add(file.to_string_lossy().as_bytes());
        let mut bytes = Vec::new();
        fs::File::open(&file)?.read_to_end(&mut bytes)?;
        fingerprint.add(&bytes);
    }
    println!("cargo::rustc-env=ROOTSTRAP_POOL_FINGERPRINT={:016x}", fingerprint.0);
    Ok(())
}

fn collect(place: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    if place.is_dir() {
        for entry in fs::read_dir(place)? {
            collect(&entry?.path(), files)?;
        }
    } else if place.is_file() {
        files.push(place.to_owned());
    }
    Ok(())
}

/// FNV-1a: no more is needed to tell versions apart.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    fn add(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        }
    }
}
