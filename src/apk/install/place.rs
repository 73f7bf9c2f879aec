//! Paths in the notation of apk's database, and checksums of nodes.

use crate::digest::{Algorithm, Digest, Hasher};
use crate::tree::{Node, NodeKind, TreeError};

/// Splits a path, which has no leading or trailing slash, into directory (empty for the root) and
/// last name.
pub(super) fn split(path: &[u8]) -> (&[u8], &[u8]) {
    path.iter().rposition(|&c| c == b'/').map_or((b"", path), |i| (&path[..i], &path[i + 1..]))
}

/// Returns the path of a name in a directory.
pub(super) fn join(directory: &[u8], name: &[u8]) -> Box<[u8]> {
    if directory.is_empty() { name.into() } else { [directory, b"/", name].concat().into() }
}

/// Returns the checksum that the database stores for a node: of the content of a file, or of the
/// target of a link.
pub(super) fn checksum(node: &Node) -> Result<Option<Digest>, TreeError> {
    checksum_of(node, Algorithm::Sha1)
}

/// Returns the same checksum with another algorithm.
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
