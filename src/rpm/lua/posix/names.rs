//! `posix`: functions that query, create and remove paths.
#![allow(clippy::unnecessary_wraps, reason = "all functions that a script calls have one type")]

use super::{account, number, selection};
use crate::package::{Content, Owner};
use crate::rpm::lua::accounts::{self, Account};
use crate::rpm::lua::errno::Errno;
use crate::rpm::lua::process::{OpenFile, Stream};
use crate::rpm::lua::session::Session;
use crate::rpm::lua::value::{Arguments, Fault, Item, Reply};
use crate::rpm::lua::{Operation, files, io, mode};
use crate::tree::{Metadata, Node, NodeId, NodeKind};

/// The functions.
pub(in crate::rpm::lua) const OPERATIONS: &[(&str, Operation)] = &[
    ("posix.access", access),
    ("posix.chdir", chdir),
    ("posix.chmod", chmod),
    ("posix.chown", chown),
    ("posix.dir", dir),
    ("posix.getcwd", getcwd),
    ("posix.link", link),
    ("posix.mkdir", mkdir),
    ("posix.mkfifo", mkfifo),
    ("posix.mkstemp", mkstemp),
    ("posix.readlink", readlink),
    ("posix.rmdir", rmdir),
    ("posix.stat", stat),
    ("posix.symlink", symlink),
    ("posix.unlink", unlink),
    ("posix.utime", utime),
];

/// Calls `act` with the path of the first argument.
fn with_path(session: &mut Session, arguments: &Arguments, act: impl FnOnce(&mut Session, &[u8]) -> Result<i64, Errno>) -> Reply {
    let path = arguments.c_string(1)?;
    let result = session.process.absolute(&path).and_then(|absolute| act(session, &absolute));
    session.system_result(result, Some(&path))
}

fn access(session: &mut Session, arguments: &Arguments) -> Reply {
    let mode = arguments.optional_string(2, "f")?;
    if let Some(&unknown) = mode.iter().find(|c| !b" rwxf".contains(c)) {
        return Err(arguments.bad(2, &format!("unknown mode option `{}'", char::from(unknown))));
    }
    with_path(session, arguments, |session, path| {
        let node = session.tree.node(files::find(session.tree, path, true)?);
        // Root may read and write everything, and execute files with any execute bit.
        if mode.contains(&b'x') && !files::is_executable(node) { Err(Errno::AccessDenied) } else { Ok(0) }
    })
}

fn chdir(session: &mut Session, arguments: &Arguments) -> Reply {
    with_path(session, arguments, |session, path| {
        let id = files::find(session.tree, path, true)?;
        if !session.tree.node(id).is_directory() {
            return Err(Errno::NotADirectory);
        }
        session.process.directory = session.tree.directory_path(id);
        Ok(0)
    })
}

fn chmod(session: &mut Session, arguments: &Arguments) -> Reply {
    arguments.c_string(1)?;
    let text = arguments.c_string(2)?;
    let mut understood = true;
    let reply = with_path(session, arguments, |session, path| {
        let id = files::find(session.tree, path, true)?;
        let metadata = &mut session.tree.node_mut(id).metadata;
        match mode::changed(u32::from(metadata.mode), &text) {
            Some(mode) => metadata.mode = (mode & 0o7777) as u16,
            None => understood = false,
        }
        Ok(0)
    })?;
    if understood { Ok(reply) } else { Err(arguments.bad(2, "bad mode")) }
}

/// Returns the owner that an argument names. `None` if it is absent or unknown, which leaves the
/// owner unchanged.
fn owner(arguments: &Arguments, index: usize, known: impl Fn(&Account) -> bool) -> Result<Option<Owner>, Fault> {
    if arguments.len() < index {
        return Ok(None);
    }
    Ok(match account(arguments, index)? {
        // (uid_t) -1 means: unchanged.
        Account::Id(u32::MAX) => None,
        Account::Id(id) => Some(Owner::Id(id)),
        Account::Name(name) => known(&Account::Name(name.clone())).then(|| Owner::named(&name)),
    })
}

