//! The state of a process that a fork copies: its directory, environment, identity and open files.

use std::collections::BTreeMap;

use super::errno::Errno;
use super::macros::Macros;
use crate::tree::NodeId;

/// The process that stands for rpm, or a child that the script forked.
#[derive(Clone)]
pub(super) struct Process {
    /// Process number.
    pub(super) pid: i64,
    /// Process number of the parent.
    pub(super) parent: i64,
    /// Children that the process has not waited for.
    pub(super) children: Vec<i64>,
    /// The current directory, absolute.
    pub(super) directory: Vec<u8>,
    /// Permission bits that new files do not get.
    pub(super) umask: u32,
    /// Environment variables.
    pub(super) variables: BTreeMap<Vec<u8>, Vec<u8>>,
    /// User number.
    pub(super) user: u32,
    /// Group number.
    pub(super) group: u32,
    /// Error of the last failed system call.
    pub(super) errno: Errno,
    /// Open files by their number. The first three are the standard streams.
    pub(super) files: Vec<Option<OpenFile>>,
    /// Current macros of rpm.
    pub(super) macros: Macros,
    /// Index of the next file that `rpm.next_file` returns.
    pub(super) next_file: usize,
}

/// Number of the process that runs the scriptlet.
pub(super) const FIRST_PID: i64 = 1000;

/// An open file with its position.
#[derive(Clone, Debug)]
pub(super) struct OpenFile {
    /// Source or target of the data.
    pub(super) stream: Stream,
    /// Offset of the next byte to read or write.
    pub(super) position: u64,
    /// True if the file is open for reading.
    pub(super) readable: bool,
    /// True if the file is open for writing.
    pub(super) writable: bool,
    /// True if each write appends to the end.
    pub(super) append: bool,
    /// Exit status that closing returns, if the file is a command's output.
    pub(super) status: Option<u8>,
}

/// The source or target of an open file.
#[derive(Clone, Debug)]
pub(super) enum Stream {
    /// Empty input.
    Input,
    /// The scriptlet's output.
    Output,
    /// `/dev/null`, or a standard stream that was redirected to it.
    Null,
    /// A regular file of the tree.
    Node(NodeId),
    /// Private bytes: a temporary file, or the output of a command.
    Bytes(Vec<u8>),
}

impl OpenFile {
    /// Creates a file that is open for reading, writing or both.
    pub(super) fn new(stream: Stream, readable: bool, writable: bool) -> Self {
        Self { stream, position: 0, readable, writable, append: false, status: None }
    }
}

impl Process {
    /// Creates the process that runs a scriptlet: root, in `/`.
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

    /// Reports whether the process is a child that the script forked.
    pub(super) fn is_forked(&self) -> bool {
        self.pid != FIRST_PID
    }

    /// Returns `path` as an absolute path. Fails if it is empty.
    pub(super) fn absolute(&self, path: &[u8]) -> Result<Vec<u8>, Errno> {
        if path.is_empty() { Err(Errno::NotFound) } else { Ok(crate::tree::join(&self.directory, path)) }
    }
}
