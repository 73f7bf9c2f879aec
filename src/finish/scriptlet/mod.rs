//! Shell scriptlets whose whole work is known: which native jobs do what they would.
//!
//! In: the interpreter and text of a scriptlet of a first installation (`$1` is 1), or a command that a Lua scriptlet runs. Out:
//! [`Job`]s that are the same, or the word that nothing replaces it. A scriptlet with one command, test or redirection that is
//! not understood is not understood at all: what is claimed here is not run by anybody.

mod busybox;
mod commands;
mod job;
mod shell;
#[cfg(test)]
mod tests;

pub use busybox::{AddGroup, AddUser};
pub use job::{Job, JobError};

/// What is known of a scriptlet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recognised {
    /// These jobs do all that it would; without any, it would do nothing.
    Replaced(Vec<Job>),
    /// Nothing replaces it.
    Unknown,
}

/// Whose commands a script calls: the same word may be another program elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// GNU and systemd, as RPM distributions have them.
    Linux,
    /// busybox and musl, as Alpine has them.
    Busybox,
}

/// Which jobs replace a scriptlet with this interpreter (the program and its arguments) and text.
pub fn recognise(interpreter: &[String], text: &[u8]) -> Recognised {
    recognise_in(Dialect::Linux, interpreter, text)
}

/// The same where the commands are those of a dialect.
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

/// The jobs that do what a command would, with success; `None` for one that is not known.
pub fn native_command(words: &[String]) -> Option<Vec<Job>> {
    match commands::command(words)? {
        commands::Effect { status: Some(true), jobs, exits: false } => Some(jobs),
        _ => None,
    }
}
