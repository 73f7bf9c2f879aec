//! Lua's `io` library on the tree. Files behave like C's streams, without visible buffering.

use super::errno::Errno;
use super::number;
use super::process::{OpenFile, Stream};
use super::session::Session;
use super::value::{Arguments, Fault, Item, Reply, general};
use super::{Operation, limits::Exceeded};
use crate::package::{Content, Owner};
use crate::tree::{Node, NodeKind};

/// The functions of the library.
pub(super) const OPERATIONS: &[(&str, Operation)] = &[
    ("io.open", open),
    ("io.popen", popen),
    ("io.tmpfile", tmpfile),
    ("io.is_open", is_open),
    ("file.close", close),
    ("file.read", read),
    ("file.write", write),
    ("file.seek", seek),
    ("io.read_whole", read_whole),
];

/// Maximum number of open files. It exceeds a process's usual limit, because files that a script
/// forgets are never closed.
const MAX_FILES: usize = 65_536;
/// Number of bytes to read at a time when searching the end of a line.
const PIECE: u64 = 16 << 10;

/// Adds an open file to the process and returns its number.
pub(super) fn add(session: &mut Session, file: OpenFile) -> Result<u32, Errno> {
    let files = &mut session.process.files;
    if files.len() >= MAX_FILES {
        return Err(Errno::TooManyFiles);
    }
    files.push(Some(file));
    Ok((files.len() - 1) as u32)
}

/// Opens `path` with a mode of `fopen`.
pub(super) fn open_path(session: &mut Session, path: &[u8], mode: &[u8]) -> Result<Result<OpenFile, Errno>, Fault> {
    let (kind, update) = (mode.first().copied().unwrap_or(b'r'), mode.contains(&b'+'));
    let exclusive = mode.contains(&b'x');
    let place = session.process.absolute(path).and_then(|path| Ok((session.tree.locate_following(&path)?, path)));
    let (place, path) = match place {
        Ok(found) => found,
        Err(errno) => return Ok(Err(errno)),
    };
    let writes = kind != b'r' || update;
    if kind != b'r' && path.ends_with(b"/") {
        return Ok(Err(Errno::IsADirectory));
    }
    let id = match place.node {
        Some(_) if exclusive => return Ok(Err(Errno::Exists)),
        Some(id) => id,
        None if kind == b'r' => return Ok(Err(Errno::NotFound)),
        None => {
            session.spend_name()?;
            let mut node = Node::file(Content::empty(), 0o666 & !(session.process.umask as u16));
            node.metadata.user = Owner::Id(session.process.user);
            node.metadata.group = Owner::Id(session.process.group);
            match session.tree.insert(place.parent, &place.name, node) {
                Ok(id) => id,
                Err(error) => return Ok(Err(error.into())),
            }
        }
    };
    let stream = match &session.tree.node(id).kind {
        NodeKind::Directory(_) if writes => return Ok(Err(Errno::IsADirectory)),
        NodeKind::File(_) if path.ends_with(b"/") => return Ok(Err(Errno::NotADirectory)),
        NodeKind::CharacterDevice { major: 1, minor: 3 } => Stream::Null,
        NodeKind::File(_) | NodeKind::Directory(_) => Stream::Node(id),
        // Devices, pipes and sockets have no peer.
        _ => return Ok(Err(Errno::NoDevice)),
    };
    if kind == b'w' && matches!(stream, Stream::Node(_)) {
        session.resize(id, 0)?;
    }
    let mut file = OpenFile::new(stream, kind == b'r' || update, writes);
    file.append = kind == b'a';
    Ok(Ok(file))
}

fn open(session: &mut Session, arguments: &Arguments) -> Reply {
    let path = arguments.c_string(1)?;
    let mode = arguments.optional_string(2, "r")?;
    if !is_mode(&mode) {
        return Err(arguments.bad(2, "invalid mode"));
    }
    let opened = open_path(session, &path, &mode)?.and_then(|file| add(session, file));
    match opened {
        Ok(file) => Ok(vec![Item::File(file)]),
        Err(errno) => session.library_result(Err(errno), Some(&path)),
    }
}

/// Reports whether `mode` is `[rwa]`, `+`, `b`, in this order (liolib.c, `l_checkmode`).
fn is_mode(mode: &[u8]) -> bool {
    let Some((b'r' | b'w' | b'a', rest)) = mode.split_first() else { return false };
    let rest = rest.strip_prefix(b"+").unwrap_or(rest);
    rest.iter().all(|&c| c == b'b')
}

