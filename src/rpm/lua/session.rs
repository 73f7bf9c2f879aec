//! The state of one running scriptlet: the tree that it changes, its process, and the record that
//! lets it continue as parent after a fork.
//!
//! No process is forked on the host. `posix.fork` first returns 0, and the script continues as the
//! child until it executes a program, exits or ends. Then the script runs again from its beginning
//! in a new interpreter. Its calls are answered from the record, without effects, until it reaches
//! the fork. Now the fork returns the child's number, and the script continues as the parent. It
//! has its earlier variables, files and directory, and the tree has the child's changes. To the
//! script this looks like a fork followed by a wait.

#![allow(clippy::unnecessary_wraps, reason = "all functions that a script calls have one type")]

use std::collections::BTreeMap;
use std::rc::Rc;

use rustc_hash::FxHashMap;

use super::command::{Command, CommandResult, Executed};
use super::errno::Errno;
use super::limits::{Exceeded, Meter};
use super::process::{OpenFile, Process, Stream};
use super::value::{Arguments, Fault, Item, Reply};
use super::{Environment, Handler, Script, files};
use crate::package::Content;
use crate::tree::{Metadata, NodeId, NodeKind, Tree};

/// Cost of every call, in steps.
const CALL: u64 = 20;
/// Number of bytes that count as one step.
pub(super) const BYTES_A_STEP: u64 = 16;
/// Maximum size of the record, in bytes, of a scriptlet that may still fork.
const MAX_HISTORY: usize = 32 << 20;

/// A recorded call and its reply.
struct Call {
    fingerprint: u64,
    reply: Reply,
}

/// The suspended parent of a fork.
struct Continuation {
    process: Process,
    history: Vec<Rc<Call>>,
}

/// A running scriptlet.
pub(super) struct Session<'a> {
    pub(super) tree: &'a mut Tree,
    pub(super) environment: &'a Environment,
    pub(super) script: &'a Script,
    pub(super) process: Process,
    pub(super) meter: Rc<Meter>,
    pub(super) output: Vec<u8>,
    pub(super) executed: Vec<Executed>,
    handler: &'a mut Handler<'a>,
    /// Contents of files open for writing, until they are stored in the tree.
    written: FxHashMap<NodeId, Vec<u8>>,
    inodes: FxHashMap<NodeId, u64>,
    /// Milliseconds since the time of the build, as the script sees it.
    clock: i64,
    last_pid: i64,
    temporary_names: u64,
    forks: usize,
    history: Vec<Rc<Call>>,
    replayed: usize,
    history_size: usize,
    diverged: bool,
    pending: Vec<Continuation>,
}

impl<'a> Session<'a> {
    pub(super) fn new(
        tree: &'a mut Tree,
        script: &'a Script,
        environment: &'a Environment,
        handler: &'a mut Handler<'a>,
        meter: Rc<Meter>,
    ) -> Self {
        let variables: BTreeMap<_, _> = environment.variables();
        Self {
            tree,
            environment,
            script,
            process: Process::new(variables, environment.macros()),
            meter,
            output: Vec::new(),
            executed: Vec::new(),
            handler,
            written: FxHashMap::default(),
            inodes: FxHashMap::default(),
            clock: 0,
            last_pid: super::process::FIRST_PID,
            temporary_names: 0,
            forks: 0,
            history: Vec::new(),
            replayed: 0,
            history_size: 0,
            diverged: false,
            pending: Vec::new(),
        }
    }

    /// Executes a call of the script, or answers it from the record.
    pub(super) fn call(&mut self, operation: super::Operation, arguments: &Arguments) -> Reply {
        if !self.meter.spend(CALL) || !self.meter.check_time() {
            return Err(Fault::Stop);
        }
        let fingerprint = arguments.fingerprint();
        if let Some(call) = self.history.get(self.replayed) {
            if call.fingerprint != fingerprint {
                self.diverged = true;
                return Err(self.stop());
            }
            self.replayed += 1;
            return call.reply.clone();
        }
        let reply = operation(self, arguments);
        if reply != Err(Fault::Stop) && self.history_size <= MAX_HISTORY {
            self.history_size += reply.as_ref().map_or(64, |items| 64 + items.iter().map(Item::size).sum::<usize>());
            self.history.push(Rc::new(Call { fingerprint, reply: reply.clone() }));
            self.replayed += 1;
        }
        reply
    }

    /// Ends this run of the script, even if it catches errors.
    pub(super) fn stop(&self) -> Fault {
        self.meter.set_stopped(true);
        Fault::Stop
    }

    /// Reports whether a repeated run made other calls than the first one.
    pub(super) fn diverged(&self) -> bool {
        self.diverged
    }

    /// Continues as the parent of the child that just ended. Returns false if there is none.
    pub(super) fn resume(&mut self) -> bool {
        let Some(parent) = self.pending.pop() else { return false };
        self.process = parent.process;
        self.history = parent.history;
        self.replayed = 0;
        true
    }