fn chown(session: &mut Session, arguments: &Arguments) -> Reply {
    session.flush();
    let user = owner(arguments, 2, |account| accounts::user(session.tree, account).is_some())?;
    let group = owner(arguments, 3, |account| accounts::group(session.tree, account).is_some())?;
    with_path(session, arguments, |session, path| {
        let id = files::find(session.tree, path, true)?;
        let node = session.tree.node_mut(id);
        if !node.is_directory() {
            // Linux clears set-id bits and capabilities of a file when its owner changes, even if
            // root changes it.
            let group_executes = node.metadata.mode & 0o010 != 0;
            node.metadata.mode &= if group_executes { !0o6000 } else { !0o4000 };
            node.metadata.xattrs.remove(&b"security.capability"[..]);
        }
        if let Some(user) = user {
            node.metadata.user = user;
        }
        if let Some(group) = group {
            node.metadata.group = group;
        }
        Ok(0)
    })
}

fn dir(session: &mut Session, arguments: &Arguments) -> Reply {
    let path = arguments.optional_string(1, ".")?;
    let names = session.process.absolute(&path).and_then(|absolute| files::list(session.tree, &absolute));
    match names {
        Ok(names) => {
            session.spend_bytes(names.len() * 64)?;
            Ok(vec![Item::list(names.into_iter().map(Item::String))])
        }
        Err(errno) => session.system_result(Err(errno), Some(&path)),
    }
}

fn getcwd(session: &mut Session, _: &Arguments) -> Reply {
    Ok(vec![Item::String(session.process.directory.clone())])
}

/// Calls `act` with the paths of the first two arguments.
fn with_paths(
    session: &mut Session,
    arguments: &Arguments,
    act: impl FnOnce(&mut Session, &[u8], &[u8]) -> Result<(), Errno>,
) -> Reply {
    let (old, new) = (arguments.c_string(1)?, arguments.c_string(2)?);
    session.spend_name()?;
    let result = session.process.absolute(&old).and_then(|old| Ok((old, session.process.absolute(&new)?)));
    let result = result.and_then(|(old, new)| act(session, &old, &new).map(|()| 0));
    session.system_result(result, None)
}

fn link(session: &mut Session, arguments: &Arguments) -> Reply {
    with_paths(session, arguments, |session, old, new| files::link(session.tree, old, new))
}

fn symlink(session: &mut Session, arguments: &Arguments) -> Reply {
    let target = arguments.c_string(1)?;
    with_paths(session, arguments, |session, _, new| {
        let (user, group) = (Owner::Id(session.process.user), Owner::Id(session.process.group));
        let mut node = Node::symlink(&target);
        node.metadata.user = user;
        node.metadata.group = group;
        files::create(session.tree, new, node).map(drop)
    })
}

/// Creates a node at the first argument's path.
fn make(session: &mut Session, arguments: &Arguments, mut node: Node) -> Reply {
    node.metadata.mode &= !(session.process.umask as u16);
    node.metadata.user = Owner::Id(session.process.user);
    node.metadata.group = Owner::Id(session.process.group);
    session.spend_name()?;
    with_path(session, arguments, |session, path| files::create(session.tree, path, node).map(|_| 0))
}

fn mkdir(session: &mut Session, arguments: &Arguments) -> Reply {
    make(session, arguments, Node::directory(0o777))
}

fn mkfifo(session: &mut Session, arguments: &Arguments) -> Reply {
    make(session, arguments, Node::new(NodeKind::Fifo, 0o777))
}

fn mkstemp(session: &mut Session, arguments: &Arguments) -> Reply {
    let template = arguments.c_string(1)?;
    session.spend_name()?;
    for _ in 0..100 {
        let result = session.temporary_name(&template).and_then(|name| {
            let node = Node::file(Content::empty(), 0o600);
            let path = session.process.absolute(&name)?;
            Ok((files::create(session.tree, &path, node)?, name))
        });
        match result {
            Ok((id, name)) => {
                let file = OpenFile { append: true, ..OpenFile::new(Stream::Node(id), true, true) };
                return match io::add(session, file) {
                    Ok(file) => Ok(vec![Item::File(file), Item::String(name)]),
                    Err(errno) => session.system_result(Err(errno), Some(&template)),
                };
            }
            Err(Errno::Exists) => {}
            Err(errno) => return session.system_result(Err(errno), Some(&template)),
        }
    }
    session.system_result(Err(Errno::Exists), Some(&template))
}