/// Runs a command and returns its output as a file. Data written to the file are discarded.
fn popen(session: &mut Session, arguments: &Arguments) -> Reply {
    let text = arguments.c_string(1)?;
    let mode = arguments.optional_string(2, "r")?;
    if mode != b"r" && mode != b"w" {
        return Err(arguments.bad(2, "invalid mode"));
    }
    let result = session.execute(vec![b"/bin/sh".to_vec(), b"-c".to_vec(), text.clone()]);
    let (status, output) = match &result {
        Ok(super::CommandResult::Done { status, output }) => (*status, output.clone()),
        _ => (127, Vec::new()),
    };
    let stream = if mode == b"r" { Stream::Bytes(output) } else { Stream::Null };
    let file = OpenFile { status: Some(status), ..OpenFile::new(stream, mode == b"r", mode == b"w") };
    match add(session, file) {
        Ok(file) => Ok(vec![Item::File(file)]),
        Err(errno) => session.library_result(Err(errno), Some(&text)),
    }
}

fn tmpfile(session: &mut Session, _: &Arguments) -> Reply {
    match add(session, OpenFile::new(Stream::Bytes(Vec::new()), true, true)) {
        Ok(file) => Ok(vec![Item::File(file)]),
        Err(errno) => session.library_result(Err(errno), None),
    }
}

fn is_open(session: &mut Session, arguments: &Arguments) -> Reply {
    let open = session.process.files.get(arguments.file(1)? as usize).is_some_and(Option::is_some);
    Ok(vec![Item::Boolean(open)])
}

/// Returns the open file of argument 1.
fn opened<'s>(session: &'s mut Session, arguments: &Arguments) -> Result<&'s mut OpenFile, Fault> {
    let index = arguments.file(1)? as usize;
    let file = session.process.files.get_mut(index).and_then(Option::as_mut);
    file.ok_or_else(|| Fault::error("attempt to use a closed file"))
}

fn close(session: &mut Session, arguments: &Arguments) -> Reply {
    let status = opened(session, arguments)?.status;
    let index = arguments.file(1)? as usize;
    if index > 2 {
        session.process.files[index] = None;
    }
    Ok(match status {
        None => vec![Item::Boolean(true)],
        Some(status) => exit_result(status),
    })
}

/// Returns Lua's values for the end of a command (lauxlib.c, `luaL_execresult`).
pub(super) fn exit_result(status: u8) -> Vec<Item> {
    let success = if status == 0 { Item::Boolean(true) } else { Item::Nil };
    vec![success, Item::text("exit"), Item::Integer(i64::from(status))]
}

/// Returns up to `count` bytes of an open file, `ahead` bytes after its position. The result is
/// empty at the end of the file.
fn peek(session: &Session, file: &OpenFile, ahead: u64, count: u64) -> Result<Vec<u8>, Errno> {
    let position = file.position.saturating_add(ahead);
    match &file.stream {
        Stream::Input | Stream::Output | Stream::Null => Ok(Vec::new()),
        Stream::Node(id) => session.read(*id, position, count),
        Stream::Bytes(bytes) => {
            let start = position.min(bytes.len() as u64) as usize;
            let count = usize::try_from(count).unwrap_or(usize::MAX).min(bytes.len() - start);
            Ok(bytes[start..start + count].to_vec())
        }
    }
}

/// Returns the bytes up to and including the next newline, or up to the end.
fn peek_line(session: &Session, file: &OpenFile) -> Result<Vec<u8>, Errno> {
    let mut line = Vec::new();
    loop {
        let piece = peek(session, file, line.len() as u64, PIECE)?;
        if let Some(end) = piece.iter().position(|&c| c == b'\n') {
            line.extend_from_slice(&piece[..=end]);
            return Ok(line);
        }
        if piece.is_empty() {
            return Ok(line);
        }
        line.extend_from_slice(&piece);
    }
}

fn peek_all(session: &Session, file: &OpenFile, limit: usize) -> Result<Vec<u8>, Fault> {
    let length = match &file.stream {
        Stream::Node(id) => session.length(*id).saturating_sub(file.position),
        _ => 0,
    };
    if length > limit as u64 {
        session.meter.exceed(Exceeded::Memory(limit));
        return Err(Fault::Stop);
    }
    peek(session, file, 0, u64::MAX).map_err(|errno| Fault::error(errno.text()))
}

