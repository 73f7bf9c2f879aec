//! Generates `repo-fixtures/`: small mirrors in the layouts of AlmaLinux and Alpine, signed with
//! test keys. The output is reproducible.
//!
//! `cargo run --example make-fixtures [DIR]`; without DIR it rewrites the fixtures of the
//! repository.
#![allow(missing_docs, unreachable_pub, reason = "a program for the developers of the crate")]

mod alpine;
mod apk;
mod elf;
mod mirror;
mod package;
mod repodata;
mod signing;
mod universe;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

fn main() -> io::Result<()> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("repo-fixtures");
    let out = std::env::args_os().nth(1).map_or_else(|| own.clone(), PathBuf::from);
    let key = |name: &str| fs::read_to_string(own.join("keys").join(name));
    mirror::write(&out, &key("rootstrap-fixtures.secret.asc")?)?;
    alpine::write(&out, &key("rootstrap-fixtures.secret.rsa")?, &key(alpine::KEY)?)
}
