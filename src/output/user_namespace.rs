//! `--userns`: runs as root of a user namespace. So an ordinary user's tree gets its owners by
//! `chown`, shifted to ids that belong to the user.
//!
//! A process can only create a user namespace while it has one thread, so [`enter`] is called
//! first. It runs the same command again, and the second process enters the namespace and
//! continues. The first process maps the ids through `newuidmap` and `newgidmap`, which alone may
//! map the ranges of `/etc/subuid` and `/etc/subgid`. It passes signals on and exits with the
//! status of the second one. Without these programs or ranges, the caller's own id becomes 0 and no
//! other id is mapped. Then other owners are recorded, as without `--userns`.
//!
//! In: this process, before it has threads. Out: [`Entered`]. The module never changes a tree;
//! [`Ownership::detect`](super::Ownership::detect) detects the namespace.

use std::fs;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::io::{Errno, FdFlags, fcntl_setfd};
use rustix::process::{Pid, Signal, getegid, geteuid, kill_process, set_parent_process_death_signal};
use rustix::thread::UnshareFlags;

use crate::cancel::Cancel;

/// The variable that marks the second process and names its descriptors for talking to the first.
const MARK: &str = "ROOTSTRAP_USER_NAMESPACE";
/// The messages between the two processes: one byte, then the text of a problem if there is one.
const READY: u8 = b'+';
const MAP_YOURSELF: u8 = b'1';
const MAPPED: u8 = b'+';

/// The state of this process after [`enter`].
#[derive(Debug)]
pub enum Entered {
    /// Root, of the system or of a namespace; it continues.
    Inside(Mapping),
    /// The first process, after the second one did the work; it exits with this status.
    Done(ExitStatus),
}

/// The ids that the namespace has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// The number of user ids.
    pub users: u64,
    /// The number of group ids.
    pub groups: u64,
    /// The reason for having only one of each, if more were possible; for a warning.
    pub problem: Option<String>,
}

/// The reason why there is no user namespace.
#[derive(Debug, thiserror::Error)]
pub enum UserNamespaceError {
    /// The kernel or its administrator does not allow it.
    #[error("user namespaces are not allowed here ({0}); without --userns the owners are recorded instead")]
    Forbidden(io::Error),
    /// The process has threads already.
    #[error("a user namespace must be entered before threads start")]
    Threads,
    /// The ids could not be mapped.
    #[error("the ids of the user namespace cannot be mapped: {0}")]
    Mapping(io::Error),
    /// The second process could not be started or did not answer.
    #[error("cannot run this program again in a user namespace: {0}")]
    Again(io::Error),
}

/// Enters a user namespace as its root, unless this process is root already. Call this function
/// before any thread starts.
pub fn enter() -> Result<Entered, UserNamespaceError> {
    if let Some(mark) = std::env::var_os(MARK) {
        return second(&mark.to_string_lossy());
    }
    if geteuid().is_root() {
        return Ok(Entered::Inside(mapping(None)));
    }
    first()
}

/// Starts the second process, maps its ids and waits for it.
fn first() -> Result<Entered, UserNamespaceError> {
    let (mut ready, ready_other) = io::pipe().map_err(UserNamespaceError::Again)?;
    let (go_other, mut go) = io::pipe().map_err(UserNamespaceError::Again)?;
    for inherited in [ready_other.as_fd(), go_other.as_fd()] {
        fcntl_setfd(inherited, FdFlags::empty()).map_err(|error| UserNamespaceError::Again(error.into()))?;
    }
    let mut arguments = std::env::args_os();
    let mut command = Command::new("/proc/self/exe");
    if let Some(name) = arguments.next() {
        command.arg0(name);
    }
    // The child has its own process group: the terminal's signals reach this process only, which
    // passes each on once.
    command.args(arguments).process_group(0).env(MARK, format!("{},{}", ready_other.as_raw_fd(), go_other.as_raw_fd()));
    let cancel = Cancel::on_signals().map_err(UserNamespaceError::Again)?;
    let mut child = command.spawn().map_err(UserNamespaceError::Again)?;
    drop((ready_other, go_other));

    let mut answer = [0];
    if ready.read_exact(&mut answer).is_ok() && answer[0] == READY {
        let message = match map_ranges(child.id()) {
            Ok(()) => vec![MAPPED],
            Err(problem) => [&[MAP_YOURSELF], problem.as_bytes()].concat(),
        };
        // If the child has already exited, its status shows the problem.
        let _ = go.write_all(&message);
    }
    drop(go);
    let (id, done) = (child.id(), AtomicBool::new(false));
    let status = std::thread::scope(|scope| {
        let messenger = scope.spawn(|| pass_signals_on(id, &cancel, &done));
        let status = child.wait();
        done.store(true, Ordering::Relaxed);
        messenger.thread().unpark();
        status
    });
    status.map(Entered::Done).map_err(UserNamespaceError::Again)
}

