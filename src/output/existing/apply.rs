//! Changes a root to match its tree: every new node is written beside its place, then moved into
//! place.

use std::os::fd::{AsFd, BorrowedFd};

use rustc_hash::FxHashMap;
use rustix::fs::{AtFlags, linkat, statat, syncfs};
use rustix::io::Errno;

use super::changes::{Changes, is_same, mount_below};
use super::journal::{Journal, State};
use super::moves::Failed;
use super::{Applied, Base, ExistingRoot, Recovered, beneath};
use crate::cancel::Cancel;
use crate::output::create::{Creator, Failure, Missed};
use crate::output::directory::umask;
use crate::output::error::OutputError;
use crate::output::ownership::{Caller, NotApplied};
use crate::output::plan::check_owners;
use crate::reporter::{Phase, Reporter};
use crate::tree::{NodeId, NodeKind, Tree, join};

impl ExistingRoot {
    /// Changes the root from `base`, which was read from it, to `tree`, which was made from `base`.
    /// `epoch` is the time of all new nodes, and of the directories in which names were added or
    /// removed.
    pub fn apply(
        &self,
        base: &Base,
        tree: &Tree,
        epoch: i64,
        reporter: &dyn Reporter,
        cancel: &Cancel,
    ) -> Result<Applied, OutputError> {
        let changes = Changes::between(&base.tree, tree, epoch);
        if changes.is_empty() {
            return Ok(Applied::default());
        }
        for step in &changes.steps {
            let path = || [b"/", &step.directory[..], b"/", &step.name].concat();
            if let Some(new) = step.new {
                check_owners(tree, new, &path)?;
            }
            if step.old.is_some_and(|old| mount_below(&base.tree, old, &base.mounts)) {
                return Err(OutputError::write(&path(), "replace it", Errno::BUSY));
            }
        }
        reporter.begin(Phase::Write, Some(changes.steps.len() as u64), None);
        let root = self.root.as_fd();
        let mut not_applied = Vec::new();
        let journal = self.stage(base, tree, &changes, epoch, reporter, cancel, &mut not_applied)?;
        let begun = sync(root, &journal).and_then(|()| Journal::advance(root, State::Staging, State::Moving));
        if let Err(error) = begun {
            let error = OutputError::write(b"/", "write the journal of the change", error);
            return Err(self.take_back(&journal, State::Staging).err().unwrap_or(error));
        }
        // From here on the change is finished, even if the user cancels, unless the system refuses
        // a step.
        if let Err(Failed { path, action, error }) = journal.move_all(root) {
            let refused = OutputError::write(&path, action, error);
            return Err(self.take_back(&journal, State::Moving).err().unwrap_or(refused));
        }
        self.clear(&journal, State::Moving, &mut not_applied)?;
        not_applied.sort_unstable();
        let came = journal.steps.iter().filter(|step| step.comes).count();
        reporter.finish(Phase::Write, "");
        Ok(Applied { came, went: journal.steps.len() - came, missing: not_applied })
    }

    /// Writes every new node beside its place, or none.
    #[allow(clippy::too_many_arguments, reason = "what a change is made of")]
    pub(super) fn stage(
        &self,
        base: &Base,
        tree: &Tree,
        changes: &Changes,
        epoch: i64,
        reporter: &dyn Reporter,
        cancel: &Cancel,
        not_applied: &mut Vec<NotApplied>,
    ) -> Result<Journal, OutputError> {
        let mut journal = Journal::of(changes, free_prefix(base, tree, changes));
        let creator = self.creator(epoch, cancel);
        let written = journal.write(self.root.as_fd());
        written.map_err(|error| OutputError::write(b"/", "write the journal of the change", error))?;
        let staging = Staging { existing: self, base: &base.tree, tree, changes, creator: &creator, cancel };
        let staged = staging.all(&mut journal, not_applied, reporter);
        match staged.and_then(|()| if cancel.is_raised() { Err(OutputError::Cancelled) } else { Ok(()) }) {
            Ok(()) => Ok(journal),
            Err(error) => Err(self.take_back(&journal, State::Staging).err().unwrap_or(error)),
        }
    }

    /// Completes or rolls back a change that an earlier run began.
    pub(super) fn recover(&self) -> Result<Option<Recovered>, OutputError> {
        let root = self.root.as_fd();
        let found = Journal::find(root).map_err(|(state, problem)| OutputError::Journal {
            root: self.path.clone(),
            journal: state.name(),
            problem,
        })?;
        let Some((journal, state)) = found else { return Ok(None) };
        match state {
            State::Staging => self.take_back(&journal, state).map(|()| Some(Recovered::TakenBack)),
            State::Moving => {
                if journal.move_all(root).is_err() {
                    return self.take_back(&journal, state).map(|()| Some(Recovered::TakenBack));
                }
                self.clear(&journal, state, &mut Vec::new()).map(|()| Some(Recovered::Finished))
            }
            State::Clearing => self.clear(&journal, state, &mut Vec::new()).map(|()| Some(Recovered::Finished)),
        }
    }

