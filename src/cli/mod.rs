//! The command line: words in, exit code out. The only room that prints.
//!
//! In: arguments. Out: results on standard output, progress and errors on standard error, an exit code. Every command is one file that
//! calls the library and words its answer.

mod arguments;
mod bootstrap;
mod explanation;
mod failure;
mod files;
mod info;
mod list;
mod progress;
mod request;
mod resolve;
mod run;
mod subject;
mod terminal;
mod variants;

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use arguments::{Cli, Command};
use failure::Failure;

use crate::catalog::Catalog;

/// Runs the command line of this process and returns its exit code.
pub fn run() -> ExitCode {
    // clap itself answers --help, --version and wrong usage (exit code 2).
    let cli = Cli::parse();
    match dispatch(cli) {
        Ok(text) => print(&text),
        Err(failure) => {
            if let Some(problems) = &failure.problems {
                print(format!("{problems}\n").as_bytes());
            }
            let color = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
            let _ = writeln!(std::io::stderr(), "{}", failure.render(color));
            failure.code.into()
        }
    }
}

/// What a command has to say: text, but for paths, which may be any bytes.
fn dispatch(cli: Cli) -> Result<Vec<u8>, Failure> {
    match cli.command {
        None => bootstrap::run(&cli.bootstrap).map(String::into_bytes),
        Some(Command::Resolve(arguments)) => resolve::run(&arguments).map(String::into_bytes),
        Some(Command::Variants(arguments)) => variants::run(&arguments).map(String::into_bytes),
        Some(Command::List(arguments)) => list::run(&arguments),
        Some(Command::Info(arguments)) => info::run(&arguments),
        Some(Command::Files(arguments)) => files::run(&arguments),
        Some(Command::Completions { shell }) => {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "rootstrap", &mut text);
            Ok(text)
        }
    }
}

/// The built-in catalog and what the user adds to it.
fn load_catalog(files: &[PathBuf]) -> Result<Catalog, Failure> {
    let mut catalog = Catalog::builtin()?;
    for file in files {
        catalog.extend(file)?;
    }
    Ok(catalog)
}

/// A result on standard output. A reader that went away (`| head`) is no failure.
fn print(text: &[u8]) -> ExitCode {
    let mut out = std::io::stdout().lock();
    match out.write_all(text).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            let _ = writeln!(std::io::stderr(), "error: cannot write to standard output: {error}");
            failure::Code::Failed.into()
        }
        _ => ExitCode::SUCCESS,
    }
}
