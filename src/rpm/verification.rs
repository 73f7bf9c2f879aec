//! Verification of a root's files against its packages, as in `rpm -V`.
//!
//! Input: the files in the database, and the root as a tree. Output: the differences, in the order
//! of the packages. The rules are those of rpm's `lib/verify.c` (`rpmfilesVerify`).

use std::io;

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::capabilities;
use crate::digest::Hasher;
use crate::ecosystem::{ChangedFile, FileChange};
use crate::package::{Fate, FileAspect, FileFacts, FileFlag, Owner, PackageFacts};
use crate::tree::{Node, NodeKind, Tree};

/// Bits of a mode that contain the file type.
const KIND: u16 = 0o170_000;
const CAPABILITY: &[u8] = b"security.capability";

/// Compares all files.
pub(super) fn verify(packages: &[PackageFacts], tree: &Tree) -> io::Result<Vec<ChangedFile>> {
    let (users, groups) = (names(tree, b"/etc/passwd"), names(tree, b"/etc/group"));
    let root = Root { tree, users, groups };
    let of_package = |package: &PackageFacts| -> io::Result<Vec<ChangedFile>> {
        let mut changed = Vec::new();
        for file in &package.files {
            if let Some(change) = root.change(file)? {
                let config = file.flags.contains(&FileFlag::Config);
                changed.push(ChangedFile { package: package.id.clone(), path: file.path.clone(), config, change });
            }
        }
        Ok(changed)
    };
    let changed: Vec<Vec<ChangedFile>> = packages.par_iter().map(of_package).collect::<io::Result<_>>()?;
    Ok(changed.into_iter().flatten().collect())
}

/// Returns the names of the ids in `passwd` or `group`. Of two lines with the same id, the first
/// counts.
fn names(tree: &Tree, path: &[u8]) -> FxHashMap<u32, String> {
    let mut names = FxHashMap::default();
    for line in tree.read_text(path).lines() {
        let mut fields = line.split(':');
        if let (Some(name), Some(_), Some(Ok(number))) = (fields.next(), fields.next(), fields.next().map(str::parse)) {
            names.entry(number).or_insert_with(|| name.to_owned());
        }
    }
    names
}

struct Root<'a> {
    tree: &'a Tree,
    users: FxHashMap<u32, String>,
    groups: FxHashMap<u32, String>,
}

