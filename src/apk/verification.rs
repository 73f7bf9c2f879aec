//! Comparison of a root's files with its packages, as `apk audit --check-permissions` does it.
//!
//! In: the records of the database, and the root as a tree. Out: the differences, in the order of
//! the database. The rules are those of apk's `app_audit.c`. The protected paths decide which files
//! count as configuration that a user may change.

use std::io;

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::database::{Acl, Record};
use super::install::{ProtectedPaths, skeleton};
use super::package::xattr_checksum;
use crate::digest::{Algorithm, Digest, Hasher};
use crate::ecosystem::{ChangedFile, FileChange};
use crate::package::{FileAspect, Owner};
use crate::tree::{Node, NodeKind, Tree};

/// Checks all files, and the directories that exist.
pub(super) fn verify(packages: &[Record], tree: &Tree) -> io::Result<Vec<ChangedFile>> {
    let protected = ProtectedPaths::of(tree);
    // Several packages may own a directory. Its permissions are correct if they match one of the
    // records.
    let mut directories: FxHashMap<&[u8], Vec<&Acl>> = FxHashMap::default();
    for directory in packages.iter().flat_map(|package| &package.directories) {
        directories.entry(&directory.path).or_default().push(&directory.acl);
    }
    let of_package = |package: &Record| -> io::Result<Vec<ChangedFile>> {
        let mut changed = Vec::new();
        for directory in &package.directories {
            let config = protected.protects(&directory.path);
            let mut found = |path: Vec<u8>, change: Option<FileChange>| {
                if let Some(change) = change {
                    changed.push(ChangedFile { package: package.id(), path: path.into(), config, change });
                }
            };
            let own = [b"/", &directory.path[..]].concat();
            // A missing directory is reported through its missing files (app_audit.c,
            // `audit_missing_files`).
            let node = tree.lookup(&own).map(|id| tree.node(id)).filter(|node| node.is_directory());
            if !directory.path.is_empty()
                && let Some(node) = node
            {
                let acls = directories.get(&*directory.path).map(Vec::as_slice).unwrap_or_default();
                let is_told = acls.first().is_some_and(|first| std::ptr::eq(*first, &raw const directory.acl));
                let is_own = skeleton::permissions(&directory.path).is_some_and(|mode| is_of_root(node, mode));
                if is_told && !is_own && acls.iter().all(|acl| permissions(acl, node).is_some()) {
                    found(own.clone(), permissions(&directory.acl, node));
                }
            }
            for file in &directory.files {
                let path = [&own[..], if directory.path.is_empty() { b"" } else { b"/" }, &file.name].concat();
                let Some(node) = tree.lookup(&path).map(|id| tree.node(id)) else {
                    found(path, Some(FileChange::Missing));
                    continue;
                };
                let change = file_change(file.checksum.as_ref(), &file.acl, package, node)?;
                found(path, change);
            }
        }
        Ok(changed)
    };
    let changed: Vec<Vec<ChangedFile>> = packages.par_iter().map(of_package).collect::<io::Result<_>>()?;
    Ok(changed.into_iter().flatten().collect())
}

/// Returns the first difference only: content before extended attributes before permissions.
fn file_change(expected: Option<&Digest>, acl: &Acl, package: &Record, node: &Node) -> io::Result<Option<FileChange>> {
    let changed = |aspect| Ok(Some(FileChange::Changed(vec![aspect])));
    let is_link = matches!(node.kind, NodeKind::Symlink(_));
    match (&node.kind, expected) {
        // apk expects a file and finds none (app_audit.c, `audit_missing_files`).
        (NodeKind::Directory(_), _) => return Ok(Some(FileChange::Missing)),
        (NodeKind::Symlink(_), None) => return changed(FileAspect::Target),
        (NodeKind::Symlink(target), Some(expected)) if Digest::of(expected.algorithm(), target) != *expected => {
            return changed(FileAspect::Target);
        }
        (NodeKind::File(content), Some(expected)) => {
            let mut hasher = Hasher::new(expected.algorithm());
            match content.write_to(&mut hasher) {
                Err(error) if error.kind() != io::ErrorKind::PermissionDenied => return Err(error),
                Ok(()) if hasher.finish() == *expected => {}
                _ => return changed(FileAspect::Content),
            }
        }
        // A node of another type took the place of the file.
        (kind, Some(_)) if !matches!(kind, NodeKind::Symlink(_) | NodeKind::File(_)) => return changed(FileAspect::Content),
        _ => {}
    }
    if !is_link && !package.broken.contains('x') {
        let algorithm = acl.xattrs.as_ref().map_or(Algorithm::Sha1, Digest::algorithm);
        if xattr_checksum(&node.metadata.xattrs, algorithm) != acl.xattrs {
            return changed(FileAspect::Capabilities);
        }
    }
    Ok(permissions(acl, node))
}

fn is_of_root(node: &Node, mode: u16) -> bool {
    let metadata = &node.metadata;
    metadata.mode & 0o7777 == mode && metadata.user == Owner::ROOT && metadata.group == Owner::ROOT
}

fn permissions(acl: &Acl, node: &Node) -> Option<FileChange> {
    let number = |owner: &Owner| match owner {
        Owner::Id(id) => Some(*id),
        Owner::Name(_) => None,
    };
    let metadata = &node.metadata;
    let mut aspects = Vec::new();
    if metadata.mode & 0o7777 != acl.mode & 0o7777 {
        aspects.push(FileAspect::Mode);
    }
    if number(&metadata.user) != Some(acl.uid) {
        aspects.push(FileAspect::User);
    }
    if number(&metadata.group) != Some(acl.gid) {
        aspects.push(FileAspect::Group);
    }
    (!aspects.is_empty()).then_some(FileChange::Changed(aspects))
}
