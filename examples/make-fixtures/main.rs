//! Makes `repo-fixtures/`: a small mirror in AlmaLinux's layout, signed by a test key, the same bytes each time.
//!
//! `cargo run --example make-fixtures [DIR]`; without DIR it rewrites the fixtures of the repository.
#![allow(missing_docs, unreachable_pub, reason = "a program for the developers of the crate")]

mod elf;
mod package;
mod repodata;
mod signing;
mod universe;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use signing::Signer;

const ARCHITECTURES: [&str; 2] = ["aarch64", "x86_64"];

fn main() -> io::Result<()> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("repo-fixtures");
    let out = std::env::args_os().nth(1).map_or_else(|| own.clone(), PathBuf::from);
    let signer = Signer::new(&fs::read_to_string(own.join("keys/rootstrap-fixtures.secret.asc"))?);
    for arch in ARCHITECTURES {
        for (repository, packages) in universe::repositories(arch) {
            let directory = out.join("9").join(repository).join(arch).join("os");
            let _ = fs::remove_dir_all(&directory);
            fs::create_dir_all(directory.join("Packages"))?;
            fs::create_dir_all(directory.join("repodata"))?;
            let mut indexed = Vec::new();
            for package in &packages {
                let (file, header, archive_size) = package::build(package, arch, &signer);
                fs::write(directory.join("Packages").join(package.file_name(arch)), &file)?;
                indexed.push(repodata::Indexed { package, file, header, archive_size });
            }
            for (name, content) in repodata::write(&indexed, arch) {
                fs::write(directory.join("repodata").join(name), content)?;
            }
        }
    }
    Ok(())
}
