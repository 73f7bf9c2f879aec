//! Tests that `repo-fixtures/` equals the output of its sources, byte for byte.

#![allow(clippy::unwrap_used, missing_docs, unreachable_pub, reason = "a test, and the modules of an example")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

#[path = "../examples/make-fixtures/alpine.rs"]
mod alpine;
#[path = "../examples/make-fixtures/apk.rs"]
mod apk;
#[path = "../examples/make-fixtures/elf.rs"]
mod elf;
#[path = "../examples/make-fixtures/mirror.rs"]
mod mirror;
#[path = "../examples/make-fixtures/package.rs"]
mod package;
#[path = "../examples/make-fixtures/repodata.rs"]
mod repodata;
#[path = "../examples/make-fixtures/signing.rs"]
mod signing;
#[path = "../examples/make-fixtures/universe.rs"]
mod universe;

/// Returns every file below a directory, by its path.
fn files(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if entry.file_type().unwrap().is_dir() {
                directories.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                found.insert(name, fs::read(path).unwrap());
            }
        }
    }
    found
}

#[test]
fn are_what_the_example_makes() {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("repo-fixtures");
    let key = |name: &str| fs::read_to_string(own.join("keys").join(name)).unwrap();
    let made = tempfile::tempdir().unwrap();
    mirror::write(made.path(), &key("rootstrap-fixtures.secret.asc")).unwrap();
    alpine::write(made.path(), &key("rootstrap-fixtures.secret.rsa"), &key(alpine::KEY)).unwrap();
    for release in ["9", "v3.20"] {
        let (committed, made) = (files(&own.join(release)), files(&made.path().join(release)));
        assert_eq!(committed.keys().collect::<Vec<_>>(), made.keys().collect::<Vec<_>>());
        let changed: Vec<&String> =
            committed.iter().filter(|(name, bytes)| made[*name] != **bytes).map(|(name, _)| name).collect();
        assert!(changed.is_empty(), "run `cargo run --example make-fixtures`, and look at what changed: {changed:?}");
    }
}
