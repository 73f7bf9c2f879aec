//! `posix`: the machine, its limits, and the last error.
#![allow(clippy::unnecessary_wraps, reason = "all functions that a script calls have one type")]

use super::{number, selection};
use crate::rpm::lua::Operation;
use crate::rpm::lua::session::Session;
use crate::rpm::lua::value::{Arguments, Item, Reply};

/// The functions.
pub(in crate::rpm::lua) const OPERATIONS: &[(&str, Operation)] =
    &[("posix.errno", errno), ("posix.pathconf", pathconf), ("posix.sysconf", sysconf), ("posix.uname", uname)];

fn errno(session: &mut Session, _: &Arguments) -> Reply {
    let errno = session.process.errno;
    Ok(vec![Item::text(errno.text()), number(errno.number())])
}

/// Returns the limits of a Linux file system.
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

/// Returns the limits of a Linux system.
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
