//! `posix`: the process, its children, its environment and its users.
#![allow(clippy::unnecessary_wraps, reason = "all functions that a script calls have one type")]

use super::{account, number, selection};
use crate::rpm::lua::accounts::{self, Account};
use crate::rpm::lua::errno::Errno;
use crate::rpm::lua::process::{FIRST_PID, OpenFile, Stream};
use crate::rpm::lua::session::Session;
use crate::rpm::lua::value::{Arguments, Fault, Item, Reply};
use crate::rpm::lua::{Operation, mode};

/// The functions.
pub(in crate::rpm::lua) const OPERATIONS: &[(&str, Operation)] = &[
    ("posix.exec", exec),
    ("posix.fork", fork),
    ("posix.getenv", getenv),
    ("posix.getgroup", getgroup),
    ("posix.getpasswd", getpasswd),
    ("posix.getprocessid", getprocessid),
    ("posix.kill", kill),
    ("posix.putenv", putenv),
    ("posix.redirect2null", redirect2null),
    ("posix.setenv", setenv),
    ("posix.setgid", setgid),
    ("posix.setuid", setuid),
    ("posix.sleep", sleep),
    ("posix.times", times),
    ("posix.umask", umask),
    ("posix.unsetenv", unsetenv),
    ("posix.wait", wait),
];

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

/// Checks the arguments of `kill`. Nothing is ever killed: the only processes are the script and
/// its children, which have ended already.
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

fn putenv(session: &mut Session, arguments: &Arguments) -> Reply {
    let text = arguments.c_string(1)?;
    match text.iter().position(|&c| c == b'=') {
        Some(i) => session.process.variables.insert(text[..i].to_vec(), text[i + 1..].to_vec()),
        // As in glibc, a name without `=` removes the variable.
        None => session.process.variables.remove(&text),
    };
    session.system_result(Ok(0), None)
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

fn unsetenv(session: &mut Session, arguments: &Arguments) -> Reply {
    session.process.variables.remove(&arguments.c_string(1)?);
    Ok(Vec::new())
}

/// Returns a child's number. The child has always ended before the script can wait for it.
fn wait(session: &mut Session, arguments: &Arguments) -> Reply {
    let pid = arguments.optional_integer(1, -1)?;
    let children = &mut session.process.children;
    let found = children.iter().position(|&child| pid == -1 || pid == child);
    let result = found.map(|index| children.remove(index)).ok_or(Errno::NoChild);
    session.system_result(result, None)
}