/// Implements `file:read(...)`: reads by the formats in arguments 2 and following.
fn read(session: &mut Session, arguments: &Arguments) -> Reply {
    let file = opened(session, arguments)?.clone();
    if !file.readable {
        return session.library_result(Err(Errno::BadDescriptor), None);
    }
    if let Stream::Node(id) = file.stream
        && session.tree.node(id).is_directory()
    {
        return session.library_result(Err(Errno::IsADirectory), None);
    }
    let memory = session.meter.limits().memory;
    let mut file = file;
    let mut items = Vec::new();
    for index in 2..=arguments.len().max(2) {
        let item = match arguments.get(index) {
            Item::Integer(_) | Item::Number(_) => {
                let count = u64::try_from(arguments.integer(index)?).unwrap_or(0);
                let bytes = peek(session, &file, 0, count.clamp(1, memory as u64)).map_err(|e| Fault::error(e.text()))?;
                match (bytes.is_empty(), count) {
                    (true, _) => Item::Nil,
                    (false, 0) => Item::text(""),
                    (false, _) => {
                        file.position += bytes.len() as u64;
                        Item::String(bytes)
                    }
                }
            }
            _ => {
                let format = arguments.optional_string(index, "l")?;
                // A leading star, required before Lua 5.3, is still allowed.
                match format.strip_prefix(b"*").unwrap_or(&format).first() {
                    Some(b'a') => {
                        let bytes = peek_all(session, &file, memory)?;
                        file.position += bytes.len() as u64;
                        Item::String(bytes)
                    }
                    Some(b'n') => {
                        let bytes = peek(session, &file, 0, PIECE).map_err(|e| Fault::error(e.text()))?;
                        let (used, number) = number::read(&bytes);
                        file.position += used as u64;
                        number
                    }
                    Some(kind @ (b'l' | b'L')) => {
                        let mut line = peek_line(session, &file).map_err(|e| Fault::error(e.text()))?;
                        file.position += line.len() as u64;
                        if line.is_empty() {
                            Item::Nil
                        } else {
                            if *kind == b'l' && line.ends_with(b"\n") {
                                line.pop();
                            }
                            Item::String(line)
                        }
                    }
                    _ => return Err(arguments.bad(index - 1, "invalid format")),
                }
            }
        };
        session.spend_bytes(item.size())?;
        let failed = item == Item::Nil;
        items.push(item);
        if failed {
            break;
        }
    }
    opened(session, arguments)?.position = file.position;
    Ok(items)
}

/// Implements `file:write(...)`: writes the strings in arguments 2 and following.
fn write(session: &mut Session, arguments: &Arguments) -> Reply {
    opened(session, arguments)?;
    let mut bytes = Vec::new();
    for index in 2..=arguments.len() {
        match arguments.get(index) {
            Item::Number(number) => bytes.extend_from_slice(general(*number).as_bytes()),
            _ => {
                bytes.append(&mut arguments.string(index).map_err(|_| {
                    arguments.bad(index - 1, &format!("string expected, got {}", arguments.get(index).type_name()))
                })?);
            }
        }
    }
    session.spend_bytes(bytes.len())?;
    let file = opened(session, arguments)?;
    if !file.writable {
        return session.library_result(Err(Errno::BadDescriptor), None);
    }
    let (position, append) = (file.position, file.append);
    match &mut file.stream {
        Stream::Input => return session.library_result(Err(Errno::BadDescriptor), None),
        Stream::Null => {}
        Stream::Output => session.print(&bytes)?,
        Stream::Node(id) => {
            let id = *id;
            let position = if append { session.length(id) } else { position };
            session.write(id, position, &bytes)?;
            opened(session, arguments)?.position = position + bytes.len() as u64;
        }
        Stream::Bytes(old) => {
            let start = usize::try_from(position).unwrap_or(usize::MAX);
            let end = start.saturating_add(bytes.len());
            let more = end.saturating_sub(old.len()) as u64;
            if more > 0 && !session.meter.write(more) {
                return Err(Fault::Stop);
            }
            let file = opened(session, arguments)?;
            if let Stream::Bytes(old) = &mut file.stream {
                old.resize(old.len().max(end), 0);
                old[start..end].copy_from_slice(&bytes);
                file.position = end as u64;
            }
        }
    }
    Ok(vec![Item::Boolean(true)])
}

fn seek(session: &mut Session, arguments: &Arguments) -> Reply {
    let whence = if arguments.is_nil(2) { 1 } else { arguments.method_option(&["set", "cur", "end"])? };
    let offset = arguments.optional_integer(3, 0)?;
    let file = opened(session, arguments)?.clone();
    let length = match &file.stream {
        Stream::Node(id) => session.length(*id),
        Stream::Bytes(bytes) if file.status.is_none() => bytes.len() as u64,
        Stream::Null => 0,
        _ => return session.library_result(Err(Errno::IllegalSeek), None),
    };
    let base = [0, file.position, length][whence];
    let target = i64::try_from(base).ok().and_then(|base| base.checked_add(offset)).and_then(|n| u64::try_from(n).ok());
    let Some(target) = target else { return session.library_result(Err(Errno::Invalid), None) };
    opened(session, arguments)?.position = target;
    Ok(vec![Item::Integer(target as i64)])
}

/// Returns the whole content of the file at a path, or nil and a message. For `loadfile`, `dofile`
/// and `require`.
fn read_whole(session: &mut Session, arguments: &Arguments) -> Reply {
    let path = arguments.c_string(1)?;
    match open_path(session, &path, b"r")? {
        Ok(file) => {
            let bytes = peek_all(session, &file, session.meter.limits().memory)?;
            session.spend_bytes(bytes.len())?;
            Ok(vec![Item::String(bytes)])
        }
        Err(errno) => {
            let message = [b"cannot open ", path.as_slice()].concat();
            let message =
                if errno == Errno::NotFound { message } else { [&message, &b": "[..], errno.text().as_bytes()].concat() };
            Ok(vec![Item::Nil, Item::String(message)])
        }
    }
}