impl Root<'_> {
    fn change(&self, file: &FileFacts) -> io::Result<Option<FileChange>> {
        // The file was not installed on purpose.
        if file.fate == Some(Fate::LeftOut) {
            return Ok(None);
        }
        let is = |flag| file.flags.contains(&flag);
        let is_ghost = is(FileFlag::Ghost);
        let Some(node) = self.node(file) else {
            let may_lack = is_ghost || is(FileFlag::MissingOk);
            return Ok((!may_lack).then_some(FileChange::Missing));
        };
        // If a file of another package replaced it, the path only has to exist.
        if file.fate == Some(Fate::Replaced) {
            return Ok(None);
        }
        let is_regular = matches!(node.kind, NodeKind::File(_));
        let is_link = matches!(node.kind, NodeKind::Symlink(_));
        let looked_at = |aspect: &FileAspect| {
            use FileAspect::{Capabilities, Content, Mode, Mtime, Size, Target};
            let by_kind = match aspect {
                // Links have no mode, and other files no target.
                Mode => !is_link,
                Target => is_link,
                Content | Size | Mtime | Capabilities => is_regular,
                _ => true,
            };
            by_kind && !file.unverified.contains(aspect) && !(is_ghost && matches!(aspect, Content | Size | Mtime | Target))
        };
        let mut aspects = Vec::new();
        for aspect in ASPECTS.into_iter().filter(looked_at) {
            if !self.is_same(aspect, file, node, is_ghost)? {
                aspects.push(aspect);
            }
        }
        Ok((!aspects.is_empty()).then_some(FileChange::Changed(aspects)))
    }

    /// Returns the node at the path. A link to a directory stands for one if root, or the owner of
    /// the directory, made it.
    fn node(&self, file: &FileFacts) -> Option<&Node> {
        let found = self.tree.node(self.tree.lookup(&file.path)?);
        if file.mode & KIND == 0o040_000 && matches!(found.kind, NodeKind::Symlink(_)) {
            let led = self.tree.resolve(&file.path).map(|id| self.tree.node(id)).filter(|node| node.is_directory());
            let owner = &found.metadata.user;
            return Some(led.filter(|led| *owner == Owner::ROOT || *owner == led.metadata.user).unwrap_or(found));
        }
        Some(found)
    }

    fn is_same(&self, aspect: FileAspect, file: &FileFacts, node: &Node, is_ghost: bool) -> io::Result<bool> {
        let name = |owner: &Owner, names: &FxHashMap<u32, String>| match owner {
            Owner::Id(0) => Some("root".to_owned()),
            Owner::Id(id) => names.get(id).cloned(),
            Owner::Name(name) => Some(name.to_string()),
        };
        Ok(match aspect {
            FileAspect::Size => node.content().is_none_or(|content| file.size == Some(content.len())),
            FileAspect::Mode => {
                let kind = if is_ghost { 0 } else { KIND };
                (file.mode & (0o7777 | kind)) == (node.metadata.mode | (kind_of(node) & kind))
            }
            FileAspect::Content => match (node.content(), &file.digest) {
                (Some(content), Some(expected)) => {
                    let mut hasher = Hasher::new(expected.algorithm());
                    match content.write_to(&mut hasher) {
                        Ok(()) => hasher.finish() == *expected,
                        // A file that the user may not read counts as different.
                        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => false,
                        Err(error) => return Err(error),
                    }
                }
                // The package has another file type here, without a digest.
                (Some(_), None) => false,
                (None, _) => true,
            },
            FileAspect::Device => match (device(node), file.device) {
                (Some(found), Some(expected)) => found == expected && kind_of(node) == file.mode & KIND,
                (None, None) => true,
                _ => false,
            },
            FileAspect::Target => match &node.kind {
                NodeKind::Symlink(target) => **target == *file.link_target,
                _ => true,
            },
            FileAspect::User => name(&node.metadata.user, &self.users).as_deref() == Some(&*file.user),
            FileAspect::Group => name(&node.metadata.group, &self.groups).as_deref() == Some(&*file.group),
            FileAspect::Mtime => file.mtime == Some(node.metadata.mtime),
            FileAspect::Capabilities => {
                let text = file.capabilities.as_deref().map(String::from_utf8_lossy).unwrap_or_default();
                let expected = capabilities::xattr(&text).ok().flatten();
                expected.as_deref().map(significant) == node.metadata.xattrs.get(CAPABILITY).map(|found| significant(found))
            }
        })
    }
}

/// The aspects in rpm's order: `SM5DLUGTP`.
const ASPECTS: [FileAspect; 9] = [
    FileAspect::Size,
    FileAspect::Mode,
    FileAspect::Content,
    FileAspect::Device,
    FileAspect::Target,
    FileAspect::User,
    FileAspect::Group,
    FileAspect::Mtime,
    FileAspect::Capabilities,
];

/// Returns the capability sets of the attribute. In the third revision, the user of a namespace
/// follows (linux/capability.h).
fn significant(value: &[u8]) -> Vec<u8> {
    let mut value = value[..value.len().min(20)].to_vec();
    if let Some(revision) = value.get_mut(3) {
        *revision = 2;
    }
    value
}

fn kind_of(node: &Node) -> u16 {
    match node.kind {
        NodeKind::File(_) => 0o100_000,
        NodeKind::Directory(_) => 0o040_000,
        NodeKind::Symlink(_) => 0o120_000,
        NodeKind::CharacterDevice { .. } => 0o020_000,
        NodeKind::BlockDevice { .. } => 0o060_000,
        NodeKind::Fifo => 0o010_000,
        NodeKind::Socket => 0o140_000,
    }
}

