//! Writes a tree into a directory: in parallel, one task per directory, completely or not at all.
//!
//! The task of a directory creates it, hands its subdirectories to other tasks and fills it. The
//! last task that holds the directory sets its mode, owner and times, and closes it. A thread opens
//! the heaviest of its subdirectories last. So only those directories stay open whose lighter
//! subdirectories are being written: per thread at most the logarithm of the tree's weight, however
//! deep the tree is. Other threads take the heaviest subdirectory first, so that no large file
//! starts when everything else is done. A node with several names is first created in a staging
//! directory inside the hidden root and then linked to its names, so that no task waits for
//! another.
//!
//! Nothing is flushed to disk unless [`WriteOptions::sync`] is set. If the process is killed, OUT
//! is absent or complete, unless names were being moved up into an OUT that has to stay (see
//! `destination`). After a power failure, only a synced OUT is certain to be complete or absent.
//! Building a root again is faster than flushing it, so sync is not the default.

use std::fs;
use std::num::NonZeroUsize;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rayon::Scope;
use rustc_hash::FxHashMap;
use rustix::fs::{AtFlags, fstatvfs, linkat, unlinkat};
use rustix::io::Errno;

use super::create::{Creator, Failure, Missed};
use super::destination::Destination;
use super::error::OutputError;
use super::ownership::{Caller, NotApplied, Ownership};
use super::plan::Plan;
use crate::cancel::Cancel;
use crate::package::Content;
use crate::reporter::{Phase, Reporter};
use crate::tree::{Node, NodeId, NodeKind, Tree};

/// The number of entries that one task creates. The entries of a larger directory are divided among
/// tasks.
const CHUNK: usize = 64;

/// Options for writing a tree.
#[derive(Clone, Debug)]
pub struct WriteOptions {
    /// The treatment of owners.
    pub ownership: Ownership,
    /// The time that replaces [`Metadata::NOW`](crate::tree::Metadata::NOW), in seconds since 1970.
    pub epoch: i64,
    /// The number of threads for writing; `None` uses the current rayon pool.
    pub jobs: Option<NonZeroUsize>,
    /// True if everything is flushed to disk before and after OUT appears.
    pub sync: bool,
}

/// Statistics of a written tree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// The number of names that are not directories.
    pub files: u64,
    /// The number of directories, the root included.
    pub directories: u64,
    /// The size of all contents in bytes, hard links counted once.
    pub bytes: u64,
    /// The caller's user and group, which replace `0:0` on every path that [`Written::not_applied`]
    /// does not name.
    pub stands_for_root: Option<(u32, u32)>,
    /// The parts of the tree that are not on disk, sorted by path.
    pub not_applied: Vec<NotApplied>,
}

/// A checked destination for a tree, with a hidden directory to write in. If it is dropped before
/// the tree is written, it leaves nothing behind.
pub struct Directory {
    destination: Destination,
}

impl Directory {
    /// Checks that OUT does not exist or is an empty directory, and that it can be created. The
    /// check is early, so that no work is wasted.
    pub fn prepare(out: &Path) -> Result<Self, OutputError> {
        Ok(Self { destination: Destination::prepare(out)? })
    }

    /// Writes the tree and publishes OUT. On an error, nothing is left of it.
    pub fn write(
        mut self,
        tree: &Tree,
        options: &WriteOptions,
        reporter: &dyn Reporter,
        cancel: &Cancel,
    ) -> Result<Written, OutputError> {
        let plan = Plan::of(tree)?;
        let space = Space::of(self.destination.root());
        let caller = Caller::this_process();
        let creator =
            Creator { ownership: options.ownership, caller, umask: umask(), epoch: options.epoch, cancel, inherits: false };
        reporter.begin(Phase::Write, Some(plan.files + plan.directories), Some(plan.bytes));
        let job = Job {
            tree,
            plan: &plan,
            creator: &creator,
            reporter,
            cancel,
            stopped: AtomicBool::new(false),
            error: Mutex::new(None),
            missed: Mutex::new(Vec::new()),
            staging: None,
            linked_paths: OnceLock::new(),
        };
        let root = self.destination.root().try_clone_to_owned().map_err(|error| OutputError::Write {
            path: "/".to_owned(),
            action: "open it",
            error,
        })?;
        let mut not_applied = job.write(root, options.jobs).map_err(|error| space.explain(error, &plan))?;
        if self.destination.replaces() {
            finish_root(&creator, tree, self.destination.root(), &mut not_applied)?;
        }
        if options.sync {
            self.destination.sync()?;
        }
        if cancel.is_raised() {
            return Err(OutputError::Cancelled);
        }
        self.destination.commit()?;
        if !self.destination.replaces() {
            // OUT stays the directory that it was, and got its names only now.
            finish_root(&creator, tree, self.destination.open_out()?.as_fd(), &mut not_applied)?;
        }
        not_applied.sort_unstable();
        if options.sync {
            self.destination.sync()?;
        }
        let records = options.ownership == Ownership::Record && (caller.uid, caller.gid) != (0, 0);
        let written = Written {
            files: plan.files,
            directories: plan.directories,
            bytes: plan.bytes,
            stands_for_root: records.then_some((caller.uid, caller.gid)),
            not_applied,
        };
        reporter.finish(Phase::Write, &format!("{} files, {} bytes", written.files, written.bytes));
        Ok(written)
    }
}

