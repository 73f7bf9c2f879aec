//! The `rpm` library (`rpmlua.c`): versions, macros, base64, globs and commands.

#![allow(clippy::unnecessary_wraps, reason = "all functions that a script calls have one type")]

use super::command::CommandResult;
use super::errno::Errno;
use super::process::{OpenFile, Stream};
use super::session::Session;
use super::value::{Arguments, Fault, Item, Reply};
use super::{Operation, glob, io};

/// The functions of the library.
pub(super) const OPERATIONS: &[(&str, Operation)] = &[
    ("rpm.call_macro", call_macro),
    ("rpm.define", define),
    ("rpm.execute", execute),
    ("rpm.expand", expand),
    ("rpm.glob", glob),
    ("rpm.isdefined", isdefined),
    ("rpm.load", load),
    ("rpm.next_file", next_file),
    ("rpm.open", open),
    ("rpm.spawn", spawn),
    ("rpm.undefine", undefine),
];

fn text(arguments: &Arguments, index: usize) -> Result<String, Fault> {
    Ok(String::from_utf8_lossy(&arguments.c_string(index)?).into_owned())
}

fn expand(session: &mut Session, arguments: &Arguments) -> Reply {
    let text = text(arguments, 1)?;
    let expanded = session.process.macros.expand(&text).map_err(|_| Fault::error("error expanding macro"))?;
    session.spend_bytes(expanded.len() * 16)?;
    Ok(vec![Item::text(expanded)])
}

/// Expands a parametric macro: its name, then its arguments.
fn call_macro(session: &mut Session, arguments: &Arguments) -> Reply {
    let words: Result<Vec<String>, Fault> = (2..=arguments.len()).map(|index| text(arguments, index)).collect();
    let expanded = session.process.macros.call(&text(arguments, 1)?, words?);
    let expanded = expanded.map_err(|_| Fault::error("error expanding macro"))?;
    session.spend_bytes(expanded.len() * 16)?;
    Ok(vec![Item::text(expanded)])
}

fn define(session: &mut Session, arguments: &Arguments) -> Reply {
    let text = text(arguments, 1)?;
    if !session.meter.write(text.len() as u64) {
        return Err(Fault::Stop);
    }
    session.process.macros.define(&text).map_err(|_| Fault::error("error defining macro"))?;
    Ok(Vec::new())
}

fn undefine(session: &mut Session, arguments: &Arguments) -> Reply {
    session.process.macros.undefine(&text(arguments, 1)?);
    Ok(Vec::new())
}

fn isdefined(session: &mut Session, arguments: &Arguments) -> Reply {
    let parametric = session.process.macros.is_defined(&text(arguments, 1)?);
    Ok(vec![Item::Boolean(parametric.is_some()), Item::Boolean(parametric == Some(true))])
}

/// Loads a macro file of the tree.
fn load(session: &mut Session, arguments: &Arguments) -> Reply {
    session.flush();
    let path = arguments.c_string(1)?;
    let content = session.process.absolute(&path).and_then(|path| {
        let content = session.tree.read(&path)?;
        if content.len() > super::macros::MAX_FILE {
            Err(Errno::NoMemory)
        } else {
            Ok(content.bytes().map_err(|_| Errno::Io)?.into_owned())
        }
    });
    match content {
        Ok(bytes) => {
            if !session.meter.write(bytes.len() as u64) {
                return Err(Fault::Stop);
            }
            let failed = session.process.macros.load(&String::from_utf8_lossy(&bytes));
            Ok(vec![Item::Number(failed as f64)])
        }
        Err(_) => Ok(vec![Item::Number(-1.0)]),
    }
}

fn glob(session: &mut Session, arguments: &Arguments) -> Reply {
    let pattern = arguments.c_string(1)?;
    let mut paths = glob::paths(session, &pattern)?;
    if paths.is_empty() {
        // If nothing matches, rpm always returns the pattern itself (`rpm_glob`).
        paths.push(pattern);
    }
    Ok(vec![Item::list(paths.into_iter().map(Item::String))])
}

