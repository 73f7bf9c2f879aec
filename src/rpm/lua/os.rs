//! Lua's `os` library: names on the tree, a clock that starts at the time of the build, and
//! commands for the handler.

#![allow(clippy::unnecessary_wraps, reason = "all functions that a script calls have one type")]

use super::errno::Errno;
use super::session::Session;
use super::value::{Arguments, Fault, Item, Reply};
use super::{Operation, date, files, io};
use crate::package::Content;
use crate::tree::Node;

/// The functions of the library.
pub(super) const OPERATIONS: &[(&str, Operation)] = &[
    ("os.clock", clock),
    ("os.date", date),
    ("os.execute", execute),
    ("os.exit", exit),
    ("os.now", now),
    ("os.time_of", time_of),
    ("os.remove", remove),
    ("os.rename", rename),
    ("os.tmpname", tmpname),
];

fn clock(session: &mut Session, _: &Arguments) -> Reply {
    Ok(vec![Item::Number(session.clock() as f64 / 1000.0)])
}

fn now(session: &mut Session, _: &Arguments) -> Reply {
    Ok(vec![Item::Integer(session.now())])
}

/// Returns the time of a year, month, day, hour, minute and second, in UTC.
fn time_of(_: &mut Session, arguments: &Arguments) -> Reply {
    let fields: Result<Vec<i64>, Fault> = (1..=6).map(|index| arguments.integer(index)).collect();
    let [year, month, day, hour, minute, second] = fields?[..] else { return Err(Fault::error("time table expected")) };
    let time = date::seconds(year, month, day, hour, minute, second);
    time.map(|time| vec![Item::Integer(time)])
        .ok_or_else(|| Fault::error("time result cannot be represented in this installation"))
}

fn date(session: &mut Session, arguments: &Arguments) -> Reply {
    let format = arguments.optional_string(1, "%c")?;
    let time = if arguments.is_nil(2) { session.now() } else { arguments.integer(2)? };
    let format = format.strip_prefix(b"!").unwrap_or(&format);
    let Some(date) = date::Date::of(time) else {
        return Err(Fault::error("date result cannot be represented in this installation"));
    };
    if format.starts_with(b"*t") {
        let number = |n: i64| Item::Integer(n);
        return Ok(vec![Item::record([
            ("year", number(date.year)),
            ("month", number(date.month)),
            ("day", number(date.day)),
            ("hour", number(date.hour)),
            ("min", number(date.minute)),
            ("sec", number(date.second)),
            ("yday", number(date.day_of_year)),
            ("wday", number(date.day_of_week + 1)),
            ("isdst", Item::Boolean(false)),
        ])]);
    }
    match date.format(format) {
        Ok(text) => Ok(vec![Item::String(text)]),
        Err(conversion) => {
            let conversion = String::from_utf8_lossy(&conversion).into_owned();
            Err(arguments.bad(1, &format!("invalid conversion specifier '%{conversion}'")))
        }
    }
}

fn execute(session: &mut Session, arguments: &Arguments) -> Reply {
    if arguments.is_nil(1) {
        return Ok(vec![Item::Boolean(session.find_program(b"/bin/sh").is_ok())]);
    }
    let text = arguments.c_string(1)?;
    match session.execute(vec![b"/bin/sh".to_vec(), b"-c".to_vec(), text]) {
        Ok(result) => {
            session.print_of_command(&result)?;
            Ok(io::exit_result(result.status()))
        }
        // system(3): a missing shell looks like exit status 127.
        Err(_) => Ok(io::exit_result(127)),
    }
}

fn exit(session: &mut Session, _: &Arguments) -> Reply {
    if session.process.is_forked() { Err(session.stop()) } else { Err(Fault::error("exit not permitted in this context")) }
}

fn remove(session: &mut Session, arguments: &Arguments) -> Reply {
    let path = arguments.c_string(1)?;
    let result = session.process.absolute(&path).and_then(|absolute| match files::unlink(session.tree, &absolute) {
        Err(Errno::IsADirectory) => files::rmdir(session.tree, &absolute),
        other => other,
    });
    session.library_result(result, Some(&path))
}

fn rename(session: &mut Session, arguments: &Arguments) -> Reply {
    let (old, new) = (arguments.c_string(1)?, arguments.c_string(2)?);
    session.spend_name()?;
    let paths = session.process.absolute(&old).and_then(|from| Ok((from, session.process.absolute(&new)?)));
    let result = paths.and_then(|(from, to)| files::rename(session.tree, &from, &to));
    session.library_result(result, None)
}

fn tmpname(session: &mut Session, _: &Arguments) -> Reply {
    session.spend_name()?;
    for _ in 0..100 {
        let name = session.temporary_name(b"/tmp/lua_XXXXXX").map_err(|errno| Fault::error(errno.text()))?;
        match files::create(session.tree, &name, Node::file(Content::empty(), 0o600)) {
            Ok(_) => return Ok(vec![Item::String(name)]),
            Err(Errno::Exists) => {}
            Err(_) => break,
        }
    }
    Err(Fault::error("unable to generate a unique filename"))
}
