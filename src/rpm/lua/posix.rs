//! The `posix` library of rpm (`lposix.c`), on the tree.

#![allow(clippy::unnecessary_wraps, reason = "all functions that a script calls have one type")]

use super::accounts::{self, Account};
use super::errno::Errno;
use super::process::{FIRST_PID, OpenFile, Stream};
use super::session::Session;
use super::value::{Arguments, Fault, Item, Reply, exact_integer, parse_number};
use super::{Operation, files, mode};
use crate::package::Owner;
use crate::tree::{Metadata, Node, NodeId, NodeKind};

/// The functions of the library.
pub(super) const OPERATIONS: &[(&str, Operation)] = &[
    ("posix.access", access),
    ("posix.chdir", chdir),
    ("posix.chmod", chmod),
    ("posix.chown", chown),
    ("posix.dir", dir),
    ("posix.errno", errno),
    ("posix.exec", exec),
    ("posix.fork", fork),
    ("posix.getcwd", getcwd),
    ("posix.getenv", getenv),
    ("posix.getgroup", getgroup),
    ("posix.getpasswd", getpasswd),
    ("posix.getprocessid", getprocessid),
    ("posix.kill", kill),
    ("posix.link", link),
    ("posix.mkdir", mkdir),
    ("posix.mkfifo", mkfifo),
    ("posix.mkstemp", mkstemp),
    ("posix.pathconf", pathconf),
    ("posix.putenv", putenv),
    ("posix.readlink", readlink),
    ("posix.redirect2null", redirect2null),
    ("posix.rmdir", rmdir),
    ("posix.setenv", setenv),
    ("posix.setgid", setgid),
    ("posix.setuid", setuid),
    ("posix.sleep", sleep),
    ("posix.stat", stat),
    ("posix.symlink", symlink),
    ("posix.sysconf", sysconf),
    ("posix.times", times),
    ("posix.umask", umask),
    ("posix.uname", uname),
    ("posix.unlink", unlink),
    ("posix.unsetenv", unsetenv),
    ("posix.utime", utime),
    ("posix.wait", wait),
];

/// All fields as a table, or the one that argument `index` names.
fn selection(arguments: &Arguments, index: usize, fields: &[(&str, Item)]) -> Reply {
    if arguments.len() < index {
        return Ok(vec![Item::record(fields.iter().cloned())]);
    }
    let names: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
    Ok(vec![fields[arguments.option(index, &names)?].1.clone()])
}

fn number(value: impl Into<f64>) -> Item {
    Item::Number(value.into())
}

/// Does something with the path of the first argument.
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
        // Root may read and write everything, and execute what anyone may.
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

/// The account that an argument names: by number (as text too) or by name.
fn account(arguments: &Arguments, index: usize) -> Result<Account, Fault> {
    match arguments.get(index) {
        Item::Integer(id) => Ok(Account::Id(*id as u32)),
        Item::Number(id) => Ok(Account::Id(*id as i64 as u32)),
        Item::String(name) => Ok(match parse_number(name).and_then(exact_integer) {
            Some(id) => Account::Id(id as u32),
            None => Account::Name(String::from_utf8_lossy(name).into_owned()),
        }),
        other => Err(arguments.bad(index, &format!("string or number expected, got {}", other.type_name()))),
    }
}