/// Returns the next file that fired a file trigger.
fn next_file(session: &mut Session, _: &Arguments) -> Reply {
    let next = session.process.next_file;
    let Some(path) = session.script.files.get(next) else { return Ok(vec![Item::Nil]) };
    session.process.next_file += 1;
    Ok(vec![Item::String(path.clone())])
}

/// Runs a command and returns rpm's values for its result: 0, or nil, a message and the number.
fn run(session: &mut Session, words: Vec<Vec<u8>>, quiet: bool) -> Reply {
    match session.execute(words) {
        Ok(result) => {
            if !quiet {
                session.print_of_command(&result)?;
            }
            match result.status() {
                0 => Ok(vec![Item::Number(0.0)]),
                status => Ok(vec![Item::Nil, Item::text("exit code"), Item::Number(f64::from(status))]),
            }
        }
        Err(errno) => session.system_result(Err(errno), None),
    }
}

fn execute(session: &mut Session, arguments: &Arguments) -> Reply {
    let words: Result<Vec<_>, _> = (1..=arguments.len().max(1)).map(|index| arguments.c_string(index)).collect();
    run(session, words?, false)
}

/// Runs a command. Argument 1 is the path for its output, or nil; the words follow.
fn spawn(session: &mut Session, arguments: &Arguments) -> Reply {
    let words: Result<Vec<_>, _> = (2..=arguments.len().max(2)).map(|index| arguments.c_string(index)).collect();
    if arguments.is_nil(1) {
        return run(session, words?, false);
    }
    let path = arguments.c_string(1)?;
    let mut file = match io::open_path(session, &path, b"a")? {
        Ok(file) => file,
        Err(errno) => return session.system_result(Err(errno), None),
    };
    let reply = run(session, words?, true);
    if let Stream::Node(id) = file.stream
        && let Some(CommandResult::Done { output, .. }) = session.executed.last().map(|executed| executed.result.clone())
    {
        file.position = session.length(id);
        session.write(id, file.position, &output)?;
    }
    reply
}

/// Opens a file of the tree through rpm's own streams. The mode is `flags[.io]`, where `io` names a
/// compression.
fn open(session: &mut Session, arguments: &Arguments) -> Reply {
    let path = arguments.c_string(1)?;
    let mode = arguments.optional_string(2, "r")?;
    let (flags, kind) = match mode.iter().position(|&c| c == b'.') {
        Some(dot) => (&mode[..dot], &mode[dot + 1..]),
        None => (&mode[..], &b"ufdio"[..]),
    };
    let failed = |errno: Errno| {
        let message = [path.as_slice(), b" open failed: ", errno.text().as_bytes()].concat();
        Err(Fault::error(message))
    };
    let compressed = !matches!(kind, b"ufdio" | b"fdio");
    if !matches!(flags.first(), Some(b'r' | b'w' | b'a')) || (compressed && flags.first() != Some(&b'r')) {
        return failed(Errno::Invalid);
    }
    let mut file = match io::open_path(session, &path, flags)? {
        Ok(file) => file,
        Err(errno) => return failed(errno),
    };
    if compressed {
        let Stream::Node(id) = file.stream else { return failed(Errno::Invalid) };
        let limit = session.meter.limits().memory as u64;
        let bytes = match session.read(id, 0, limit) {
            Ok(bytes) => bytes,
            Err(errno) => return failed(errno),
        };
        let Some(inflated) = inflate(&bytes, limit) else { return failed(Errno::Invalid) };
        if !session.meter.write(inflated.len() as u64) {
            return Err(Fault::Stop);
        }
        file = OpenFile::new(Stream::Bytes(inflated), true, false);
    }
    match io::add(session, file) {
        Ok(file) => Ok(vec![Item::File(file)]),
        Err(errno) => failed(errno),
    }
}

/// Decompresses `bytes`. Returns `None` if that fails or the result exceeds `limit` bytes.
fn inflate(bytes: &[u8], limit: u64) -> Option<Vec<u8>> {
    use std::io::Read;
    let mut inflated = Vec::new();
    crate::compression::decompress(bytes).ok()?.1.take(limit + 1).read_to_end(&mut inflated).ok()?;
    (inflated.len() as u64 <= limit).then_some(inflated)
}