    /// Rolls the root back to its earlier state.
    pub(super) fn take_back(&self, journal: &Journal, state: State) -> Result<(), OutputError> {
        let root = self.root.as_fd();
        let told = |failed: Failed| self.unfinished(&failed.path, failed.action, failed.error);
        if state == State::Moving {
            journal.move_back(root).map_err(told)?;
            Journal::advance(root, State::Moving, State::Staging)
                .map_err(|error| self.unfinished(b"/", "write the journal of the change", error))?;
        }
        journal.discard_new(root).map_err(told)?;
        // The rollback cannot be canceled, and attributes that cannot be applied were not applied
        // before.
        let cancel = Cancel::new();
        journal.settle(root, &self.creator(0, &cancel), false, &mut Vec::new()).map_err(told)?;
        self.end(journal, State::Staging, false)
    }

    /// Cleans up after everything is in its place.
    fn clear(&self, journal: &Journal, state: State, not_applied: &mut Vec<NotApplied>) -> Result<(), OutputError> {
        let root = self.root.as_fd();
        let told = |failed: Failed| self.unfinished(&failed.path, failed.action, failed.error);
        if state == State::Moving {
            let moved = sync(root, journal).and_then(|()| Journal::advance(root, State::Moving, State::Clearing));
            moved.map_err(|error| self.unfinished(b"/", "write the journal of the change", error))?;
        }
        journal.discard_old(root).map_err(told)?;
        let cancel = Cancel::new();
        journal.settle(root, &self.creator(0, &cancel), true, not_applied).map_err(told)?;
        self.end(journal, State::Clearing, true)
    }

    /// Removes the journal and restores the time of the root directory, which contained it.
    fn end(&self, journal: &Journal, state: State, forward: bool) -> Result<(), OutputError> {
        let root = self.root.as_fd();
        Journal::remove(root, state).map_err(|error| self.unfinished(b"/", "remove the journal of the change", error))?;
        if let Some(own) = journal.directories.iter().find(|touched| touched.path.0.is_empty()) {
            let metadata = if forward { own.after() } else { own.before() };
            self.creator(0, &Cancel::new()).set_times(root, &metadata);
        }
        Ok(())
    }

    fn creator<'c>(&self, epoch: i64, cancel: &'c Cancel) -> Creator<'c> {
        let caller = Caller::this_process();
        Creator { ownership: self.ownership, caller, umask: umask(), epoch, cancel, inherits: true }
    }
}

/// Returns a prefix for the temporary names beside the places. No existing name begins with it.
fn free_prefix(base: &Base, tree: &Tree, changes: &Changes) -> Vec<u8> {
    let mut prefix = b".rootstrap".to_vec();
    let in_use = |prefix: &[u8]| {
        let starts = |tree: &Tree, path: &[u8]| {
            let id = tree.lookup(&join(b"", path));
            let Some(NodeKind::Directory(directory)) = id.map(|id| &tree.node(id).kind) else { return false };
            directory.entries().any(|(name, _)| name.starts_with(prefix))
        };
        let mut directories = changes.steps.iter().map(|step| &step.directory);
        directories.any(|path| starts(&base.tree, path) || starts(tree, path))
    };
    while in_use(&prefix) {
        prefix.push(b'_');
    }
    prefix
}

/// Flushes the changes to disk, on each file system that they touch.
fn sync(root: BorrowedFd<'_>, journal: &Journal) -> rustix::io::Result<()> {
    let mut synced = Vec::new();
    for touched in &journal.directories {
        let Ok(directory) = beneath::directory(root, &touched.path.0) else { continue };
        let device = rustix::fs::fstat(&directory)?.st_dev;
        if !synced.contains(&device) {
            synced.push(device);
            syncfs(&directory)?;
        }
    }
    Ok(())
}

/// The state of writing every new node beside its place.
struct Staging<'a> {
    existing: &'a ExistingRoot,
    base: &'a Tree,
    tree: &'a Tree,
    changes: &'a Changes,
    creator: &'a Creator<'a>,
    cancel: &'a Cancel,
}

/// The places of nodes that were written, or that existed before and get another name.
type Places = FxHashMap<NodeId, (Vec<u8>, Vec<u8>)>;

