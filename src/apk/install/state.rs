//! What is installed while packages come and go: records, who owns which file, what directories are to be like.
//!
//! In: the database of a root (empty for a new one), packages one after another. Out: their files in the tree, the database after them.

use rustc_hash::{FxHashMap, FxHashSet};

use super::owners::Owners;
use super::place;
use super::protect::ProtectedPaths;
use super::replaces::{Verdict, verdict};
use crate::apk::database::{Acl, Database, DirectoryRecord, FileRecord, Record};
use crate::apk::package::{File, FileKind, Package};
use crate::digest::Digest;
use crate::ecosystem::{FileConflict, InstallError};
use crate::package::Owner;
use crate::tree::{Metadata, Node, NodeId, NodeKind, PackageIndex, Tree, TreeError, display};

/// The packages of a root and their files.
#[derive(Clone, Debug)]
pub struct Installation {
    /// In the order of their installation; a package keeps its place, an empty one is of a package that went.
    records: Vec<Option<Record>>,
    triggers: Vec<Digest>,
    protected: ProtectedPaths,
    directories: FxHashMap<Box<[u8]>, Directory>,
    /// Which record has a path.
    owners: FxHashMap<Box<[u8]>, usize>,
    /// The directories in which files came or went.
    changed: FxHashSet<Box<[u8]>>,
    /// The paths of the package that is being installed once more.
    again: FxHashSet<Box<[u8]>>,
}

/// What is known of a directory that packages have.
#[derive(Clone, Debug)]
struct Directory {
    /// How many packages, and directories in it, need it.
    references: usize,
    /// What its permissions are to be: of the lowest owner, and only what all packages of that owner allow.
    wanted: Acl,
    /// Whether it was looked for in the tree.
    seen: bool,
    /// Whether its permissions are apk's to change: it was made for a package, or was as packages had it.
    ours: bool,
}

impl Directory {
    fn new() -> Self {
        Self { references: 0, wanted: nobody(), seen: false, ours: false }
    }

    /// Takes one package's wish into account (database.c, `apk_db_dir_apply_diri_permissions`).
    fn apply(&mut self, acl: &Acl) {
        let wanted = (self.wanted.uid, self.wanted.gid);
        if (acl.uid, acl.gid) < wanted {
            self.wanted = Acl { xattrs: None, ..acl.clone() };
        } else if (acl.uid, acl.gid) == wanted {
            self.wanted.mode &= acl.mode;
        }
    }
}

/// Above every owner.
fn nobody() -> Acl {
    Acl { uid: u32::MAX, gid: u32::MAX, mode: 0, xattrs: None }
}

impl Installation {
    /// Of the root in `tree` with this database.
    pub fn new(tree: &Tree, database: Database) -> Self {
        let mut state = Self {
            records: Vec::new(),
            triggers: database.triggers,
            protected: ProtectedPaths::of(tree),
            directories: FxHashMap::default(),
            owners: FxHashMap::default(),
            changed: FxHashSet::default(),
            again: FxHashSet::default(),
        };
        for record in database.records {
            let place = state.records.len();
            for directory in &record.directories {
                state.reference(&directory.path);
                if let Some(known) = state.directories.get_mut(&directory.path) {
                    known.apply(&directory.acl);
                }
                for file in &directory.files {
                    state.owners.insert(place::join(&directory.path, &file.name), place);
                }
            }
            state.records.push(Some(record));
        }
        state
    }

    /// The database as it is now.
    pub fn database(&self) -> Database {
        Database { records: self.records.iter().flatten().cloned().collect(), triggers: self.triggers.clone() }
    }

    /// The installed package of this name.
    pub fn record(&self, name: &str) -> Option<&Record> {
        self.records.iter().flatten().find(|record| record.info.name == name)
    }

