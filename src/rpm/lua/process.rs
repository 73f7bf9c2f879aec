//! What belongs to a process and is copied when it forks: its directory, environment, identity and open files.

use std::collections::BTreeMap;

use super::errno::Errno;
use super::macros::Macros;
use crate::tree::NodeId;

/// The process that rpm would be, or a child that the script forked.
#[derive(Clone)]
pub(super) struct Process {
    /// Its number.
    pub(super) pid: i64,
    /// Its parent's number.
    pub(super) parent: i64,
    /// Its children that nobody has waited for.
    pub(super) children: Vec<i64>,
    /// The current directory, absolute.
    pub(super) directory: Vec<u8>,
    /// The bits that new files do not get.
    pub(super) umask: u32,
    /// The environment's variables.
    pub(super) variables: BTreeMap<Vec<u8>, Vec<u8>>,
    /// The user's number.
    pub(super) user: u32,
    /// The group's number.
    pub(super) group: u32,
    /// The last error of a system call.
    pub(super) errno: Errno,
    /// Open files by their number; the first three are the standard ones.
    pub(super) files: Vec<Option<OpenFile>>,
    /// The macros of rpm, as they are now.
    pub(super) macros: Macros,
    /// The place of the next file that `rpm.next_file` gives.
    pub(super) next_file: usize,
}

/// The number of the process that runs the scriptlet.
pub(super) const FIRST_PID: i64 = 1000;

/// An open file: what it reads or writes, and where it stands.
#[derive(Clone, Debug)]
pub(super) struct OpenFile {
    /// What is behind it.
    pub(super) stream: Stream,
    /// Where the next byte is read or written.
    pub(super) position: u64,
    /// Whether it may be read.
    pub(super) readable: bool,
    /// Whether it may be written.
    pub(super) writable: bool,
    /// Whether each write goes to the end.
    pub(super) append: bool,
    /// The exit status that closing gives, where a command is behind it.
    pub(super) status: Option<u8>,
}

/// What is behind an open file.
#[derive(Clone, Debug)]
pub(super) enum Stream {
    /// Nothing to read.
    Input,
    /// The scriptlet's output.
    Output,
    /// `/dev/null`, or a standard stream that was redirected to it.
    Null,
    /// A regular file of the tree.
    Node(NodeId),
    /// Bytes of nobody else: a temporary file, or what a command printed.
    Bytes(Vec<u8>),
}

impl OpenFile {
    /// A file that is open for reading, writing or both.
    pub(super) fn new(stream: Stream, readable: bool, writable: bool) -> Self {
        Self { stream, position: 0, readable, writable, append: false, status: None }
    }
}

impl Process {
    /// The process that runs a scriptlet: root, in `/`.
    pub(super) fn new(variables: BTreeMap<Vec<u8>, Vec<u8>>, macros: Macros) -> Self {
        Self {
            pid: FIRST_PID,
            parent: 1,
            children: Vec::new(),
            directory: b"/".to_vec(),
            umask: 0o022,
            variables,
            user: 0,
            group: 0,
            errno: Errno::None,
            files: vec![
                Some(OpenFile::new(Stream::Input, true, false)),
                Some(OpenFile::new(Stream::Output, false, true)),
                Some(OpenFile::new(Stream::Output, false, true)),
            ],
            macros,
            next_file: 0,
        }
    }

    /// Whether it is a child that the script forked.
    pub(super) fn is_forked(&self) -> bool {
        self.pid != FIRST_PID
    }

    /// `path` seen from the current directory; an empty path is nowhere.
    pub(super) fn absolute(&self, path: &[u8]) -> Result<Vec<u8>, Errno> {
        if path.is_empty() { Err(Errno::NotFound) } else { Ok(crate::tree::join(&self.directory, path)) }
    }
}
