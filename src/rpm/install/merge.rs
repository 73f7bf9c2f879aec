//! A package's files become nodes of the tree: shared directories, links in the way, hard links, conflicts.

use rustc_hash::{FxHashMap, FxHashSet};

use super::Unpacked;
use crate::ecosystem::InstallError;
use crate::package::{Content, Owner};
use crate::rpm::database::FileState;
use crate::rpm::files::{File, FileKind, Flags};
use crate::tree::{Metadata, Node, NodeId, NodeKind, PackageIndex, Tree, TreeError, display, split};

/// Merges packages into a tree, one after the other, and remembers who brought what.
pub(super) struct Merger<'a> {
    packages: &'a [Unpacked],
    /// The colour that wins where files of two architectures meet: 2 for 64 bits, 1 for 32, 0 where there is only one.
    preferred_color: u32,
    /// Who brought a node: the package and the file.
    brought: FxHashMap<NodeId, (usize, usize)>,
    /// Configuration files that were there before any package (a `%pretrans` made them).
    before: FxHashSet<NodeId>,
}

impl<'a> Merger<'a> {
    /// Begins with the tree as it is before the first package's files.
    pub(super) fn new(packages: &'a [Unpacked], states: &[Vec<FileState>], preferred_color: u32, tree: &Tree) -> Self {
        let mut before = FxHashSet::default();
        for (package, states) in packages.iter().zip(states) {
            for (file, state) in package.files.iter().zip(states) {
                if *state == FileState::Normal && file.flags.contains(Flags::CONFIG) {
                    before.extend(tree.lookup(&file.path));
                }
            }
        }
        Self { packages, preferred_color, brought: FxHashMap::default(), before }
    }

    /// Puts the files of one package into the tree. States change where a file gives way to another architecture's, its own or an earlier
    /// package's.
    pub(super) fn merge(&mut self, tree: &mut Tree, index: usize, states: &mut [Vec<FileState>]) -> Result<(), InstallError> {
        let package = &self.packages[index];
        let mut link_sets: FxHashMap<(u32, u32), NodeId> = FxHashMap::default();
        for (number, file) in package.files.iter().enumerate() {
            if states[index][number] != FileState::Normal || file.flags.contains(Flags::GHOST) {
                continue;
            }
            // Without an inode nothing is known of links.
            let may_link = file.kind == FileKind::Regular && file.inode.1 != 0;
            let linked = if may_link { link_sets.get(&file.inode).copied() } else { None };
            let placed = self
                .place(tree, index, number, linked, states)
                .map_err(|problem| problem.into_error(package.id(), &file.path))?;
            if let (FileKind::Regular, Some(id)) = (file.kind, placed) {
                link_sets.entry(file.inode).or_insert(id);
            }
        }
        Ok(())
    }

    /// Puts one file in its place. `None`: it gave way.
    fn place(
        &mut self,
        tree: &mut Tree,
        index: usize,
        number: usize,
        linked: Option<NodeId>,
        states: &mut [Vec<FileState>],
    ) -> Result<Option<NodeId>, Problem> {
        let file = &self.packages[index].files[number];
        let (directory, name) = split(&file.path);
        let parent = tree.create_directories(directory)?;
        if name.is_empty() {
            // The root directory itself.
            self.describe(tree, parent, index, number)?;
            return Ok(Some(parent));
        }
        let existing = tree.child(parent, name);
        if let Some(there) = existing {
            if let Some(&(other, other_number)) = self.brought.get(&there)
                && let Some(verdict) = self.meet(index, number, other, other_number)?
            {
                match verdict {
                    Meeting::Same if file.kind == FileKind::Directory => {}
                    Meeting::Same => return Ok(Some(there)),
                    Meeting::GivesWay => {
                        states[index][number] = FileState::WrongColor;
                        return Ok(None);
                    }
                    Meeting::Wins => states[other][other_number] = FileState::WrongColor,
                }
            }
            if file.kind == FileKind::Directory {
                match &tree.node(there).kind {
                    NodeKind::Directory(_) => {
                        self.describe(tree, there, index, number)?;
                        return Ok(Some(there));
                    }
                    // rpm (fsm.c, fsmVerify) lets a link of root's that leads to a directory stand for it.
                    NodeKind::Symlink(_) if tree.resolve(&file.path).is_some_and(|id| tree.node(id).is_directory()) => {
                        return Ok(Some(there));
                    }
                    _ => {}
                }
            } else if tree.node(there).is_directory() {
                return Err(TreeError::IsADirectory(display(&file.path)).into());
            }
            self.save_configuration(tree, parent, name, there, (index, number))?;
        }
        if let Some(id) = linked {
            tree.unbind(parent, name);
            tree.link(parent, name, id)?;
            return Ok(Some(id));
        }
        let node = self.node(index, number)?;
        tree.unbind(parent, name);
        let id = tree.insert(parent, name, node)?;
        self.brought.insert(id, (index, number));
        Ok(Some(id))
    }

    /// A directory takes mode, owner and times from the last package that has it.
    fn describe(&mut self, tree: &mut Tree, id: NodeId, index: usize, number: usize) -> Result<(), Problem> {
        let file = &self.packages[index].files[number];
        let node = tree.node_mut(id);
        node.metadata = metadata(file)?;
        node.package = Some(PackageIndex(index as u32));
        self.brought.insert(id, (index, number));
        Ok(())
    }