/// Passes the first signal on. The second signal kills this process, and with it the other one (see
/// [`second`]).
fn pass_signals_on(child: u32, cancel: &Cancel, done: &AtomicBool) {
    while !done.load(Ordering::Relaxed) {
        if cancel.is_raised() {
            let signal = cancel.signal().and_then(Signal::from_named_raw).unwrap_or(Signal::TERM);
            if let Some(child) = i32::try_from(child).ok().and_then(Pid::from_raw) {
                let _ = kill_process(child, signal);
            }
            return;
        }
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

/// Enters the namespace and waits for its ids.
fn second(mark: &str) -> Result<Entered, UserNamespaceError> {
    let broken = || UserNamespaceError::Again(io::Error::other(format!("{MARK}={mark:?} is for internal use")));
    let (ready, go) = mark.split_once(',').ok_or_else(broken)?;
    let open = |number: &str, write: bool| {
        let number: u32 = number.parse().map_err(|_| broken())?;
        let path = format!("/proc/self/fd/{number}");
        fs::OpenOptions::new().read(!write).write(write).open(path).map_err(|_| broken())
    };
    let (mut ready, mut go) = (open(ready, true)?, open(go, false)?);
    // When the first process is killed, so is its work.
    set_parent_process_death_signal(Some(Signal::TERM)).map_err(|error| UserNamespaceError::Again(error.into()))?;
    let (uid, gid) = (geteuid().as_raw(), getegid().as_raw());
    unshare()?;
    let mut answer = Vec::new();
    ready.write_all(&[READY]).and_then(|()| go.read_to_end(&mut answer)).map_err(UserNamespaceError::Again)?;
    let problem = match answer.split_first() {
        Some((&MAPPED, _)) => None,
        Some((_, problem)) => {
            map_self(uid, gid).map_err(UserNamespaceError::Mapping)?;
            Some(String::from_utf8_lossy(problem).into_owned())
        }
        None => return Err(UserNamespaceError::Again(io::ErrorKind::UnexpectedEof.into())),
    };
    Ok(Entered::Inside(mapping(problem)))
}

#[expect(deprecated, reason = "it is unsafe for file descriptor tables only, which stay shared here")]
fn unshare() -> Result<(), UserNamespaceError> {
    rustix::thread::unshare(UnshareFlags::NEWUSER).map_err(|error| match error {
        // unshare(2) returns this for a process with threads.
        Errno::INVAL => UserNamespaceError::Threads,
        error => UserNamespaceError::Forbidden(error.into()),
    })
}

/// Maps the caller to 0, which every process may do. The kernel then requires that `setgroups` is
/// denied (`user_namespaces(7)`).
fn map_self(uid: u32, gid: u32) -> io::Result<()> {
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/uid_map", format!("0 {uid} 1"))?;
    fs::write("/proc/self/gid_map", format!("0 {gid} 1"))
}

/// Maps the caller to 0 and the caller's additional ids to 1 and above, with the privileged
/// programs. Returns the problem if that fails.
fn map_ranges(child: u32) -> Result<(), String> {
    let (uid, gid) = (geteuid().as_raw(), getegid().as_raw());
    let name = fs::read_to_string("/etc/passwd").ok().and_then(|passwd| name_of(&passwd, uid));
    let mut commands = Vec::new();
    for (program, file, id) in [("newuidmap", "/etc/subuid", uid), ("newgidmap", "/etc/subgid", gid)] {
        let text = fs::read_to_string(file).unwrap_or_default();
        // Both files are about users: a group has no ranges of its own.
        let ranges = ranges(&text, name.as_deref(), uid);
        if ranges.is_empty() {
            return Err(format!("{file} has no range for {}", name.unwrap_or_else(|| uid.to_string())));
        }
        let mut command = Command::new(program);
        command.args([child.to_string(), "0".to_owned(), id.to_string(), "1".to_owned()]);
        let mut inside = 1u64;
        for (start, count) in ranges {
            command.args([inside.to_string(), start.to_string(), count.to_string()]);
            inside += u64::from(count);
        }
        commands.push((program, command));
    }
    for (program, mut command) in commands {
        let output = command.output().map_err(|error| format!("{program}: {error}"))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            let status = output.status.signal().map_or_else(String::new, |signal| format!("killed by signal {signal}"));
            return Err(format!("{program}: {said}{status}"));
        }
    }
    Ok(())
}

/// Returns the name of a user id in the text of `/etc/passwd`.
fn name_of(passwd: &str, uid: u32) -> Option<String> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    })
}

/// Returns the ranges (start, count) that a file like `/etc/subuid` gives a user, by name or by
/// number (subuid(5)).
fn ranges(text: &str, name: Option<&str>, uid: u32) -> Vec<(u32, u32)> {
    let number = uid.to_string();
    text.lines()
        .filter_map(|line| {
            let (owner, range) = line.split_once(':')?;
            let (start, count) = range.split_once(':')?;
            let range: (u32, u32) = (start.trim().parse().ok()?, count.trim().parse().ok()?);
            ((Some(owner) == name || owner == number) && range.1 > 0).then_some(range)
        })
        .collect()
}

/// Returns the mapping of this process's namespace.
fn mapping(problem: Option<String>) -> Mapping {
    let count = |file| fs::read_to_string(file).map_or(0, |text| mapped(&text));
    Mapping { users: count("/proc/self/uid_map"), groups: count("/proc/self/gid_map"), problem }
}

/// Counts the ids in the text of `/proc/…/uid_map`: lines of first inside, first outside, count.
fn mapped(text: &str) -> u64 {
    text.lines().filter_map(|line| line.split_whitespace().nth(2)?.parse::<u64>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_found_by_name_and_by_number() {
        let passwd = "root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\n";
        assert_eq!(name_of(passwd, 1000).as_deref(), Some("ann"));
        assert_eq!(name_of(passwd, 1), None);
        let text = "ann:100000:65536\nbob:165536:65536\n1000:300000:10\nann:1:0\nann:x:1\nbroken\n";
        assert_eq!(ranges(text, Some("ann"), 1000), [(100_000, 65_536), (300_000, 10)]);
        assert_eq!(ranges(text, None, 1000), [(300_000, 10)]);
        assert_eq!(ranges(text, None, 7), []);
    }

    #[test]
    fn a_map_is_counted() {
        assert_eq!(mapped("         0       1000          1\n         1     100000      65536\n"), 65_537);
        assert_eq!(mapped(""), 0);
    }
}