    /// Implements `posix.fork`.
    pub(super) fn fork(&mut self, arguments: &Arguments) -> Reply {
        if self.forks >= self.meter.limits().forks {
            return self.system_result(Err(Errno::TryAgain), None);
        }
        if self.history_size > MAX_HISTORY {
            return self.system_result(Err(Errno::NoMemory), None);
        }
        self.forks += 1;
        self.last_pid += 1;
        let pid = self.last_pid;
        let mut parent = self.process.clone();
        parent.children.push(pid);
        let mut history = self.history.clone();
        let reply = Ok(vec![Item::Number(pid as f64)]);
        history.push(Rc::new(Call { fingerprint: arguments.fingerprint(), reply }));
        self.pending.push(Continuation { process: parent, history });
        self.process.parent = self.process.pid;
        self.process.pid = pid;
        self.process.children.clear();
        Ok(vec![Item::Number(0.0)])
    }

    /// Counts the bytes that a function processes.
    pub(super) fn spend_bytes(&self, bytes: usize) -> Result<(), Fault> {
        if self.meter.spend(bytes as u64 / BYTES_A_STEP) { Ok(()) } else { Err(Fault::Stop) }
    }

    /// Returns the values of a `posix` call: a number, or nil, a message and the error number. As
    /// in rpm, numbers are floats.
    pub(super) fn system_result(&mut self, result: Result<i64, Errno>, about: Option<&[u8]>) -> Reply {
        match result {
            Ok(value) => Ok(vec![Item::Number(value as f64)]),
            Err(errno) => {
                let mut items = self.failure(errno, about);
                items[2] = Item::Number(f64::from(errno.number()));
                Ok(items)
            }
        }
    }

    /// Returns the values of a call of Lua's own libraries: true, or nil, a message and the error
    /// number.
    pub(super) fn library_result(&mut self, result: Result<(), Errno>, about: Option<&[u8]>) -> Reply {
        match result {
            Ok(()) => Ok(vec![Item::Boolean(true)]),
            Err(errno) => Ok(self.failure(errno, about)),
        }
    }

    fn failure(&mut self, errno: Errno, about: Option<&[u8]>) -> Vec<Item> {
        self.process.errno = errno;
        let message = match about {
            Some(about) => [about, b": ", errno.text().as_bytes()].concat(),
            None => errno.text().into(),
        };
        vec![Item::Nil, Item::String(message), Item::Integer(i64::from(errno.number()))]
    }

    /// Adds to the scriptlet's output.
    pub(super) fn print(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let limit = self.meter.limits().output;
        let room = limit.saturating_sub(self.output.len());
        self.output.extend_from_slice(&bytes[..bytes.len().min(room)]);
        if bytes.len() > room {
            self.meter.exceed(Exceeded::Output(limit));
            return Err(Fault::Stop);
        }
        Ok(())
    }

    /// Passes a command to the handler, if the tree has the program.
    pub(super) fn execute(&mut self, arguments: Vec<Vec<u8>>) -> Result<CommandResult, Errno> {
        let name = arguments.first().cloned().unwrap_or_default();
        let found = self.find_program(&name);
        let command = Command { arguments, program: found.as_ref().ok().cloned() };
        let result = if command.program.is_some() {
            self.flush();
            (self.handler)(self.tree, &command)
        } else {
            CommandResult::NotRun
        };
        self.executed.push(Executed { command, result: result.clone() });
        found.map(|_| result)
    }

    /// Returns the path of a program in the tree, with the search rules of `execvp`.
    pub(super) fn find_program(&self, name: &[u8]) -> Result<Vec<u8>, Errno> {
        let executable = |path: Vec<u8>| {
            let path = self.process.absolute(&path)?;
            let node = self.tree.node(files::find(self.tree, &path, true)?);
            if node.is_directory() || !files::is_executable(node) { Err(Errno::AccessDenied) } else { Ok(path) }
        };
        if name.is_empty() || name.contains(&b'/') {
            return executable(name.to_vec());
        }
        let path = self.process.variables.get(&b"PATH"[..]).cloned().unwrap_or_else(|| b"/bin:/usr/bin".to_vec());
        let mut error = Errno::NotFound;
        for directory in path.split(|&c| c == b':') {
            let directory = if directory.is_empty() { b"." } else { directory };
            match executable([directory, b"/", name].concat()) {
                Err(Errno::NotFound | Errno::NotADirectory) => {}
                Err(other) => error = other,
                found => return found,
            }
        }
        Err(error)
    }

    /// Adds a command's output to that of the scriptlet, unless it was redirected.
    pub(super) fn print_of_command(&mut self, result: &CommandResult) -> Result<(), Fault> {
        match result {
            CommandResult::Done { output, .. } if !output.is_empty() && self.stdout_is_output() => self.print(output),
            _ => Ok(()),
        }
    }

    fn stdout_is_output(&self) -> bool {
        matches!(self.process.files.get(1), Some(Some(OpenFile { stream: Stream::Output, .. })))
    }