    /// The node of a file, with its content.
    fn node(&self, index: usize, number: usize) -> Result<Node, Problem> {
        let package = &self.packages[index];
        let file = &package.files[number];
        // The numbers of a device as the 16 bits of old kernels hold them.
        let (major, minor) = (u32::from(file.rdev >> 8), u32::from(file.rdev & 0xff));
        let kind = match file.kind {
            FileKind::Regular => NodeKind::File(package.contents[number].clone().ok_or(Problem::NoContent)?),
            FileKind::Directory => Node::directory(0).kind,
            FileKind::Symlink => NodeKind::Symlink((*file.link_target).into()),
            FileKind::CharacterDevice => NodeKind::CharacterDevice { major, minor },
            FileKind::BlockDevice => NodeKind::BlockDevice { major, minor },
            FileKind::Fifo => NodeKind::Fifo,
            FileKind::Socket => NodeKind::Socket,
        };
        let package = Some(PackageIndex(index as u32));
        Ok(Node { kind, metadata: metadata(file)?, package, digest: file.digest.clone() })
    }

    /// What happens where two packages bring one path. `None`: both lie in the same package, and the later one stands.
    fn meet(&self, index: usize, number: usize, other: usize, other_number: usize) -> Result<Option<Meeting>, Problem> {
        if index == other {
            return Ok(None);
        }
        let (mine, theirs) = (&self.packages[index].files[number], &self.packages[other].files[other_number]);
        let Some(difference) = difference(mine, theirs) else { return Ok(Some(Meeting::Same)) };
        // rpm (transaction.c, handleOverlappedFiles): of two ELF files of different colours the preferred one is kept.
        if self.preferred_color != 0 && mine.color != 0 && theirs.color != 0 && mine.color != theirs.color {
            return Ok(Some(if mine.color & self.preferred_color != 0 { Meeting::Wins } else { Meeting::GivesWay }));
        }
        Err(Problem::Conflict { other: self.packages[other].id().to_owned(), difference })
    }

    /// A configuration file that was there before the packages and says something else: rpm keeps it as `.rpmorig`, or with
    /// `noreplace` puts the package's beside it; the former is what is done with what a `%pretrans` made.
    fn save_configuration(
        &self,
        tree: &mut Tree,
        parent: NodeId,
        name: &[u8],
        there: NodeId,
        (index, number): (usize, usize),
    ) -> Result<(), Problem> {
        let file = &self.packages[index].files[number];
        let content = self.packages[index].contents[number].as_ref();
        if !self.before.contains(&there) || !file.flags.contains(Flags::CONFIG) || same_content(tree.node(there), file, content) {
            return Ok(());
        }
        let kept = [name, b".rpmorig"].concat();
        tree.unbind(parent, name);
        tree.unbind(parent, &kept);
        tree.link(parent, &kept, there)?;
        Ok(())
    }
}

enum Meeting {
    Same,
    Wins,
    GivesWay,
}

enum Problem {
    Tree(TreeError),
    Conflict { other: String, difference: &'static str },
    NoContent,
    Xattrs(String),
}

impl From<TreeError> for Problem {
    fn from(error: TreeError) -> Self {
        Self::Tree(error)
    }
}

impl Problem {
    fn into_error(self, package: &str, path: &[u8]) -> InstallError {
        let (package, path) = (package.to_owned(), display(path));
        match self {
            Self::Conflict { other, difference } => {
                InstallError::FileConflict { path, first: other, second: package, difference }
            }
            Self::Tree(error) => InstallError::Path { package, path, problem: error.to_string() },
            Self::NoContent => InstallError::Path { package, path, problem: "the payload does not hold it".into() },
            Self::Xattrs(problem) => InstallError::Path { package, path, problem },
        }
    }
}

/// In what two packages' entries for one path differ; rpm lets them share it when in nothing (rpmfi.c, `rpmfilesCompare`; measured with
/// rpm 4.18: mode and owner count for directories too, times do not).
fn difference(a: &File, b: &File) -> Option<&'static str> {
    if a.flags.contains(Flags::GHOST) || b.flags.contains(Flags::GHOST) {
        return None;
    }
    if a.kind != b.kind {
        return Some("type");
    }
    if a.mode != b.mode {
        return Some("mode");
    }
    if a.user != b.user || a.group != b.group {
        return Some("owner");
    }
    match a.kind {
        FileKind::Symlink => (a.link_target != b.link_target).then_some("target"),
        FileKind::Regular => (a.size != b.size || a.digest != b.digest).then_some("content"),
        FileKind::CharacterDevice | FileKind::BlockDevice => (a.rdev != b.rdev).then_some("device number"),
        _ => None,
    }
}

fn metadata(file: &File) -> Result<Metadata, Problem> {
    Ok(Metadata {
        mode: file.mode & 0o7777,
        mtime: i64::from(file.mtime),
        user: Owner::named(&file.user),
        group: Owner::named(&file.group),
        xattrs: file.xattrs().map_err(|error| Problem::Xattrs(error.to_string()))?,
    })
}

fn same_content(node: &Node, file: &File, content: Option<&Content>) -> bool {
    match &node.kind {
        NodeKind::File(there) if file.kind == FileKind::Regular => {
            content.is_some_and(|mine| matches!((there.bytes(), mine.bytes()), (Ok(a), Ok(b)) if a == b))
        }
        NodeKind::Symlink(there) if file.kind == FileKind::Symlink => **there == *file.link_target,
        _ => false,
    }
}
