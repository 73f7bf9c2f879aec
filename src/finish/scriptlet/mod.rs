//! Recognition of shell scriptlets whose whole effect is known, and the native jobs that replace
//! them.
//!
//! In: the interpreter and text of a scriptlet of a first installation (`$1` is 1), or a command
//! that a Lua scriptlet runs. Out: equivalent [`Job`]s, or the result that nothing replaces it. A
//! replaced scriptlet is never run. So one unknown command, test or redirection makes the whole
//! scriptlet unknown.

mod busybox;
mod commands;
mod job;
mod shell;
#[cfg(test)]
mod tests;

pub use busybox::{AddGroup, AddUser};
pub use job::{Job, JobError};

/// The result of the recognition of a scriptlet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recognised {
    /// These jobs do all the work of the scriptlet. If the list is empty, the scriptlet does
    /// nothing.
    Replaced(Vec<Job>),
    /// No native jobs replace the scriptlet.
    Unknown,
}

/// The set of commands that a script calls. The same word can be a different program in another
/// dialect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// GNU and systemd, as in RPM distributions.
    Linux,
    /// busybox and musl, as in Alpine.
    Busybox,
}

/// Returns the jobs that replace a scriptlet with this interpreter (the program and its arguments)
/// and text.
pub fn recognise(interpreter: &[String], text: &[u8]) -> Recognised {
    recognise_in(Dialect::Linux, interpreter, text)
}

/// Does the same as [`recognise`], with the commands of a dialect.
pub fn recognise_in(dialect: Dialect, interpreter: &[String], text: &[u8]) -> Recognised {
    let command = match dialect {
        Dialect::Linux => commands::command,
        Dialect::Busybox => busybox::command,
    };
    let interpreter = match interpreter {
        // `#!/bin/busybox sh`
        [program, shell, rest @ ..] if dialect == Dialect::Busybox && program == "/bin/busybox" && shell == "sh" => {
            &[vec!["/bin/sh".to_owned()], rest.to_vec()].concat()
        }
        other => other,
    };
    let Some((program, arguments)) = interpreter.split_first() else { return Recognised::Unknown };
    let is_shell =
        matches!(program.as_str(), "/bin/sh" | "/usr/bin/sh" | "/bin/bash" | "/usr/bin/bash" | "/bin/dash" | "/usr/bin/dash");
    let jobs = if is_shell && arguments.iter().all(|argument| matches!(argument.as_str(), "-e" | "-x" | "-u" | "-p")) {
        std::str::from_utf8(text).ok().and_then(|text| shell::jobs(text, command))
    } else if text.iter().all(u8::is_ascii_whitespace) && dialect == Dialect::Linux {
        // `%post -p /sbin/ldconfig`: the program is the whole scriptlet.
        native_command(interpreter)
    } else {
        None
    };
    jobs.map_or(Recognised::Unknown, Recognised::Replaced)
}

/// Returns the jobs that do the work of a successful command, or `None` if the command is unknown.
pub fn native_command(words: &[String]) -> Option<Vec<Job>> {
    match commands::command(words)? {
        commands::Effect { status: Some(true), jobs, exits: false } => Some(jobs),
        _ => None,
    }
}