/// The owner that an argument names, or `None` where it is absent or nobody's: then the owner stays.
fn owner(arguments: &Arguments, index: usize, known: impl Fn(&Account) -> bool) -> Result<Option<Owner>, Fault> {
    if arguments.len() < index {
        return Ok(None);
    }
    Ok(match account(arguments, index)? {
        // (uid_t) -1 means: as it is.
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
            // Linux takes the privileges of a file that gets another owner, root's doing or not.
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

fn errno(session: &mut Session, _: &Arguments) -> Reply {
    let errno = session.process.errno;
    Ok(vec![Item::text(errno.text()), number(errno.number())])
}

fn exec(session: &mut Session, arguments: &Arguments) -> Reply {
    let words: Result<Vec<_>, _> = (1..=arguments.len().max(1)).map(|index| arguments.c_string(index)).collect();
    let words = words?;
    if !session.process.is_forked() {
        return Err(Fault::error("exec not permitted in this context"));
    }
    match session.execute(words) {
        Ok(result) => {
            session.print_of_command(&result)?;
            Err(session.stop())
        }
        Err(errno) => session.system_result(Err(errno), Some(&arguments.c_string(1)?)),
    }
}

fn fork(session: &mut Session, arguments: &Arguments) -> Reply {
    session.fork(arguments)
}

fn getcwd(session: &mut Session, _: &Arguments) -> Reply {
    Ok(vec![Item::String(session.process.directory.clone())])
}

fn getenv(session: &mut Session, arguments: &Arguments) -> Reply {
    let variables = &session.process.variables;
    if arguments.len() == 0 {
        let pairs = variables.iter().map(|(name, value)| (Item::String(name.clone()), Item::String(value.clone())));
        return Ok(vec![Item::Table(pairs.collect())]);
    }
    let value = variables.get(&arguments.c_string(1)?);
    Ok(vec![value.map_or(Item::Nil, |value| Item::String(value.clone()))])
}

fn getgroup(session: &mut Session, arguments: &Arguments) -> Reply {
    session.flush();
    let Some(group) = accounts::group(session.tree, &account(arguments, 1)?) else { return Ok(vec![Item::Nil]) };
    let mut pairs = vec![(Item::text("name"), Item::text(group.name)), (Item::text("gid"), number(group.gid))];
    pairs.extend((1..).zip(group.members).map(|(i, member)| (Item::Integer(i), Item::text(member))));
    Ok(vec![Item::Table(pairs)])
}

fn getpasswd(session: &mut Session, arguments: &Arguments) -> Reply {
    session.flush();
    let account = if arguments.is_nil(1) { Account::Id(session.process.user) } else { account(arguments, 1)? };
    let Some(user) = accounts::user(session.tree, &account) else { return Ok(vec![Item::Nil]) };
    let fields = [
        ("name", Item::text(user.name)),
        ("uid", number(user.uid)),
        ("gid", number(user.gid)),
        ("dir", Item::text(user.home)),
        ("shell", Item::text(user.shell)),
        ("gecos", Item::text(user.comment)),
        ("passwd", Item::text(user.password)),
    ];
    selection(arguments, 2, &fields)
}

fn getprocessid(session: &mut Session, arguments: &Arguments) -> Reply {
    let process = &session.process;
    let fields = [
        ("egid", number(process.group)),
        ("euid", number(process.user)),
        ("gid", number(process.group)),
        ("uid", number(process.user)),
        ("pgrp", number(FIRST_PID as f64)),
        ("pid", number(process.pid as f64)),
        ("ppid", number(process.parent as f64)),
    ];
    selection(arguments, 1, &fields)
}

/// Nothing is ever killed: there is nobody but the script itself and its children, which ended before it could ask.
fn kill(session: &mut Session, arguments: &Arguments) -> Reply {
    let pid = arguments.integer(1)?;
    let signal = arguments.optional_integer(2, 15)?;
    let exists = pid == session.process.pid || session.process.children.contains(&pid);
    let result = match (exists, signal) {
        (false, _) => Err(Errno::NoProcess),
        (true, 0) => Ok(0),
        (true, _) => Err(Errno::NotPermitted),
    };
    session.system_result(result, None)
}

/// Does something with the paths of two arguments.
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

/// Makes a node at the first argument's path.
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
            let node = Node::file(crate::package::Content::empty(), 0o600);
            let path = session.process.absolute(&name)?;
            Ok((files::create(session.tree, &path, node)?, name))
        });
        match result {
            Ok((id, name)) => {
                let file = OpenFile { append: true, ..OpenFile::new(Stream::Node(id), true, true) };
                return match super::io::add(session, file) {
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

/// The limits of a Linux file system.
fn pathconf(_: &mut Session, arguments: &Arguments) -> Reply {
    arguments.c_string(1)?;
    let fields = [
        ("link_max", number(127)),
        ("max_canon", number(255)),
        ("max_input", number(255)),
        ("name_max", number(255)),
        ("path_max", number(4096)),
        ("pipe_buf", number(4096)),
        ("chown_restricted", number(1)),
        ("no_trunc", number(1)),
        ("vdisable", number(0)),
    ];
    selection(arguments, 2, &fields)
}

fn putenv(session: &mut Session, arguments: &Arguments) -> Reply {
    let text = arguments.c_string(1)?;
    match text.iter().position(|&c| c == b'=') {
        Some(i) => session.process.variables.insert(text[..i].to_vec(), text[i + 1..].to_vec()),
        // glibc: a name alone goes away.
        None => session.process.variables.remove(&text),
    };
    session.system_result(Ok(0), None)
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

fn redirect2null(session: &mut Session, arguments: &Arguments) -> Reply {
    if !session.process.is_forked() {
        return Err(Fault::error("redirect2null not permitted in this context"));
    }
    let descriptor = arguments.integer(1)?;
    let result = match usize::try_from(descriptor).ok().and_then(|index| session.process.files.get_mut(index)) {
        Some(file) => {
            *file = Some(OpenFile::new(Stream::Null, true, true));
            Ok(descriptor)
        }
        None => Err(Errno::BadDescriptor),
    };
    session.system_result(result, None)
}

fn rmdir(session: &mut Session, arguments: &Arguments) -> Reply {
    with_path(session, arguments, |session, path| files::rmdir(session.tree, path).map(|()| 0))
}

fn setenv(session: &mut Session, arguments: &Arguments) -> Reply {
    let (name, value) = (arguments.c_string(1)?, arguments.c_string(2)?);
    let overwrite = arguments.is_nil(3) || *arguments.get(3) != Item::Boolean(false);
    if name.is_empty() || name.contains(&b'=') {
        return session.system_result(Err(Errno::Invalid), Some(&name));
    }
    if overwrite || !session.process.variables.contains_key(&name) {
        session.process.variables.insert(name, value);
    }
    session.system_result(Ok(0), None)
}

fn setgid(session: &mut Session, arguments: &Arguments) -> Reply {
    session.flush();
    let gid = match account(arguments, 1)? {
        Account::Id(id) => Some(id),
        name @ Account::Name(_) => accounts::group(session.tree, &name).map(|group| group.gid),
    };
    let result = gid.filter(|&gid| gid != u32::MAX).ok_or(Errno::Invalid);
    let result = result.map(|gid| session.process.group = gid);
    session.system_result(result.map(|()| 0), None)
}

fn setuid(session: &mut Session, arguments: &Arguments) -> Reply {
    session.flush();
    let uid = match account(arguments, 1)? {
        Account::Id(id) => Some(id),
        name @ Account::Name(_) => accounts::user(session.tree, &name).map(|user| user.uid),
    };
    let result = uid.filter(|&uid| uid != u32::MAX).ok_or(Errno::Invalid);
    let result = result.map(|uid| session.process.user = uid);
    session.system_result(result.map(|()| 0), None)
}

fn sleep(session: &mut Session, arguments: &Arguments) -> Reply {
    session.sleep(arguments.integer(1)?);
    Ok(vec![number(0)])
}

fn stat(session: &mut Session, arguments: &Arguments) -> Reply {
    let path = arguments.c_string(1)?;
    let found = session.process.absolute(&path).and_then(|absolute| files::find(session.tree, &absolute, false));
    match found {
        Ok(id) => {
            let fields = status(session, id)?;
            selection(arguments, 2, &fields)
        }
        Err(errno) => session.system_result(Err(errno), Some(&path)),
    }
}

fn status(session: &mut Session, id: NodeId) -> Result<[(&'static str, Item); 12], Fault> {
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
    let links = files::link_count(session.tree, id);
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

/// The limits of a Linux system.
fn sysconf(_: &mut Session, arguments: &Arguments) -> Reply {
    let fields = [
        ("arg_max", number(2_097_152)),
        ("child_max", number(4096)),
        ("clk_tck", number(100)),
        ("ngroups_max", number(65536)),
        ("stream_max", number(16)),
        ("tzname_max", number(6)),
        ("open_max", number(1024)),
        ("job_control", number(1)),
        ("saved_ids", number(1)),
        ("version", number(200_809)),
    ];
    selection(arguments, 1, &fields)
}

fn times(session: &mut Session, arguments: &Arguments) -> Reply {
    let elapsed = session.clock() as f64 / 1000.0;
    let fields =
        [("utime", number(0)), ("stime", number(0)), ("cutime", number(0)), ("cstime", number(0)), ("elapsed", number(elapsed))];
    selection(arguments, 1, &fields)
}

fn umask(session: &mut Session, arguments: &Arguments) -> Reply {
    let mut allowed = !session.process.umask & 0o777;
    if arguments.len() > 0 {
        match mode::changed(allowed, &arguments.c_string(1)?) {
            Some(mode) => allowed = mode & 0o777,
            None => return Ok(vec![Item::Nil]),
        }
        session.process.umask = !allowed & 0o777;
    }
    Ok(vec![Item::text(mode::letters(allowed))])
}

fn uname(session: &mut Session, arguments: &Arguments) -> Reply {
    let format = arguments.optional_string(1, "%s %n %r %v %m")?;
    let mut text = Vec::new();
    let mut bytes = format.iter();
    while let Some(&c) = bytes.next() {
        if c != b'%' {
            text.push(c);
            continue;
        }
        let environment = session.environment;
        match bytes.next() {
            Some(b'%') => text.push(b'%'),
            Some(b'm') => text.extend_from_slice(environment.machine().as_bytes()),
            Some(b'n') => text.extend_from_slice(b"localhost"),
            Some(b'r') => text.extend_from_slice(environment.kernel.as_bytes()),
            Some(b's') => text.extend_from_slice(b"Linux"),
            Some(b'v') => text.extend_from_slice(b"#1 SMP"),
            Some(&unknown) => return Err(arguments.bad(2, &format!("unknown format option `{}'", char::from(unknown)))),
            None => return Err(arguments.bad(2, "unknown format option `\0'")),
        }
    }
    Ok(vec![Item::String(text)])
}

fn unlink(session: &mut Session, arguments: &Arguments) -> Reply {
    with_path(session, arguments, |session, path| files::unlink(session.tree, path).map(|()| 0))
}

fn unsetenv(session: &mut Session, arguments: &Arguments) -> Reply {
    session.process.variables.remove(&arguments.c_string(1)?);
    Ok(Vec::new())
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

/// The child has ended before the script can wait for it.
fn wait(session: &mut Session, arguments: &Arguments) -> Reply {
    let pid = arguments.optional_integer(1, -1)?;
    let children = &mut session.process.children;
    let found = children.iter().position(|&child| pid == -1 || pid == child);
    let result = found.map(|index| children.remove(index)).ok_or(Errno::NoChild);
    session.system_result(result, None)
}
