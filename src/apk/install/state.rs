//! The state of a root while packages are installed and removed: records, file owners, directory
//! permissions.
//!
//! In: the database of a root (empty for a new one), and packages one after another. Out: their
//! files in the tree, and the new database.

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
    /// The records in the order of installation. A package keeps its index; the slot of a removed
    /// package is `None`.
    records: Vec<Option<Record>>,
    triggers: Vec<Digest>,
    protected: ProtectedPaths,
    directories: FxHashMap<Box<[u8]>, Directory>,
    /// The index of the record that owns each path.
    owners: FxHashMap<Box<[u8]>, usize>,
    /// The directories in which files were added or removed.
    changed: FxHashSet<Box<[u8]>>,
    /// The paths of the package that is being reinstalled.
    again: FxHashSet<Box<[u8]>>,
}

/// The state of a directory that packages own.
#[derive(Clone, Debug)]
struct Directory {
    /// The number of packages, and of directories in it, that need the directory.
    references: usize,
    /// The target permissions: those of the lowest owner. The mode has only bits that all packages
    /// of that owner allow.
    wanted: Acl,
    /// True once the directory was looked up in the tree.
    seen: bool,
    /// True if apk may change its permissions: it was created for a package, or had the recorded
    /// permissions.
    ours: bool,
}

impl Directory {
    fn new() -> Self {
        Self { references: 0, wanted: nobody(), seen: false, ours: false }
    }

    /// Merges the permissions of one package (database.c, `apk_db_dir_apply_diri_permissions`).
    fn apply(&mut self, acl: &Acl) {
        let wanted = (self.wanted.uid, self.wanted.gid);
        if (acl.uid, acl.gid) < wanted {
            self.wanted = Acl { xattrs: None, ..acl.clone() };
        } else if (acl.uid, acl.gid) == wanted {
            self.wanted.mode &= acl.mode;
        }
    }
}

/// Returns an owner greater than every other.
fn nobody() -> Acl {
    Acl { uid: u32::MAX, gid: u32::MAX, mode: 0, xattrs: None }
}

impl Installation {
    /// Creates the state of the root in `tree` with this database.
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

    /// Returns the current database.
    pub fn database(&self) -> Database {
        Database { records: self.records.iter().flatten().cloned().collect(), triggers: self.triggers.clone() }
    }

    /// Returns the installed package of this name.
    pub fn record(&self, name: &str) -> Option<&Record> {
        self.records.iter().flatten().find(|record| record.info.name == name)
    }

    /// Returns the installed packages, in the order of their installation.
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.records.iter().flatten()
    }

    /// Returns the directories in which files of packages were added or removed, relative to the
    /// root.
    pub fn changed_directories(&self) -> impl Iterator<Item = &[u8]> {
        self.changed.iter().map(|path| &**path)
    }

    /// Pins an installed package to the repositories of another tag.
    pub fn repin(&mut self, name: &str, tag: Option<String>) {
        if let Some(record) = self.records.iter_mut().flatten().find(|record| record.info.name == name) {
            record.tag = tag;
        }
    }

    /// Returns the directories that packages own, relative to the root.
    pub fn directories(&self) -> impl Iterator<Item = &[u8]> {
        self.directories.keys().map(|path| &**path)
    }

    /// Installs a package, and replaces an installed version of it. `number` marks the package's
    /// nodes in the tree. `tag` names the repositories that the user pinned it to.
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
        // apk does not open packages without installed size, such as virtual packages. It only uses
        // their index fields.
        let virtual_package = record.info.installed_size == 0;
        if virtual_package {
            record.info.replaces.clear();
            record.info.replaces_priority = 0;
            record.info.triggers.clear();
            record.scripts.clear();
        }
        if let Some(there) = again.and_then(|place| self.records[place].as_ref()).filter(|_| !virtual_package) {
            // apk appends the `replaces` of the package file to those of the database.
            record.info.replaces.splice(0..0, there.info.replaces.iter().cloned());
        }
        self.triggers.retain(|identity| *identity != record.checksum);
        if !record.info.triggers.is_empty() {
            self.triggers.push(record.checksum.clone());
        }
        // A reinstalled package keeps its index. Its old record is dropped first; its files stay in
        // the tree.
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

    /// Removes a package with its files and the directories that no other package needs. Changed
    /// files in protected directories stay.
    pub fn remove(&mut self, tree: &mut Tree, name: &str) {
        let place = self.records.iter().position(|record| record.as_ref().is_some_and(|record| record.info.name == name));
        if let Some(place) = place {
            self.remove_place(tree, place);
        }
    }

    /// Sets the permissions of directories that their packages agree on. commit.c does this at the
    /// end of a transaction.
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

    /// Writes the files of a record's package into the tree.
    fn unpack(&mut self, tree: &mut Tree, package: &Package, place: usize, number: PackageIndex) -> Result<(), InstallError> {
        let owners = Owners::of(tree);
        let id = package.id();
        // The node of each file that was written, for later hard links to it.
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

    /// Creates a directory of a package if it does not exist, and records it.
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

    /// Checks once whether an existing directory has the permissions that packages gave it
    /// (database.c, `apk_db_dir_prepare`).
    fn look_at(&mut self, tree: &Tree, path: &[u8]) {
        let Some(directory) = self.directories.get_mut(path).filter(|directory| !directory.seen) else { return };
        let Some(id) = tree.locate(&absolute(path)).ok().and_then(|place| place.node) else { return };
        let Metadata { mode, user, group, .. } = &tree.node(id).metadata;
        let wanted = &directory.wanted;
        directory.seen = true;
        directory.ours |= *mode == wanted.mode && *user == Owner::Id(wanted.uid) && *group == Owner::Id(wanted.gid);
    }

    /// Writes a file to its path, or to `PATH.apk-new` if the user changed the existing file.
    /// Returns `None` if a changed file already has the new content.
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
                    // apk has already recorded the new digest at this point. An identical file
                    // therefore counts as its own (`apk_db_migrate_files`).
                    true if self.again.contains(&file.path) => {}
                    true => return Ok(None),
                    false => name.extend_from_slice(b".apk-new"),
                }
            }
        }
        // A hard link to a file that was not written becomes the first name of that file.
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

    /// Reports whether a file in a protected directory still has the recorded checksum of its
    /// package.
    fn is_as_installed(&self, tree: &Tree, there: NodeId, path: &[u8]) -> bool {
        let recorded =
            self.owners.get(path).and_then(|&place| self.records[place].as_ref()).and_then(|record| recorded(record, path));
        let Some(promised) = recorded.and_then(|file| file.checksum.as_ref()) else { return false };
        place::checksum_of(tree.node(there), promised.algorithm()).is_ok_and(|found| found.as_ref() == Some(promised))
    }

    /// Makes a record the only owner of a path.
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
            // Only the root directory may contain files without an entry of its own; the package
            // reader guarantees this.
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

    /// Adds a reference to a directory. The first reference also counts as one to its parent.
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

    /// Drops a reference to a directory. The last reference removes the directory if it is empty.
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

    /// Drops the directories and files of a record, but leaves them in the tree.
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
