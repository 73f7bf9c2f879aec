//! Paths as apk's database has them, and checksums of what lies at them.

use crate::digest::{Algorithm, Digest, Hasher};
use crate::tree::{Node, NodeKind, TreeError};

/// A path's directory (empty for the root) and last name; without slashes at the ends.
pub(super) fn split(path: &[u8]) -> (&[u8], &[u8]) {
    path.iter().rposition(|&c| c == b'/').map_or((b"", path), |i| (&path[..i], &path[i + 1..]))
}

/// The path of a name in a directory.
pub(super) fn join(directory: &[u8], name: &[u8]) -> Box<[u8]> {
    if directory.is_empty() { name.into() } else { [directory, b"/", name].concat().into() }
}

/// The checksum that the database has of such a node: over a file's content, or a link's target.
pub(super) fn checksum(node: &Node) -> Result<Option<Digest>, TreeError> {
    checksum_of(node, Algorithm::Sha1)
}

/// The same with another algorithm.
pub(super) fn checksum_of(node: &Node, algorithm: Algorithm) -> Result<Option<Digest>, TreeError> {
    if let Some(digest) = node.digest.as_ref().filter(|digest| digest.algorithm() == algorithm) {
        return Ok(Some(digest.clone()));
    }
    match &node.kind {
        NodeKind::File(content) => {
            let mut hasher = Hasher::new(algorithm);
            content.write_to(&mut hasher).map_err(|error| TreeError::Unreadable("a protected file".into(), error.to_string()))?;
            Ok(Some(hasher.finish()))
        }
        NodeKind::Symlink(target) => Ok(Some(Digest::of(algorithm, target))),
        _ => Ok(None),
    }
}
