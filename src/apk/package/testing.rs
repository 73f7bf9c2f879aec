//! Packages for tests, built by the fixture generator and signed with its key.
#![allow(missing_docs, unreachable_pub, dead_code, reason = "the modules of an example")]

use std::path::PathBuf;

#[path = "../../../examples/make-fixtures/apk.rs"]
pub mod apk;

pub use apk::{Apk, Hash, Member, Signer, Streams, What};

use super::{Indexed, Package, PackageError, Trust};
use crate::apk::signature::Keyring;
use crate::package::{Content, Spool};

pub const KEY_NAME: &str = "rootstrap-fixtures.rsa.pub";
pub const PUBLIC_KEY: &[u8] = include_bytes!("../../../repo-fixtures/keys/rootstrap-fixtures.rsa.pub");
const SECRET_KEY: &str = include_str!("../../../repo-fixtures/keys/rootstrap-fixtures.secret.rsa");

pub fn signer() -> Signer {
    Signer::new(KEY_NAME, SECRET_KEY)
}

pub fn keyring() -> Keyring {
    let mut keyring = Keyring::new();
    keyring.add(KEY_NAME, PUBLIC_KEY).unwrap();
    keyring
}

pub fn spool() -> Spool {
    Spool::new(1 << 20, &std::env::temp_dir())
}

/// Opens a package with the test key.
pub fn open(bytes: &[u8]) -> Result<Package, PackageError> {
    Package::open(&Content::from(bytes), Trust::Keys(&keyring()), &Indexed::default(), &spool())
}

/// Builds and opens a package.
pub fn package(apk: &Apk) -> Package {
    open(&apk.build(&signer(), Hash::Sha1).bytes()).unwrap()
}

/// Returns the directory with real Alpine data. Prints a message and returns `None` if it is
/// missing.
pub fn data() -> Option<PathBuf> {
    let directory = PathBuf::from(std::env::var_os("ROOTSTRAP_DATA").unwrap_or_else(|| "../shared".into()));
    if directory.join("alpine").is_dir() {
        return Some(directory.join("alpine"));
    }
    println!("skipped: no real data");
    None
}

/// Opens real packages of an architecture with their own key, in this order.
pub fn real_packages(arch: &str, order: &[&str]) -> Option<Vec<Package>> {
    let data = data()?;
    let mut keyring = Keyring::new();
    keyring.add("rootstrap-test.rsa.pub", &std::fs::read(data.join("keys/rootstrap-test.rsa.pub")).unwrap()).unwrap();
    let open = |name: &&str| {
        let file = std::fs::File::open(data.join(format!("v3.20/main/{arch}/{name}.apk"))).unwrap();
        let content = Content::from_file(file).unwrap();
        Package::open(&content, Trust::Keys(&keyring), &Indexed::default(), &spool()).unwrap()
    };
    Some(order.iter().map(open).collect())
}
