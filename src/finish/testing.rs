//! Shared parts of the module's tests: the tree of the real packages, and the digests of the
//! shipped tree.

use std::path::PathBuf;
use std::process::Command;

use crate::digest::{Algorithm, Digest};
use crate::package::Content;
use crate::tree::{Node, Tree, split};

/// Returns the path of the real data. Prints a message and returns `None` if the data is missing.
pub(super) fn data() -> Option<PathBuf> {
    let directory = PathBuf::from(std::env::var_os("ROOTSTRAP_DATA").unwrap_or_else(|| "../shared".into()));
    if directory.join("almalinux").is_dir() {
        return Some(directory);
    }
    println!("skipped: no real data");
    None
}

/// Skips a test whose peer program is missing, or fails if `ROOTSTRAP_PEERS=required`.
pub(super) fn without_peer(peer: &str) {
    assert!(std::env::var_os("ROOTSTRAP_PEERS").is_none_or(|value| value != "required"), "{peer} is required");
    println!("skipped: no {peer}");
}

/// Returns the unpacked packages of the micro image. It does not merge files like rpm does, which
/// matters little for these tests.
pub(super) fn micro_tree() -> Option<Tree> {
    let directory = data()?.join("almalinux/9/BaseOS/aarch64/os/Packages");
    let mut tree = Tree::new();
    // The directories and links that the Lua scriptlet of `filesystem` creates.
    for directory in ["/usr/bin", "/usr/sbin", "/usr/lib", "/usr/lib64"] {
        tree.create_directories(directory.as_bytes()).unwrap();
    }
    for name in ["bin", "sbin", "lib", "lib64"] {
        tree.insert(Tree::ROOT, name.as_bytes(), Node::symlink(format!("usr/{name}").as_bytes())).unwrap();
    }
    let mut packages: Vec<PathBuf> = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    packages.sort();
    for package in packages {
        let Ok(output) = Command::new("rpm2cpio").arg(&package).output() else {
            without_peer("rpm2cpio");
            return None;
        };
        unpack(&mut tree, &output.stdout);
    }
    Some(tree)
}

/// Unpacks a cpio archive (newc), as far as the tests need it.
fn unpack(tree: &mut Tree, mut archive: &[u8]) {
    while archive.len() > 110 {
        let field = |i: usize| usize::from_str_radix(std::str::from_utf8(&archive[6 + 8 * i..14 + 8 * i]).unwrap(), 16).unwrap();
        let (mode, size, name_size) = (field(1), field(6), field(11));
        let content_at = (110 + name_size).next_multiple_of(4);
        let path = [b"/", archive[110..110 + name_size - 1].strip_prefix(b"./").unwrap_or(b"TRAILER")].concat();
        let content = &archive[content_at..content_at + size];
        match mode & 0o170_000 {
            0o040_000 => {
                tree.create_directories(&path).unwrap();
            }
            0o120_000 if tree.lookup(&path).is_none() => {
                let (directory, name) = split(&path);
                let directory = tree.create_directories(directory).unwrap();
                tree.insert(directory, name, Node::symlink(content)).unwrap();
            }
            0o100_000 => {
                tree.write(&path, Content::from(content), (mode & 0o7777) as u16).unwrap();
            }
            _ => {}
        }
        archive = &archive[(content_at + size).next_multiple_of(4).min(archive.len())..];
    }
}

/// Returns `None` if the file in the tree is the shipped one, and both digests otherwise.
pub(super) fn shipped_digest(tree: &Tree, path: &str) -> Option<(String, String)> {
    let manifest = std::fs::read_to_string(data()?.join("almalinux/expected/9-micro-aarch64.manifest.tsv")).unwrap();
    let line = manifest.lines().find(|line| line.starts_with(&format!("{path}\t"))).unwrap();
    let expected = line.rsplit('\t').next().unwrap().to_owned();
    let found = Digest::of(Algorithm::Sha256, &tree.read(path.as_bytes()).unwrap().bytes().unwrap()).hex();
    (found != expected).then_some((found, expected))
}