    /// The installed packages, in the order of their installation.
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.records.iter().flatten()
    }

    /// The directories in which files of packages came or went, relative to the root.
    pub fn changed_directories(&self) -> impl Iterator<Item = &[u8]> {
        self.changed.iter().map(|path| &**path)
    }

    /// Holds an installed package by repositories of another tag from now on.
    pub fn repin(&mut self, name: &str, tag: Option<String>) {
        if let Some(record) = self.records.iter_mut().flatten().find(|record| record.info.name == name) {
            record.tag = tag;
        }
    }

    /// The directories that packages have, relative to the root.
    pub fn directories(&self) -> impl Iterator<Item = &[u8]> {
        self.directories.keys().map(|path| &**path)
    }

    /// Installs a package, in place of another version of it if that is there. `number` is what its nodes are marked with, `tag` the
    /// repositories that the user pinned it to.
    pub fn install(
        &mut self,
        tree: &mut Tree,
        package: &Package,
        number: PackageIndex,
        tag: Option<String>,
    ) -> Result<(), InstallError> {
        let mut record = Record::new(package, tag);
        let before =
            self.records.iter().position(|there| there.as_ref().is_some_and(|there| there.info.name == record.info.name));
        let again = before.filter(|&place| self.records[place].as_ref().is_some_and(|there| there.checksum == record.checksum));
        // apk does not open what takes no space: of a virtual package it knows what the index says.
        let virtual_package = record.info.installed_size == 0;
        if virtual_package {
            record.info.replaces.clear();
            record.info.replaces_priority = 0;
            record.info.triggers.clear();
            record.scripts.clear();
        }
        if let Some(there) = again.and_then(|place| self.records[place].as_ref()).filter(|_| !virtual_package) {
            // apk adds what the file says to what its database said.
            record.info.replaces.splice(0..0, there.info.replaces.iter().cloned());
        }
        self.triggers.retain(|identity| *identity != record.checksum);
        if !record.info.triggers.is_empty() {
            self.triggers.push(record.checksum.clone());
        }
        // The same package once more keeps its place; what it had is taken back first, its files stay.
        let place = again.unwrap_or(self.records.len());
        self.again.clear();
        if let Some(place) = again {
            self.forget(place);
            self.records[place] = Some(record);
        } else {
            self.records.push(Some(record));
        }
        if !virtual_package {
            self.unpack(tree, package, place, number)?;
        }
        if let (Some(before), None) = (before, again) {
            self.remove_place(tree, before);
        }
        Ok(())
    }

    /// Removes a package: its files, but those in protected directories that were changed, and directories that nobody needs any more.
    pub fn remove(&mut self, tree: &mut Tree, name: &str) {
        let place = self.records.iter().position(|record| record.as_ref().is_some_and(|record| record.info.name == name));
        if let Some(place) = place {
            self.remove_place(tree, place);
        }
    }

    /// Gives directories the permissions that their packages agree on (commit.c does so at the end).
    pub fn settle_directories(&mut self, tree: &mut Tree) {
        let mut wanted: FxHashMap<&[u8], Directory> = FxHashMap::default();
        for record in self.records.iter().flatten() {
            for directory in &record.directories {
                wanted.entry(&directory.path).or_insert_with(Directory::new).apply(&directory.acl);
            }
        }
        for (path, _) in self.directories.iter().filter(|(_, directory)| directory.ours) {
            let Some(Directory { wanted, .. }) = wanted.get(&**path) else { continue };
            let Some(id) = tree.lookup(&absolute(path)).filter(|&id| tree.node(id).is_directory()) else { continue };
            let metadata = &mut tree.node_mut(id).metadata;
            metadata.mode = wanted.mode;
            metadata.user = Owner::Id(wanted.uid);
            metadata.group = Owner::Id(wanted.gid);
        }
    }

    /// Puts the files of the package of this record into the tree.
    fn unpack(&mut self, tree: &mut Tree, package: &Package, place: usize, number: PackageIndex) -> Result<(), InstallError> {
        let owners = Owners::of(tree);
        let id = package.id();
        // Where the files are that others may be further names of.
        let mut placed: Vec<Option<NodeId>> = vec![None; package.files().len()];
        for (index, file) in package.files().iter().enumerate() {
            let acl = Acl {
                uid: owners.user(&file.user, file.uid),
                gid: owners.group(&file.group, file.gid),
                mode: file.mode,
                xattrs: file.xattr_checksum(),
            };
            let failed = |error: TreeError| InstallError::Path {
                package: id.clone(),
                path: display(&absolute(&file.path)),
                problem: error.to_string(),
            };
            if matches!(file.kind, FileKind::Directory) {
                self.directory(tree, place, &file.path, &acl, number).map_err(failed)?;
                continue;
            }
            match self.owners.get(&file.path).filter(|&&owner| owner != place).and_then(|&owner| self.records[owner].as_ref()) {
                None => {}
                Some(there) => match verdict(&there.info, package.info()) {
                    Verdict::Takes => {}
                    Verdict::Stays => continue,
                    Verdict::Conflict => {
                        return Err(FileConflict {
                            path: display(&absolute(&file.path)),
                            other_path: None,
                            first: there.id(),
                            second: id,
                            difference: "neither replaces the other",
                        }
                        .into());
                    }
                },
            }
            self.changed.insert(place::split(&file.path).0.into());
            placed[index] = self.file(tree, package, (index, file), &acl, &placed, number).map_err(failed)?;
            self.claim(place, file, acl);
        }
        Ok(())
    }

    /// A directory of a package: made if it is not there, and recorded.
    fn directory(
        &mut self,
        tree: &mut Tree,
        place: usize,
        path: &[u8],
        acl: &Acl,
        number: PackageIndex,
    ) -> Result<(), TreeError> {
        let recorded =
            self.records[place].as_mut().and_then(|record| record.directories.iter_mut().find(|known| *known.path == *path));
        if let Some(known) = recorded {
            known.acl = acl.clone();
        } else {
            self.reference(path);
            if let Some(record) = &mut self.records[place] {
                record.directories.push(DirectoryRecord { path: path.into(), acl: acl.clone(), files: Vec::new() });
            }
        }
        let full = absolute(path);
        self.look_at(tree, path);
        let Some(directory) = self.directories.get_mut(path) else { return Ok(()) };
        if !directory.seen {
            let id = tree.create_directories(&full)?;
            tree.node_mut(id).metadata = Metadata::root(acl.mode);
            directory.seen = true;
            directory.ours = true;
        }
        directory.apply(acl);
        if let Some(id) = tree.lookup(&full).filter(|&id| tree.node(id).is_directory()) {
            tree.node_mut(id).package = Some(number);
        }
        Ok(())
    }

    /// Finds out, once, whether a directory that is there is as packages had it (database.c, `apk_db_dir_prepare`).
    fn look_at(&mut self, tree: &Tree, path: &[u8]) {
        let Some(directory) = self.directories.get_mut(path).filter(|directory| !directory.seen) else { return };
        let Some(id) = tree.locate(&absolute(path)).ok().and_then(|place| place.node) else { return };
        let Metadata { mode, user, group, .. } = &tree.node(id).metadata;
        let wanted = &directory.wanted;
        directory.seen = true;
        directory.ours |= *mode == wanted.mode && *user == Owner::Id(wanted.uid) && *group == Owner::Id(wanted.gid);
    }

    /// Puts one file in its place, or beside it where the user's own is to stay. `None`: what is there is the same already.
    fn file(
        &self,
        tree: &mut Tree,
        package: &Package,
        (index, file): (usize, &File),
        acl: &Acl,
        placed: &[Option<NodeId>],
        number: PackageIndex,
    ) -> Result<Option<NodeId>, TreeError> {
        let (directory, name) = place::split(&file.path);
        let parent = tree.create_directories(&absolute(directory))?;
        let mut name = name.to_vec();
        if let Some(there) = tree.child(parent, &name) {
            if tree.node(there).is_directory() {
                return Err(TreeError::IsADirectory(display(&file.path)));
            }
            if self.protected.protects(directory) && !self.is_as_installed(tree, there, &file.path) {
                let found = place::checksum(tree.node(there))?;
                match found.is_some() && found == file.checksum {
                    // apk has the new digest in its books by then, so what is the same counts as its own (`apk_db_migrate_files`).
                    true if self.again.contains(&file.path) => {}
                    true => return Ok(None),
                    false => name.extend_from_slice(b".apk-new"),
                }
            }
        }
        // A further name of a file that was not put anywhere is the first.
        let (first, linked) = match file.kind {
            FileKind::HardLink(of) => (of, placed[of]),
            _ => (index, None),
        };
        tree.unbind(parent, &name);
        if let Some(id) = linked {
            tree.link(parent, &name, id)?;
            return Ok(Some(id));
        }
        let kind = match &package.files()[first].kind {
            FileKind::Regular(content) => NodeKind::File(content.clone()),
            FileKind::Symlink(target) => NodeKind::Symlink((**target).into()),
            FileKind::CharacterDevice { major, minor } => NodeKind::CharacterDevice { major: *major, minor: *minor },
            FileKind::BlockDevice { major, minor } => NodeKind::BlockDevice { major: *major, minor: *minor },
            FileKind::Fifo => NodeKind::Fifo,
            FileKind::Directory | FileKind::HardLink(_) => return Err(TreeError::NotFound(display(&file.path))),
        };
        let digest = matches!(kind, NodeKind::File(_)).then(|| file.checksum.clone()).flatten();
        let metadata = Metadata {
            mode: file.mode,
            mtime: file.mtime,
            user: Owner::Id(acl.uid),
            group: Owner::Id(acl.gid),
            xattrs: file.xattrs.clone(),
        };
        tree.insert(parent, &name, Node { kind, metadata, package: Some(number), digest }).map(Some)
    }

    /// Whether a file in a protected directory is the one that its package brought.
    fn is_as_installed(&self, tree: &Tree, there: NodeId, path: &[u8]) -> bool {
        let recorded =
            self.owners.get(path).and_then(|&place| self.records[place].as_ref()).and_then(|record| recorded(record, path));
        let Some(promised) = recorded.and_then(|file| file.checksum.as_ref()) else { return false };
        place::checksum_of(tree.node(there), promised.algorithm()).is_ok_and(|found| found.as_ref() == Some(promised))
    }

    /// Makes a path this record's, and nobody else's.
    fn claim(&mut self, place: usize, file: &File, acl: Acl) {
        let (directory, name) = place::split(&file.path);
        if let Some(owner) = self.owners.insert(file.path.clone(), place)
            && let Some(record) = self.records[owner].as_mut()
            && let Some(known) = record.directories.iter_mut().find(|known| *known.path == *directory)
        {
            known.files.retain(|file| *file.name != *name);
        }
        let known = |record: &Record| record.directories.iter().any(|known| *known.path == *directory);
        if !self.records[place].as_ref().is_some_and(known) {
            // Only the root may have files without an entry of its own; package files are read so.
            self.reference(directory);
            if let Some(record) = &mut self.records[place] {
                record.directories.push(DirectoryRecord { path: directory.into(), acl: Acl::root(0o755), files: Vec::new() });
            }
        }
        let record = self.records[place].as_mut();
        let known = record.and_then(|record| record.directories.iter_mut().find(|known| *known.path == *directory));
        if let Some(known) = known {
            known.files.push(FileRecord { name: name.into(), acl, checksum: file.checksum.clone() });
        }
    }

    /// One more that needs a directory, and so the directory that holds it.
    fn reference(&mut self, path: &[u8]) {
        if let Some(known) = self.directories.get_mut(path) {
            known.references += 1;
            return;
        }
        self.directories.insert(path.into(), Directory { references: 1, ..Directory::new() });
        if !path.is_empty() {
            self.reference(place::split(path).0);
        }
    }

    /// One less that needs a directory; one that nobody needs goes, if it is empty.
    fn dereference(&mut self, tree: &mut Tree, path: &[u8]) {
        let Some(directory) = self.directories.get_mut(path) else { return };
        directory.references = directory.references.saturating_sub(1);
        if directory.references > 0 {
            return;
        }
        self.directories.remove(path);
        if path.is_empty() {
            return;
        }
        let full = absolute(path);
        let empty = |id: NodeId| matches!(&tree.node(id).kind, NodeKind::Directory(directory) if directory.is_empty());
        if tree.lookup(&full).is_some_and(empty) {
            tree.remove(&full);
        }
        self.dereference(tree, place::split(path).0);
    }

    fn remove_place(&mut self, tree: &mut Tree, place: usize) {
        let Some(record) = self.records[place].take() else { return };
        self.triggers.retain(|identity| *identity != record.checksum);
        for directory in &record.directories {
            let protected = self.protected.protects(&directory.path);
            for file in &directory.files {
                let path = place::join(&directory.path, &file.name);
                self.owners.remove(&path);
                self.changed.insert(directory.path.clone());
                let full = absolute(&path);
                let Some(id) = tree.lookup(&full) else { continue };
                let as_installed = || {
                    let promised = file.checksum.as_ref()?;
                    let found = place::checksum_of(tree.node(id), promised.algorithm()).ok()??;
                    Some(found == *promised)
                };
                if !tree.node(id).is_directory() && (!protected || as_installed() == Some(true)) {
                    tree.remove(&full);
                }
            }
            self.look_at(tree, &directory.path);
            self.dereference(tree, &directory.path);
        }
    }

    /// Takes the directories and files of a record out of the books, and leaves them in the tree.
    fn forget(&mut self, place: usize) {
        let Some(record) = self.records[place].take() else { return };
        for directory in &record.directories {
            for file in &directory.files {
                let path = place::join(&directory.path, &file.name);
                self.owners.remove(&path);
                self.again.insert(path);
            }
            if let Some(known) = self.directories.get_mut(&directory.path) {
                known.references = known.references.saturating_sub(1);
            }
        }
    }
}

fn recorded<'a>(record: &'a Record, path: &[u8]) -> Option<&'a FileRecord> {
    let (directory, name) = place::split(path);
    let directory = record.directories.iter().find(|known| *known.path == *directory)?;
    directory.files.iter().find(|file| *file.name == *name)
}

fn absolute(path: &[u8]) -> Vec<u8> {
    [b"/", path].concat()
}
