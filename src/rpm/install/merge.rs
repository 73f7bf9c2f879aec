//! Merging: turns a package's files into nodes of the tree, according to their dispositions.

use rustc_hash::FxHashMap;

use super::Unpacked;
use super::disposition::{Disposition, conflict, difference};
use crate::ecosystem::{FileConflict, InstallError};
use crate::package::Owner;
use crate::rpm::database::FileState;
use crate::rpm::files::{File, FileKind};
use crate::rpm::lua::files::rename;
use crate::tree::{Metadata, Node, NodeId, NodeKind, PackageIndex, Tree, TreeError, display, split};

/// Merges packages into a tree, one after another. Records the package and file of each node.
pub(super) struct Merger<'a> {
    packages: &'a [Unpacked],
    dispositions: Vec<Vec<Disposition>>,
    /// The package and the file from which a node was created.
    brought: FxHashMap<NodeId, (usize, usize)>,
    warnings: Vec<String>,
}

impl<'a> Merger<'a> {
    /// Creates a merger with the dispositions of all files.
    pub(super) fn new(packages: &'a [Unpacked], dispositions: Vec<Vec<Disposition>>) -> Self {
        Self { packages, dispositions, brought: FxHashMap::default(), warnings: Vec::new() }
    }

    /// Returns the warnings about existing configuration files.
    pub(super) fn into_warnings(self) -> Vec<String> {
        self.warnings
    }

    /// Adds the files of one package to the tree.
    pub(super) fn merge(&mut self, tree: &mut Tree, index: usize, states: &[FileState]) -> Result<(), InstallError> {
        let package = &self.packages[index];
        let mut link_sets: FxHashMap<(u32, u32), NodeId> = FxHashMap::default();
        for (number, file) in package.files.iter().enumerate() {
            if states[number] != FileState::Normal || !file.in_payload() {
                continue;
            }
            // Without an inode number, hard links cannot be detected.
            let may_link = file.kind == FileKind::Regular && file.inode.1 != 0;
            let linked = if may_link { link_sets.get(&file.inode).copied() } else { None };
            let placed =
                self.place(tree, index, number, linked).map_err(|problem| problem.into_error(package.id(), &file.path))?;
            if let (FileKind::Regular, Some(id)) = (file.kind, placed) {
                link_sets.entry(file.inode).or_insert(id);
            }
        }
        Ok(())
    }

    /// Places one file. Returns `None` if no node was created for it.
    fn place(&mut self, tree: &mut Tree, index: usize, number: usize, linked: Option<NodeId>) -> Result<Option<NodeId>, Problem> {
        let file = &self.packages[index].files[number];
        let disposition = self.dispositions[index][number];
        if disposition == Disposition::Skip {
            self.share(tree, index, number);
            return Ok(None);
        }
        let (directory, name) = split(&file.path);
        let parent = tree.create_directories(directory)?;
        if name.is_empty() {
            // The root directory itself.
            self.describe(tree, parent, index, number)?;
            return Ok(Some(parent));
        }
        let suffix: &[u8] = if disposition == Disposition::AltName { b".rpmnew" } else { b"" };
        if disposition == Disposition::Backup {
            self.back_up(tree, file)?;
        }
        let name = &[name, suffix].concat();
        if let Some(there) = tree.child(parent, name) {
            self.check(tree, there, index, number)?;
            if file.kind == FileKind::Directory {
                match &tree.node(there).kind {
                    NodeKind::Directory(_) => {
                        self.describe(tree, there, index, number)?;
                        return Ok(Some(there));
                    }
                    // rpm accepts a link owned by root in place of the directory it leads to
                    // (fsm.c, fsmVerify).
                    NodeKind::Symlink(_) if tree.resolve(&file.path).is_some_and(|id| tree.node(id).is_directory()) => {
                        return Ok(Some(there));
                    }
                    _ => {}
                }
            } else if tree.node(there).is_directory() {
                return Err(TreeError::IsADirectory(display(&[&file.path, suffix].concat())).into());
            }
        }
        if disposition == Disposition::AltName {
            let path = display(&file.path);
            self.warnings.push(format!("{path} was there and stays: the package's is {path}.rpmnew"));
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

    /// Records that a package shares a directory with another package that created it.
    fn share(&mut self, tree: &mut Tree, index: usize, number: usize) {
        let file = &self.packages[index].files[number];
        if file.kind != FileKind::Directory {
            return;
        }
        if let Some(id) = tree.resolve(&file.path).filter(|&id| tree.node(id).is_directory()) {
            let node = tree.node_mut(id);
            node.metadata.mtime = i64::from(file.mtime);
            node.package = Some(PackageIndex(index as u32));
            self.brought.insert(id, (index, number));
        }
    }

    /// Fails if a file would replace a different file of the transaction.
    /// [`super::disposition::decide`] reports such conflicts earlier, except those through a link
    /// that a scriptlet created after it.
    fn check(&self, tree: &Tree, there: NodeId, index: usize, number: usize) -> Result<(), Problem> {
        let Some(&(other, other_number)) = self.brought.get(&there) else { return Ok(()) };
        let (first, second) = (&self.packages[other], &self.packages[index]);
        let (theirs, mine) = (&first.files[other_number], &second.files[number]);
        match difference(theirs, mine) {
            Some(difference) if tree.lookup(&theirs.path) == Some(there) => {
                Err(Problem::Conflict(conflict((first.id(), theirs), (second.id(), mine), difference)))
            }
            _ => Ok(()),
        }
    }

    /// Sets mode, owner and times of a directory from a package.
    fn describe(&mut self, tree: &mut Tree, id: NodeId, index: usize, number: usize) -> Result<(), Problem> {
        let file = &self.packages[index].files[number];
        let node = tree.node_mut(id);
        node.metadata = metadata(file)?;
        node.package = Some(PackageIndex(index as u32));
        self.brought.insert(id, (index, number));
        Ok(())
    }

    /// Returns the node of a file, with its content.
    fn node(&self, index: usize, number: usize) -> Result<Node, Problem> {
        let package = &self.packages[index];
        let file = &package.files[number];
        // The header has the 16-bit device numbers of old kernels.
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

    /// Renames the existing file at a configuration file's path to `.rpmorig` (fsm.c, `fsmBackup`).
    fn back_up(&mut self, tree: &mut Tree, file: &File) -> Result<(), Problem> {
        if tree.lookup(&file.path).is_none() {
            return Ok(());
        }
        let kept = [&file.path, &b".rpmorig"[..]].concat();
        rename(tree, &file.path, &kept).map_err(|error| Problem::Backup(display(&kept), error.text()))?;
        let path = display(&file.path);
        self.warnings.push(format!("{path} was there: it is kept as {path}.rpmorig"));
        Ok(())
    }
}

enum Problem {
    Tree(TreeError),
    Conflict(FileConflict),
    NoContent,
    Xattrs(String),
    Backup(String, &'static str),
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
            Self::Conflict(conflict) => conflict.into(),
            Self::Tree(error) => InstallError::Path { package, path, problem: error.to_string() },
            Self::NoContent => InstallError::Path { package, path, problem: "the payload does not hold it".into() },
            Self::Xattrs(problem) => InstallError::Path { package, path, problem },
            Self::Backup(kept, why) => {
                InstallError::Path { package, path, problem: format!("cannot keep what is there as {kept}: {why}") }
            }
        }
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
