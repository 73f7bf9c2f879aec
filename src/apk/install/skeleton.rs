//! The directories and devices that apk creates in a root before the first package (`apk add
//! --initdb`).

use crate::catalog::DatabaseBackend;
use crate::tree::{Metadata, Node, NodeKind, Tree, TreeError};

/// Devices that apk 2 creates for scripts: name, major and minor number, permissions.
const DEVICES: [(&[u8], u32, u32, u16); 5] = [
    (b"null", 1, 3, 0o666),
    (b"zero", 1, 5, 0o666),
    (b"random", 1, 8, 0o666),
    (b"urandom", 1, 9, 0o666),
    (b"console", 5, 1, 0o600),
];

/// Directories that apk 2 creates before it installs packages. They keep these permissions whatever
/// a package specifies.
const MOUNT_POINTS: [(&str, u16); 3] = [("tmp", 0o1777), ("dev", 0o755), ("proc", 0o555)];

/// Returns the permissions that apk itself gives to a directory. `path` has no leading slash.
pub(in crate::apk) fn permissions(path: &[u8]) -> Option<u16> {
    MOUNT_POINTS.iter().find(|(name, _)| name.as_bytes() == path).map(|(_, mode)| *mode)
}

/// Creates the directories and devices of a new root, like database.c (`apk_db_create`, and the
/// mount point of `proc` in `apk_db_open`).
pub(super) fn create(tree: &mut Tree, database: &str, backend: DatabaseBackend) -> Result<(), TreeError> {
    if backend == DatabaseBackend::Apk3 {
        // apk 3 creates the directory of the database when it writes the database, because `lib`
        // may be a link by then.
        return directory(tree, "var/cache/apk", 0o755);
    }
    for (path, mode) in MOUNT_POINTS {
        directory(tree, path, mode)?;
    }
    for path in ["etc/apk", "var/cache/apk", "var/cache/misc", database] {
        directory(tree, path, 0o755)?;
    }
    let dev = tree.create_directories(b"/dev")?;
    for (name, major, minor, mode) in DEVICES {
        if tree.child(dev, name).is_none() {
            tree.insert(dev, name, Node::new(NodeKind::CharacterDevice { major, minor }, mode))?;
        }
    }
    Ok(())
}

/// Creates a directory. An existing directory keeps its permissions.
fn directory(tree: &mut Tree, path: &str, mode: u16) -> Result<(), TreeError> {
    let path = format!("/{path}");
    if tree.resolve(path.as_bytes()).is_none() {
        let id = tree.create_directories(path.as_bytes())?;
        tree.node_mut(id).metadata = Metadata::root(mode);
    }
    Ok(())
}