    /// Returns an inode number for a node (`st_ino`). Numbers are in the order in which the script
    /// asks.
    pub(super) fn inode(&mut self, id: NodeId) -> u64 {
        let next = self.inodes.len() as u64 + 2;
        *self.inodes.entry(id).or_insert(next)
    }

    /// Returns the time in milliseconds since that of the build. It advances with each call, so
    /// that loops waiting for it end.
    pub(super) fn clock(&mut self) -> i64 {
        self.clock = self.clock.saturating_add(1);
        self.clock
    }

    /// Advances the clock.
    pub(super) fn sleep(&mut self, seconds: i64) {
        self.clock = self.clock.saturating_add(seconds.clamp(0, 1 << 32) * 1000);
    }

    /// Returns the time, in seconds since 1970.
    pub(super) fn now(&mut self) -> i64 {
        let clock = self.clock();
        self.environment.epoch.saturating_add(clock / 1000)
    }

    /// Returns an unused name for a temporary file: the template with its last six letters
    /// replaced.
    pub(super) fn temporary_name(&mut self, template: &[u8]) -> Result<Vec<u8>, Errno> {
        let stem = template.strip_suffix(b"XXXXXX").ok_or(Errno::Invalid)?;
        self.temporary_names += 1;
        Ok([stem, format!("{:06}", self.temporary_names % 1_000_000).as_bytes()].concat())
    }

    /// Counts a new name in the tree.
    pub(super) fn spend_name(&self) -> Result<(), Fault> {
        if self.meter.write(4096) { Ok(()) } else { Err(Fault::Stop) }
    }

    /// Returns the current length of a regular file, in bytes.
    pub(super) fn length(&self, id: NodeId) -> u64 {
        match self.written.get(&id) {
            Some(bytes) => bytes.len() as u64,
            None => self.tree.node(id).content().map_or(0, Content::len),
        }
    }

    /// Returns up to `count` bytes of a regular file from `position`.
    pub(super) fn read(&self, id: NodeId, position: u64, count: u64) -> Result<Vec<u8>, Errno> {
        let length = self.length(id);
        let start = position.min(length);
        let count = count.min(length - start);
        if let Some(bytes) = self.written.get(&id) {
            return Ok(bytes[start as usize..(start + count) as usize].to_vec());
        }
        let part = self.tree.node(id).content().and_then(|content| content.slice(start, count));
        let part = part.ok_or(Errno::IsADirectory)?;
        Ok(part.bytes().map_err(|_| Errno::Io)?.into_owned())
    }

    /// Truncates a regular file to `length` bytes, or extends it with zeros.
    pub(super) fn resize(&mut self, id: NodeId, length: u64) -> Result<(), Fault> {
        if length == 0 && self.length(id) == 0 {
            return Ok(());
        }
        let bytes = self.pending_bytes(id, length == 0)?;
        let more = length.saturating_sub(bytes.len() as u64);
        let length = usize::try_from(length).map_err(|_| Fault::error(Errno::NoSpace.text()))?;
        if !self.meter.write(more) {
            return Err(Fault::Stop);
        }
        self.pending_bytes(id, false)?.resize(length, 0);
        Ok(())
    }

    /// Writes into a regular file at `position`.
    pub(super) fn write(&mut self, id: NodeId, position: u64, data: &[u8]) -> Result<(), Fault> {
        if self.length(id) < position {
            self.resize(id, position)?;
        }
        if !self.meter.write(data.len() as u64) {
            return Err(Fault::Stop);
        }
        let bytes = self.pending_bytes(id, false)?;
        let start = position as usize;
        let over = data.len().min(bytes.len() - start);
        bytes[start..start + over].copy_from_slice(&data[..over]);
        bytes.extend_from_slice(&data[over..]);
        Ok(())
    }

    /// Returns the bytes of a file that is being written. The first change takes them from the
    /// tree.
    fn pending_bytes(&mut self, id: NodeId, emptied: bool) -> Result<&mut Vec<u8>, Fault> {
        if !self.written.contains_key(&id) {
            let bytes = match self.tree.node(id).content() {
                Some(content) if !emptied => {
                    if !self.meter.write(content.len()) {
                        return Err(Fault::Stop);
                    }
                    content.bytes().map_err(|_| Fault::error(Errno::Io.text()))?.into_owned()
                }
                _ => Vec::new(),
            };
            let node = self.tree.node_mut(id);
            node.metadata.mtime = Metadata::NOW;
            node.metadata.xattrs.remove(&b"security.capability"[..]);
            node.digest = None;
            self.written.insert(id, bytes);
        }
        // The entry exists or was inserted above.
        Ok(self.written.entry(id).or_default())
    }

    /// Stores the written contents in the tree.
    pub(super) fn flush(&mut self) {
        for (id, bytes) in self.written.drain() {
            let node = self.tree.node_mut(id);
            if let NodeKind::File(content) = &mut node.kind {
                *content = Content::from(bytes);
            }
        }
    }
}
