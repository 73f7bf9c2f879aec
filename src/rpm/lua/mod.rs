//! rpm's embedded Lua: runs `-p <lua>` scriptlets on the tree, with the libraries of rpm 4.14 to
//! 4.20.
//!
//! In: the tree, a scriptlet, and its environment. Out: the changed tree, the scriptlet's output,
//! and the programs that it executed. The caller decides whether the work of these programs is
//! done. Scriptlets have no access to the host: no file, process, clock or variable. Their time and
//! memory are limited.
//!
//! - `prelude` has the Lua part of the libraries. `engine` is the interpreter. `session` is the
//!   state of one scriptlet, with the record that implements `posix.fork`. `library` has the
//!   functions that do not use the tree.
//! - `posix`, `io`, `os` and `rpm` are the libraries, `files` the system calls below them.
//!   `process` is the state that a fork copies.
//!
//! Each scriptlet has an interpreter of its own and does not see definitions of earlier ones. In
//! rpm it does, but no scriptlet should rely on that.

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

/// A function that a script can call.
type Operation = fn(&mut session::Session<'_>, &value::Arguments<'_>) -> value::Reply;

/// A function that does the work of a command, or reports that it was not done.
pub type Handler<'a> = dyn FnMut(&mut Tree, &Command) -> CommandResult + 'a;

/// A scriptlet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script {
    /// Name in messages: `%pre(glibc-2.34-83.el9.aarch64)`.
    pub name: String,
    /// The text as bytes, unchanged from the package.
    pub text: Vec<u8>,
    /// Numeric arguments from rpm, `arg[2]` and `arg[3]`: the number of instances of the package
    /// after the transaction, and for triggers that of the other package.
    pub arguments: Vec<i64>,
    /// The prefixes of a relocatable package.
    pub prefixes: Vec<String>,
    /// The files that fired a file trigger, which `rpm.next_file` returns.
    pub files: Vec<Vec<u8>>,
}

/// The results of a scriptlet, except the changes of the tree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Standard output and standard error, combined.
    pub output: Vec<u8>,
    /// The executed programs, in order.
    pub commands: Vec<Executed>,
    /// Warnings that rpm would print.
    pub warnings: Vec<String>,
}

/// The error of a scriptlet that did not complete. As in rpm, its changes of the tree remain.
#[derive(Debug, thiserror::Error)]
#[error("{script}: {problem}")]
pub struct LuaError {
    /// The scriptlet's name.
    pub script: String,
    /// The reason.
    pub problem: Problem,
    /// The results up to the error.
    pub outcome: Box<Outcome>,
}

/// The reason for a scriptlet's failure.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The scriptlet is not valid Lua.
    #[error("not valid Lua: {0}")]
    Syntax(String),
    /// The scriptlet failed with an error of its own or of a wrong call.
    #[error("{0}")]
    Failed(String),
    /// The scriptlet exceeded a limit.
    #[error("stopped after {0}")]
    Limit(#[from] Exceeded),
    /// The run after a fork made other calls than the first one: the scriptlet depends on something
    /// that differs between runs.
    #[error("cannot go on after a fork: the scriptlet does not do the same twice")]
    Diverged,
    /// The interpreter itself failed.
    #[error("the interpreter failed: {0}")]
    Interpreter(String),
}

/// Runs a scriptlet on the tree. `handler` does the work of the programs that it executes.
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

/// Runs the script, then the parent of each fork.
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
        // A child neither executed a program nor exited. rpm ends it, whatever its result.
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