/// The shared state of all tasks.
struct Job<'a> {
    tree: &'a Tree,
    plan: &'a Plan,
    creator: &'a Creator<'a>,
    reporter: &'a dyn Reporter,
    cancel: &'a Cancel,
    stopped: AtomicBool,
    /// The first error.
    error: Mutex<Option<OutputError>>,
    missed: Mutex<Vec<NotApplied>>,
    /// The staging directory of nodes with several names, which are named by number.
    staging: Option<OwnedFd>,
    /// The first paths of these nodes, computed on first use.
    linked_paths: OnceLock<FxHashMap<NodeId, Vec<u8>>>,
}

/// A directory that is being filled.
struct Open {
    fd: OwnedFd,
    id: NodeId,
    /// The absolute path, without a slash at the end.
    path: Vec<u8>,
}

impl Open {
    fn path_of(&self, name: &[u8]) -> Vec<u8> {
        [&self.path, &b"/"[..], name].concat()
    }
}

impl<'a> Job<'a> {
    fn write(mut self, root: OwnedFd, jobs: Option<NonZeroUsize>) -> Result<Vec<NotApplied>, OutputError> {
        match jobs.map(NonZeroUsize::get) {
            Some(jobs) if jobs != rayon::current_num_threads() => rayon::ThreadPoolBuilder::new()
                .num_threads(jobs)
                .build()
                .map_err(|error| OutputError::Threads(error.to_string()))?
                .install(|| self.fill(root)),
            _ => self.fill(root),
        }
        match self.error.get_mut().unwrap_or_else(PoisonError::into_inner).take() {
            Some(error) => Err(error),
            None => Ok(self.missed.into_inner().unwrap_or_else(PoisonError::into_inner)),
        }
    }

    fn fill(&mut self, root: OwnedFd) {
        let linked = self.plan.all_linked();
        let staging_name = self.staging_name();
        if !linked.is_empty() {
            match self.creator.open_new_directory(root.as_fd(), &staging_name) {
                Ok(fd) => self.staging = Some(fd),
                Err(failure) => return self.fail(failure, || b"/".to_vec()),
            }
        }
        let job = &*self;
        if let Some(staging) = &job.staging {
            rayon::scope(|scope| {
                for (chunk, nodes) in linked.chunks(CHUNK).enumerate() {
                    scope.spawn(move |_| {
                        for (i, &node) in nodes.iter().enumerate() {
                            job.stage(staging.as_fd(), chunk * CHUNK + i, node);
                        }
                    });
                }
            });
        }
        let root = Arc::new(Open { fd: root, id: Tree::ROOT, path: Vec::new() });
        let last = Arc::clone(&root);
        rayon::scope(|scope| job.fill_directory(scope, root));
        // The caller finishes the root, after the staging directory is removed from it.
        if job.is_stopped() {
            return;
        }
        if let Some(staging) = &job.staging {
            let removed = (0..linked.len()).try_for_each(|i| match unlinkat(staging, i.to_string(), AtFlags::empty()) {
                // A device that could not be created.
                Err(Errno::NOENT) => Ok(()),
                result => result,
            });
            let removed = removed.and_then(|()| unlinkat(&last.fd, &*staging_name, AtFlags::REMOVEDIR));
            if let Err(error) = removed {
                job.fail(Failure::System("remove the staging directory", error), || b"/".to_vec());
            }
        }
    }

