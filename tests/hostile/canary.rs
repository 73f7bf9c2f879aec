//! A directory beside OUT that no package may change.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Properties of a path: inode, mode, owner, group, links, size, times, and content.
type Facts = (u64, u32, u32, u32, u64, u64, (i64, i64), (i64, i64), Vec<u8>);

pub(crate) struct Canary {
    directory: PathBuf,
    before: BTreeMap<PathBuf, Facts>,
}

impl Canary {
    /// Creates the directory in `beside`, the parent of OUT, and records its state and that of its
    /// neighbors.
    pub(crate) fn new(beside: &Path) -> Self {
        let directory = beside.join("canary");
        fs::create_dir(&directory).unwrap();
        fs::write(directory.join("kept"), b"kept").unwrap();
        fs::create_dir(directory.join("within")).unwrap();
        fs::write(directory.join("within/secret"), b"secret").unwrap();
        std::os::unix::fs::symlink("kept", directory.join("link")).unwrap();
        let before = look(&directory);
        Self { directory, before }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.directory
    }

    /// Returns the change since then, if there is one.
    pub(crate) fn harm(&self) -> Option<String> {
        let now = look(&self.directory);
        (now != self.before).then(|| format!("the canary was {:?}, is {:?}", self.before, now))
    }

    /// Returns the inodes of its files, to which no file in OUT may be a hard link.
    pub(crate) fn inodes(&self) -> Vec<u64> {
        self.before.values().map(|facts| facts.0).collect()
    }
}

fn look(directory: &Path) -> BTreeMap<PathBuf, Facts> {
    let mut found = BTreeMap::new();
    let mut pending = vec![directory.to_owned()];
    while let Some(path) = pending.pop() {
        let metadata = fs::symlink_metadata(&path).unwrap();
        let mut content = Vec::new();
        if metadata.is_dir() {
            pending.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if metadata.is_symlink() {
            content = fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes();
        } else if metadata.is_file() {
            content = fs::read(&path).unwrap();
        }
        let facts = (
            metadata.ino(),
            metadata.mode(),
            metadata.uid(),
            metadata.gid(),
            metadata.nlink(),
            metadata.size(),
            (metadata.mtime(), metadata.mtime_nsec()),
            (metadata.ctime(), metadata.ctime_nsec()),
            content,
        );
        found.insert(path, facts);
    }
    found
}