fn readlink(session: &mut Session, arguments: &Arguments) -> Reply {
    let path = arguments.c_string(1)?;
    let target = session.process.absolute(&path).and_then(|absolute| {
        match &session.tree.node(files::find(session.tree, &absolute, false)?).kind {
            NodeKind::Symlink(target) => Ok(target.to_vec()),
            _ => Err(Errno::Invalid),
        }
    });
    match target {
        Ok(target) => Ok(vec![Item::String(target)]),
        Err(errno) => session.system_result(Err(errno), Some(&path)),
    }
}

fn rmdir(session: &mut Session, arguments: &Arguments) -> Reply {
    with_path(session, arguments, |session, path| files::rmdir(session.tree, path).map(|()| 0))
}

fn stat(session: &mut Session, arguments: &Arguments) -> Reply {
    let path = arguments.c_string(1)?;
    let found = session.process.absolute(&path).and_then(|absolute| files::find(session.tree, &absolute, false));
    match found {
        Ok(id) => {
            let counted = arguments.len() < 2 || *arguments.get(2) == Item::text("nlink");
            let fields = status(session, id, counted)?;
            selection(arguments, 2, &fields)
        }
        Err(errno) => session.system_result(Err(errno), Some(&path)),
    }
}

/// Returns the fields of `stat`. Links are counted only if requested, because counting searches the
/// whole tree.
fn status(session: &mut Session, id: NodeId, counted: bool) -> Result<[(&'static str, Item); 12], Fault> {
    session.flush();
    let inode = session.inode(id);
    let node = session.tree.node(id);
    let time = number(files::seconds(node.metadata.mtime, session.environment.epoch) as f64);
    let mode = files::type_bits(&node.kind) | u32::from(node.metadata.mode);
    let size = match &node.kind {
        NodeKind::Directory(_) => 4096,
        NodeKind::File(content) => content.len(),
        NodeKind::Symlink(target) => target.len() as u64,
        _ => 0,
    };
    let uid = match &node.metadata.user {
        Owner::Id(id) => *id,
        Owner::Name(name) => accounts::user(session.tree, &Account::Name(name.to_string())).map_or(0, |user| user.uid),
    };
    let gid = match &node.metadata.group {
        Owner::Id(id) => *id,
        Owner::Name(name) => accounts::group(session.tree, &Account::Name(name.to_string())).map_or(0, |group| group.gid),
    };
    let links = if counted { files::link_count(session.tree, id) } else { 0 };
    session.spend_bytes(4096)?;
    Ok([
        ("mode", Item::text(mode::letters(mode))),
        ("ino", number(inode as f64)),
        ("dev", number(1)),
        ("nlink", number(links as f64)),
        ("uid", number(uid)),
        ("gid", number(gid)),
        ("size", number(size as f64)),
        ("atime", time.clone()),
        ("mtime", time.clone()),
        ("ctime", time),
        ("type", Item::text(files::type_name(&node.kind))),
        ("_mode", number(mode)),
    ])
}

fn unlink(session: &mut Session, arguments: &Arguments) -> Reply {
    with_path(session, arguments, |session, path| files::unlink(session.tree, path).map(|()| 0))
}

fn utime(session: &mut Session, arguments: &Arguments) -> Reply {
    let mtime = if arguments.is_nil(2) { Metadata::NOW } else { arguments.number(2)? as i64 };
    if !arguments.is_nil(3) {
        arguments.number(3)?;
    }
    with_path(session, arguments, |session, path| {
        let id = files::find(session.tree, path, true)?;
        session.tree.node_mut(id).metadata.mtime = mtime;
        Ok(0)
    })
}