    /// Returns a name that the tree does not have in its root.
    fn staging_name(&self) -> Vec<u8> {
        let mut name = b".rootstrap-links".to_vec();
        while self.tree.child(Tree::ROOT, &name).is_some() {
            name.push(b'_');
        }
        name
    }

    /// Creates a node with several names, under its number.
    fn stage(&self, staging: BorrowedFd<'_>, number: usize, node: NodeId) {
        if self.is_stopped() {
            return;
        }
        let path = || self.first_path(node);
        let mut missed = Vec::new();
        let name = number.to_string();
        match self.creator.create(staging, name.as_bytes(), self.tree.node(node), &mut Missed { path: &path, list: &mut missed })
        {
            Ok(()) => self.note(missed),
            Err(failure) => self.fail(failure, path),
        }
    }

    /// Returns the first path of a node with several names, for a message.
    fn first_path(&self, node: NodeId) -> Vec<u8> {
        let paths = self.linked_paths.get_or_init(|| {
            let mut paths = FxHashMap::default();
            self.tree.walk(|path, id| {
                if self.plan.linked(id).is_some() {
                    paths.entry(id).or_insert_with(|| [b"/", path].concat());
                }
            });
            paths
        });
        paths.get(&node).cloned().unwrap_or_default()
    }

    fn fill_directory<'s>(&'s self, scope: &Scope<'s>, directory: Arc<Open>)
    where
        'a: 's,
    {
        let NodeKind::Directory(node) = &self.tree.node(directory.id).kind else { return };
        let (mut below, names): (Vec<_>, Vec<_>) = node.entries().partition(|&(_, id)| self.tree.node(id).is_directory());
        // A thread takes its own last task first; other threads steal the first one. So the
        // heaviest task comes first here: its own thread takes it last.
        below.sort_by_key(|&(_, id)| std::cmp::Reverse(self.plan.weight(id)));
        for (name, id) in below {
            let parent = Arc::clone(&directory);
            scope.spawn(move |scope| self.make_directory(scope, parent, name, id));
        }
        let mut chunks = names.chunks(CHUNK);
        let own = chunks.next().unwrap_or_default();
        for chunk in chunks {
            let (directory, chunk) = (Arc::clone(&directory), chunk.to_vec());
            scope.spawn(move |_| {
                self.create(&directory, &chunk);
                self.release(directory);
            });
        }
        self.create(&directory, own);
        self.release(directory);
    }

    fn make_directory<'s>(&'s self, scope: &Scope<'s>, parent: Arc<Open>, name: &[u8], id: NodeId)
    where
        'a: 's,
    {
        if self.is_stopped() {
            return;
        }
        let node = self.tree.node(id);
        let path = parent.path_of(name);
        if let NodeKind::Directory(directory) = &node.kind
            && directory.is_empty()
        {
            let mut missed = Vec::new();
            match self.creator.empty_directory(
                parent.fd.as_fd(),
                name,
                &node.metadata,
                &mut Missed { path: &|| path.clone(), list: &mut missed },
            ) {
                Ok(()) => self.note(missed),
                Err(failure) => self.fail(failure, || path),
            }
            self.reporter.advance(Phase::Write, 1, 0);
            return self.release(parent);
        }
        let opened = self.creator.open_new_directory(parent.fd.as_fd(), name);
        self.release(parent);
        match opened {
            Ok(fd) => self.fill_directory(scope, Arc::new(Open { fd, id, path })),
            Err(failure) => self.fail(failure, || path),
        }
    }

    fn create(&self, directory: &Open, names: &[(&[u8], NodeId)]) {
        let mut missed = Vec::new();
        let mut bytes = 0;
        for &(name, id) in names {
            if self.is_stopped() {
                return;
            }
            let path = || directory.path_of(name);
            let node = self.tree.node(id);
            let result = if let (Some(staging), Some(number)) = (&self.staging, self.plan.linked(id)) {
                link(staging.as_fd(), number, directory.fd.as_fd(), name, node)
            } else {
                bytes += node.content().map_or(0, Content::len);
                self.creator.create(directory.fd.as_fd(), name, node, &mut Missed { path: &path, list: &mut missed })
            };
            if let Err(failure) = result {
                return self.fail(failure, path);
            }
        }
        self.note(missed);
        self.reporter.advance(Phase::Write, names.len() as u64, bytes);
    }