impl Staging<'_> {
    fn all(&self, journal: &mut Journal, not_applied: &mut Vec<NotApplied>, reporter: &dyn Reporter) -> Result<(), OutputError> {
        let root = self.existing.root.as_fd();
        journal.open_directories(root).map_err(|failed| OutputError::write(&failed.path, failed.action, failed.error))?;
        let mut places = self.places();
        let mut absent = Vec::new();
        for (number, step) in self.changes.steps.iter().enumerate() {
            let Some(new) = step.new else { continue };
            if self.cancel.is_raised() {
                return Err(OutputError::Cancelled);
            }
            let (name, _) = journal.beside(number);
            let path = [&step.directory[..], b"/", &step.name].concat();
            let is_there = if self.tree.node(new).is_directory() {
                self.directory(new, (&step.directory, &name), &path, &mut places, not_applied)?;
                true
            } else {
                self.node(new, &step.directory, &name, &path, &mut places, not_applied)?
            };
            if !is_there {
                absent.push(number);
            }
            reporter.advance(Phase::Write, 1, 0);
        }
        if !absent.is_empty() {
            // Devices that could not be created are skipped, and the nodes in their places stay.
            for number in absent {
                (journal.steps[number].comes, journal.steps[number].goes) = (false, false);
            }
            journal.write(root).map_err(|error| OutputError::write(b"/", "write the journal of the change", error))?;
        }
        Ok(())
    }

    /// Returns the places of unchanged nodes of the base that get another name.
    fn places(&self) -> Places {
        let mut wanted: Vec<NodeId> = Vec::new();
        let mut pending: Vec<NodeId> = self.changes.steps.iter().filter_map(|step| step.new).collect();
        while let Some(id) = pending.pop() {
            match &self.tree.node(id).kind {
                NodeKind::Directory(directory) => pending.extend(directory.entries().map(|(_, id)| id)),
                _ => wanted.push(id),
            }
        }
        wanted.sort_unstable();
        let mut places = Places::default();
        if wanted.is_empty() {
            return places;
        }
        self.base.walk(|path, id| {
            let node = self.base.node(id);
            if !node.is_directory() && wanted.binary_search(&id).is_ok() && is_same(node, self.tree.node(id)) {
                let (directory, name) = crate::tree::split(path);
                places.entry(id).or_insert_with(|| (directory.to_vec(), name.to_vec()));
            }
        });
        places
    }

    /// Creates a node that is not a directory, or gives an existing node another name. Returns
    /// `false` if the node could not be created, and records that.
    fn node(
        &self,
        id: NodeId,
        directory: &[u8],
        name: &[u8],
        path: &[u8],
        places: &mut Places,
        not_applied: &mut Vec<NotApplied>,
    ) -> Result<bool, OutputError> {
        let root = self.existing.root.as_fd();
        let failed = |action| move |error| Failure::System(action, error).at(path);
        let opened = beneath::directory(root, directory).map_err(failed("open the directory it is in"))?;
        if let Some((other, first)) = places.get(&id) {
            let other = beneath::directory(root, other).map_err(failed("find the file that it is a name of"))?;
            let linked = linkat(other, &**first, &opened, name, AtFlags::empty());
            return linked.map(|()| true).map_err(failed("create a hard link"));
        }
        let full = || join(b"", path);
        let mut missed = Missed { path: &full, list: not_applied };
        let created = self.creator.create(opened.as_fd(), name, self.tree.node(id), &mut missed);
        created.map_err(|failure| failure.at(path))?;
        if statat(&opened, name, AtFlags::SYMLINK_NOFOLLOW).is_err_and(|error| error == Errno::NOENT) {
            return Ok(false);
        }
        places.insert(id, (directory.to_vec(), name.to_vec()));
        Ok(true)
    }

    /// Creates a directory with its whole content, under another name than in the tree.
    fn directory(
        &self,
        id: NodeId,
        (directory, name): (&[u8], &[u8]),
        path: &[u8],
        places: &mut Places,
        not_applied: &mut Vec<NotApplied>,
    ) -> Result<(), OutputError> {
        let root = self.existing.root.as_fd();
        // The nodes are in the order of discovery, each with its place on disk and its path in the
        // tree. They are finished in the opposite order.
        let below = |directory: &[u8], name: &[u8]| {
            if directory.is_empty() { name.to_vec() } else { [directory, b"/", name].concat() }
        };
        let mut made = vec![(id, below(directory, name), path.to_vec())];
        let mut next = 0;
        while let Some((id, place, path)) = made.get(next).cloned() {
            if self.cancel.is_raised() {
                return Err(OutputError::Cancelled);
            }
            let (above, last) = crate::tree::split(&place);
            let above =
                beneath::directory(root, above).map_err(|error| OutputError::write(&path, "create a directory", error))?;
            self.creator.open_new_directory(above.as_fd(), last).map_err(|failure| failure.at(&path))?;
            if let NodeKind::Directory(entries) = &self.tree.node(id).kind {
                for (name, child) in entries.entries() {
                    let path = below(&path, name);
                    if self.tree.node(child).is_directory() {
                        made.push((child, below(&place, name), path));
                    } else {
                        self.node(child, &place, name, &path, places, not_applied)?;
                    }
                }
            }
            next += 1;
        }
        for (id, place, path) in made.iter().rev() {
            let opened = beneath::directory(root, place).map_err(|error| OutputError::write(path, "finish it", error))?;
            let full = || join(b"", path);
            let mut missed = Missed { path: &full, list: not_applied };
            let finished = self.creator.finish_directory(opened.as_fd(), &self.tree.node(*id).metadata, &mut missed);
            finished.map_err(|failure| failure.at(path))?;
        }
        Ok(())
    }
}
