//! The journal of a change. It is written to the root's disk before the root is changed, so that
//! the next run can complete an interrupted change.
//!
//! Its text is written once. Its name states the progress of the change. The name is changed by
//! `rename`, which needs no space on a full disk.

use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::{AtFlags, Mode, OFlags, RenameFlags, fsync, openat, renameat, renameat_with, statat, unlinkat};
use rustix::io::Errno;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::changes::{Changes, Touched};
use crate::output::create::write_own;
use crate::package::{Owner, Xattrs};
use crate::tree::Metadata;

/// The progress of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// New nodes are written beside their places. An interrupted change is rolled back.
    Staging,
    /// All new nodes are written and move into place. An interrupted change is finished, or
    /// rolled back if the system refuses a step.
    Moving,
    /// Removed nodes are deleted, and directories get their attributes. An interrupted change is
    /// finished.
    Clearing,
}

impl State {
    const ALL: [Self; 3] = [Self::Staging, Self::Moving, Self::Clearing];

    /// Returns the journal's name in the root.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Staging => ".rootstrap-journal.staging",
            Self::Moving => ".rootstrap-journal.moving",
            Self::Clearing => ".rootstrap-journal.clearing",
        }
    }
}

/// The text of a journal before it is complete.
const UNWRITTEN: &str = ".rootstrap-journal.new";
const SCHEMA: u32 = 1;

/// A change, as it is stored on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Journal {
    schema: u32,
    /// The prefix of temporary names beside their places.
    pub(super) prefix: Bytes,
    pub(super) steps: Vec<JournalStep>,
    pub(super) directories: Vec<JournalDirectory>,
}

/// A name that is added or removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct JournalStep {
    pub(super) directory: Bytes,
    pub(super) name: Bytes,
    pub(super) comes: bool,
    pub(super) goes: bool,
}

/// A directory that stays and is changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct JournalDirectory {
    pub(super) path: Bytes,
    before: Attributes,
    after: Attributes,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Attributes {
    mode: u16,
    mtime: i64,
    uid: u32,
    gid: u32,
    xattrs: Vec<(Bytes, Bytes)>,
}

/// Bytes stored as text: one character per byte, with the same number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bytes(pub(super) Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.iter().map(|&byte| char::from(byte)).collect::<String>())
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = text.chars().map(|c| u8::try_from(u32::from(c))).collect::<Result<_, _>>();
        bytes.map(Self).map_err(serde::de::Error::custom)
    }
}

impl Attributes {
    fn of(metadata: &Metadata) -> Self {
        let number = |owner: &Owner| if let Owner::Id(id) = owner { *id } else { 0 };
        let xattrs = metadata.xattrs.iter().map(|(name, value)| (Bytes(name.to_vec()), Bytes(value.to_vec())));
        Self {
            mode: metadata.mode,
            mtime: metadata.mtime,
            uid: number(&metadata.user),
            gid: number(&metadata.group),
            xattrs: xattrs.collect(),
        }
    }

    fn metadata(&self) -> Metadata {
        let xattrs = self.xattrs.iter().map(|(name, value)| (name.0.as_slice().into(), value.0.as_slice().into()));
        Metadata {
            mode: self.mode & 0o7777,
            mtime: self.mtime,
            user: Owner::Id(self.uid),
            group: Owner::Id(self.gid),
            xattrs: xattrs.collect::<Xattrs>(),
        }
    }
}

impl JournalDirectory {
    pub(super) fn before(&self) -> Metadata {
        self.before.metadata()
    }

    pub(super) fn after(&self) -> Metadata {
        self.after.metadata()
    }
}

impl Journal {
    pub(super) fn of(changes: &Changes, prefix: Vec<u8>) -> Self {
        let steps = changes.steps.iter().map(|step| JournalStep {
            directory: Bytes(step.directory.clone()),
            name: Bytes(step.name.clone()),
            comes: step.new.is_some(),
            goes: step.old.is_some(),
        });
        let directory = |touched: &Touched| JournalDirectory {
            path: Bytes(touched.path.clone()),
            before: Attributes::of(&touched.before),
            after: Attributes::of(&touched.after),
        };
        Self {
            schema: SCHEMA,
            prefix: Bytes(prefix),
            steps: steps.collect(),
            directories: changes.touched.iter().map(directory).collect(),
        }
    }

    /// Writes the journal of a new change, or writes it again.
    pub(super) fn write(&self, root: BorrowedFd<'_>) -> rustix::io::Result<()> {
        let text = serde_json::to_vec(self).map_err(|_| Errno::INVAL)?;
        let _ = unlinkat(root, UNWRITTEN, AtFlags::empty());
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(root, UNWRITTEN, flags, Mode::RUSR | Mode::WUSR)?;
        let written = write_own(file.as_fd(), &text).and_then(|()| fsync(&file));
        let done = written.and_then(|()| renameat(root, UNWRITTEN, root, State::Staging.name()));
        if done.is_err() {
            let _ = unlinkat(root, UNWRITTEN, AtFlags::empty());
        }
        done.and_then(|()| fsync_directory(root))
    }

    /// Records the progress of the change, forward or back.
    pub(super) fn advance(root: BorrowedFd<'_>, from: State, to: State) -> rustix::io::Result<()> {
        renameat_with(root, from.name(), root, to.name(), RenameFlags::NOREPLACE)?;
        fsync_directory(root)
    }

    /// Removes the journal of a completed change.
    pub(super) fn remove(root: BorrowedFd<'_>, state: State) -> rustix::io::Result<()> {
        unlinkat(root, state.name(), AtFlags::empty())?;
        fsync_directory(root)
    }

    /// Returns the journal of an earlier run and the progress of its change. Fails with the problem
    /// if the journal cannot be read.
    pub(super) fn find(root: BorrowedFd<'_>) -> Result<Option<(Self, State)>, (State, String)> {
        let _ = unlinkat(root, UNWRITTEN, AtFlags::empty());
        let Some(state) = State::ALL.into_iter().find(|state| statat(root, state.name(), AtFlags::SYMLINK_NOFOLLOW).is_ok())
        else {
            return Ok(None);
        };
        let read = || -> Result<Self, String> {
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let file = openat(root, state.name(), flags, Mode::empty()).map_err(|error| error.to_string())?;
            let mut text = Vec::new();
            std::fs::File::from(file).read_to_end(&mut text).map_err(|error| error.to_string())?;
            let journal: Self = serde_json::from_slice(&text).map_err(|error| error.to_string())?;
            let is_name = |name: &[u8]| !name.is_empty() && name != b"." && name != b".." && !name.contains(&b'/');
            match () {
                () if journal.schema != SCHEMA => Err(format!("it is of version {}, not {SCHEMA}", journal.schema)),
                () if journal.steps.iter().any(|step| !is_name(&step.name.0)) || !is_name(&journal.prefix.0) => {
                    Err("it holds a name that is none".to_owned())
                }
                () => Ok(journal),
            }
        };
        read().map(|journal| Some((journal, state))).map_err(|problem| (state, problem))
    }
}

/// Flushes a directory. Ignores file systems that cannot flush directories.
fn fsync_directory(directory: BorrowedFd<'_>) -> rustix::io::Result<()> {
    match fsync(directory) {
        Err(Errno::INVAL | Errno::ROFS) => Ok(()),
        result => result,
    }
}