    /// Releases a directory. The last release finishes it, unless it is the root.
    fn release(&self, directory: Arc<Open>) {
        if let Some(directory) = Arc::into_inner(directory)
            && !self.is_stopped()
        {
            self.finish(directory.id, directory.fd.as_fd(), &directory.path);
            self.reporter.advance(Phase::Write, 1, 0);
        }
    }

    fn finish(&self, id: NodeId, directory: BorrowedFd<'_>, path: &[u8]) {
        let path = || path.to_vec();
        let mut missed = Vec::new();
        match self.creator.finish_directory(
            directory,
            &self.tree.node(id).metadata,
            &mut Missed { path: &path, list: &mut missed },
        ) {
            Ok(()) => self.note(missed),
            Err(failure) => self.fail(failure, path),
        }
    }

    fn is_stopped(&self) -> bool {
        if self.cancel.is_raised() {
            self.fail(Failure::Cancelled, Vec::new);
        }
        self.stopped.load(Ordering::Relaxed)
    }

    fn note(&self, missed: Vec<NotApplied>) {
        if !missed.is_empty() {
            self.missed.lock().unwrap_or_else(PoisonError::into_inner).extend(missed);
        }
    }

    fn fail(&self, failure: Failure, path: impl FnOnce() -> Vec<u8>) {
        self.stopped.store(true, Ordering::Relaxed);
        let mut first = self.error.lock().unwrap_or_else(PoisonError::into_inner);
        if first.is_none() {
            *first = Some(match failure {
                // The path is not used, and finding it may take long.
                Failure::Cancelled => OutputError::Cancelled,
                failure => failure.at(&path()),
            });
        }
    }
}

fn finish_root(
    creator: &Creator<'_>,
    tree: &Tree,
    root: BorrowedFd<'_>,
    missed: &mut Vec<NotApplied>,
) -> Result<(), OutputError> {
    let metadata = &tree.node(Tree::ROOT).metadata;
    creator
        .finish_directory(root, metadata, &mut Missed { path: &|| b"/".to_vec(), list: missed })
        .map_err(|failure| failure.at(b"/"))
}

/// Links a staged node to one of its names.
fn link(staging: BorrowedFd<'_>, number: usize, directory: BorrowedFd<'_>, name: &[u8], node: &Node) -> Result<(), Failure> {
    match linkat(staging, number.to_string(), directory, name, AtFlags::empty()) {
        // A device that could not be created is in the report already.
        Err(Errno::NOENT) if matches!(node.kind, NodeKind::CharacterDevice { .. } | NodeKind::BlockDevice { .. }) => Ok(()),
        result => result.map_err(|error| Failure::System("create a hard link", error)),
    }
}

/// The free space before writing began.
struct Space {
    bytes: u64,
    inodes: u64,
}

impl Space {
    fn of(directory: BorrowedFd<'_>) -> Self {
        match fstatvfs(directory) {
            Ok(found) => Self { bytes: found.f_bavail.saturating_mul(found.f_frsize), inodes: found.f_favail },
            Err(_) => Self { bytes: 0, inodes: 0 },
        }
    }

    /// Adds the needed and the available space to the error of a full disk.
    fn explain(&self, error: OutputError, plan: &Plan) -> OutputError {
        match error {
            OutputError::Write { path, action, error }
                if matches!(error.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded) =>
            {
                if error.kind() == std::io::ErrorKind::StorageFull && self.inodes < plan.inodes && self.bytes >= plan.needed {
                    return OutputError::NoInodes { path, action, needed: plan.inodes, available: self.inodes };
                }
                OutputError::NoSpace { path, action, needed: plan.needed, available: self.bytes, error }
            }
            error => error,
        }
    }
}

/// Returns the bits that the system removes from the modes of new files. Reads them without setting
/// the umask, because other threads would see the change.
pub(super) fn umask() -> u16 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("Umask:"));
    // When it is not known, every mode is set a second time.
    line.and_then(|value| u16::from_str_radix(value.trim(), 8).ok()).unwrap_or(0o777)
}
