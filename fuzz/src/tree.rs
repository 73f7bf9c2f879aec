//! Checks of a tree that was read from untrusted bytes.

use rootstrap::cancel::Cancel;
use rootstrap::output::oci::read_archive;
use rootstrap::output::{ArchiveFile, Packing, Times, differences};
use rootstrap::reporter::Silent;
use rootstrap::tree::Tree;

use crate::{file, spool};

/// Checks that no path leads out of a tree, and that the tree survives writing to an archive and
/// reading.
pub fn check_tree(tree: &Tree) {
    let mut paths = 0;
    tree.walk(|path, id| {
        assert!(path.split(|&c| c == b'/').all(|part| !matches!(part, b"" | b"." | b"..") && !part.contains(&0)), "{path:?}");
        assert_eq!(tree.lookup(path), Some(id), "{path:?}");
        paths += 1;
    });
    if paths > 1000 {
        return;
    }
    let out = file("again.tar", b"");
    std::fs::remove_file(&out).expect("a file of ours");
    let times = Times { epoch: 0, clamp: false };
    let written = ArchiveFile::prepare(&out).and_then(|file| file.write(tree, times, Packing::NONE, &Silent, &Cancel::new()));
    if let Ok(written) = written {
        let again = read_archive(&out, &spool()).expect("an archive of ours");
        if written.not_applied.is_empty() {
            let differences = differences(tree, &again, times).expect("contents in memory");
            assert!(differences.is_empty(), "{differences:?}");
        }
    }
}
