//! rpm's embedded Lua: `-p <lua>` scriptlets, with what rpm 4.14 to 4.20 offers them, all of it on the tree.
//!
//! In: the tree, a scriptlet, and what it may see of its machine. Out: the tree changed, what the scriptlet printed, and the programs it asked
//! for, whose work somebody else does or not. It never touches the host: no file, process, clock or variable of it is seen, and what the
//! scriptlet may use of time and memory is limited.
//!
//! - `prelude.lua` gives the libraries their Lua side; `engine` is the interpreter, `session` one scriptlet at work, with the record that makes
//!   `posix.fork` work; `library` holds what needs no tree.
//! - `posix`, `io`, `os`, `rpm` are the libraries; `files` the system calls below them; `process` what a fork copies.
//!
//! Each scriptlet has an interpreter of its own: what one defines, the next does not see (in rpm it does, and nothing should count on it).

mod accounts;
mod base64;
mod command;
mod date;
mod engine;
mod environment;
mod errno;
pub(super) mod files;
mod glob;
mod io;
mod library;
mod limits;
mod macros;
mod mode;
mod number;
mod os;
mod pattern;
mod posix;
mod process;
mod rpm;
mod session;
#[cfg(test)]
mod tests;
mod value;

use std::cell::RefCell;

pub use command::{Command, CommandResult, Executed};
pub use environment::Environment;
pub use limits::{Exceeded, Limits};

use crate::tree::Tree;

/// A function that a script calls.
type Operation = fn(&mut session::Session<'_>, &value::Arguments<'_>) -> value::Reply;

/// Does a command's work, or says that nobody does.
pub type Handler<'a> = dyn FnMut(&mut Tree, &Command) -> CommandResult + 'a;

/// A scriptlet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script {
    /// What messages call it: `%pre(glibc-2.34-83.el9.aarch64)`.
    pub name: String,
    /// Its text; bytes, as the package has it.
    pub text: Vec<u8>,
    /// What rpm passes: how many instances of the package there will be, and for triggers how many of the other. `arg[2]` and `arg[3]`.
    pub arguments: Vec<i64>,
    /// The prefixes of a relocatable package.
    pub prefixes: Vec<String>,
    /// The files that a file trigger was fired for: what `rpm.next_file` gives.
    pub files: Vec<Vec<u8>>,
}

/// What a scriptlet did beside changing the tree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// What it printed, to its output and its error output alike.
    pub output: Vec<u8>,
    /// The programs it asked for, in order.
    pub commands: Vec<Executed>,
    /// What it did that rpm would warn of.
    pub warnings: Vec<String>,
}

/// A scriptlet that did not come to its end. What it had changed in the tree by then stays changed, as with rpm.
#[derive(Debug, thiserror::Error)]
#[error("{script}: {problem}")]
pub struct LuaError {
    /// The scriptlet's name.
    pub script: String,
    /// What is wrong.
    pub problem: Problem,
    /// What it had done by then.
    pub outcome: Box<Outcome>,
}

/// What is wrong with a scriptlet.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// It is not Lua.
    #[error("not valid Lua: {0}")]
    Syntax(String),
    /// It failed: by an error of its own, or a call that it made wrongly.
    #[error("{0}")]
    Failed(String),
    /// It used too much.
    #[error("stopped after {0}")]
    Limit(#[from] Exceeded),
    /// After a fork, it made other calls than before: it depends on something that differs between two runs.
    #[error("cannot go on after a fork: the scriptlet does not do the same twice")]
    Diverged,
    /// The interpreter itself failed.
    #[error("the interpreter failed: {0}")]
    Interpreter(String),
}

/// Runs a scriptlet on the tree; `handler` does the work of the programs it asks for.
pub fn run(tree: &mut Tree, script: &Script, environment: &Environment, handler: &mut Handler) -> Result<Outcome, LuaError> {
    let meter = limits::Meter::new(environment.limits);
    let mut session = session::Session::new(tree, script, environment, handler, meter);
    let mut warnings = Vec::new();
    let result = run_processes(&mut session, &mut warnings);
    session.flush();
    let outcome =
        Outcome { output: std::mem::take(&mut session.output), commands: std::mem::take(&mut session.executed), warnings };
    match result {
        Ok(()) => Ok(outcome),
        Err(problem) => Err(LuaError { script: script.name.clone(), problem, outcome: Box::new(outcome) }),
    }
}

/// Runs the script, then the parent that each fork left behind.
fn run_processes(session: &mut session::Session, warnings: &mut Vec<String>) -> Result<(), Problem> {
    loop {
        session.meter.set_stopped(false);
        let ending = engine::run(&RefCell::new(session));
        if let Some(limit) = session.meter.exceeded() {
            return Err(limit.into());
        }
        if session.diverged() {
            return Err(Problem::Diverged);
        }
        let ended = session.meter.is_stopped();
        let ending = match ending {
            Err(error) if ended => engine::Ending::Failed(error.to_string()),
            other => other.map_err(|error| Problem::Interpreter(error.to_string()))?,
        };
        if !session.process.is_forked() {
            return match ending {
                engine::Ending::Finished => Ok(()),
                engine::Ending::Syntax(message) => Err(Problem::Syntax(message)),
                engine::Ending::Failed(message) => Err(Problem::Failed(message)),
            };
        }
        // A child that neither executed a program nor exited: rpm ends it, whatever it returned.
        match ending {
            _ if ended => {}
            engine::Ending::Failed(message) | engine::Ending::Syntax(message) => warnings.push(format!("in a child: {message}")),
            engine::Ending::Finished => warnings.push("runaway fork() in Lua script".to_owned()),
        }
        if !session.resume() {
            return Ok(());
        }
    }
}