/// Returns the device number as in a header: 16 bits.
fn device(node: &Node) -> Option<u32> {
    match node.kind {
        NodeKind::CharacterDevice { major, minor } | NodeKind::BlockDevice { major, minor } => {
            Some((major & 0xff) << 8 | minor & 0xff)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::{Algorithm, Digest};
    use crate::package::Content;
    use crate::tree::Metadata;

    fn tree() -> Tree {
        let mut tree = Tree::new();
        tree.write(b"/etc/passwd", Content::from(&b"root:x:0:0::/:\ndaemon:x:2:2::/:\n"[..]), 0o644).unwrap();
        tree.write(b"/etc/group", Content::from(&b"root:x:0:\nbin:x:1:\n"[..]), 0o644).unwrap();
        let id = tree.write(b"/a", Content::from(&b"abc"[..]), 0o755).unwrap();
        tree.node_mut(id).metadata.mtime = 5;
        tree
    }

    fn file() -> FileFacts {
        FileFacts {
            path: b"/a".as_slice().into(),
            mode: 0o100_755,
            user: "root".into(),
            group: "root".into(),
            mtime: Some(5),
            size: Some(3),
            digest: Some(Digest::of(Algorithm::Sha256, b"abc")),
            link_target: Box::default(),
            capabilities: None,
            flags: Vec::new(),
            fate: Some(Fate::Installed),
            device: None,
            unverified: Vec::new(),
        }
    }

    fn change(tree: &Tree, file: &FileFacts) -> Option<FileChange> {
        let root = Root { tree, users: names(tree, b"/etc/passwd"), groups: names(tree, b"/etc/group") };
        root.change(file).unwrap()
    }

    #[test]
    fn each_aspect_is_seen_and_may_be_left_alone() {
        assert_eq!(change(&tree(), &file()), None);
        let with = |change: &dyn Fn(&mut Metadata)| {
            let mut tree = tree();
            let id = tree.lookup(b"/a").unwrap();
            change(&mut tree.node_mut(id).metadata);
            tree
        };
        let cases: [(Tree, FileAspect); 6] = [
            (with(&|metadata| metadata.mode = 0o4755), FileAspect::Mode),
            (with(&|metadata| metadata.user = Owner::Id(2)), FileAspect::User),
            (with(&|metadata| metadata.group = Owner::Id(1)), FileAspect::Group),
            (with(&|metadata| metadata.group = Owner::Id(9)), FileAspect::Group),
            (with(&|metadata| metadata.mtime = 6), FileAspect::Mtime),
            (
                with(&|metadata| {
                    let value = capabilities::xattr("cap_chown=ep").unwrap().unwrap();
                    metadata.xattrs.insert(CAPABILITY.into(), value);
                }),
                FileAspect::Capabilities,
            ),
        ];
        for (tree, aspect) in &cases {
            assert_eq!(change(tree, &file()), Some(FileChange::Changed(vec![*aspect])), "{aspect:?}");
            assert_eq!(change(tree, &FileFacts { unverified: vec![*aspect], ..file() }), None, "{aspect:?}");
            assert_eq!(change(tree, &FileFacts { fate: Some(Fate::Replaced), ..file() }), None);
        }
        let other = FileFacts { size: Some(4), digest: Some(Digest::of(Algorithm::Md5, b"abd")), ..file() };
        let told = Some(FileChange::Changed(vec![FileAspect::Size, FileAspect::Content]));
        assert_eq!(change(&tree(), &other), told);
        assert_eq!(change(&tree(), &FileFacts { flags: vec![FileFlag::Ghost], ..other }), None);
    }

    #[test]
    fn what_is_missing_may_be() {
        let gone = FileFacts { path: b"/b".as_slice().into(), ..file() };
        assert_eq!(change(&tree(), &gone), Some(FileChange::Missing));
        for flag in [FileFlag::Ghost, FileFlag::MissingOk] {
            assert_eq!(change(&tree(), &FileFacts { flags: vec![flag], ..gone.clone() }), None);
        }
        assert_eq!(change(&tree(), &FileFacts { fate: Some(Fate::LeftOut), ..gone }), None);
    }

    #[test]
    fn a_link_may_stand_for_a_directory() {
        let mut tree = tree();
        tree.create_directories(b"/usr/lib").unwrap();
        tree.insert(Tree::ROOT, b"lib", Node::symlink(b"usr/lib")).unwrap();
        let directory = FileFacts { path: b"/lib".as_slice().into(), mode: 0o040_755, digest: None, ..file() };
        assert_eq!(change(&tree, &directory), None);
        let link = FileFacts { mode: 0o120_777, link_target: b"usr/lib".as_slice().into(), ..directory };
        assert_eq!(change(&tree, &link), None);
        let other = FileFacts { link_target: b"lib64".as_slice().into(), ..link };
        assert_eq!(change(&tree, &other), Some(FileChange::Changed(vec![FileAspect::Target])));
    }
}
