//! The command line: words in, exit code out. The only room that prints.
//!
//! In: arguments. Out: results on standard output, progress and errors on standard error, an exit code. Every command is one file that
//! calls the library and words its answer.

mod arguments;
mod bootstrap;
mod explanation;
mod failure;
mod progress;
mod request;
mod resolve;
mod run;
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
                print(&format!("{problems}\n"));
            }
            let color = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
            let _ = writeln!(std::io::stderr(), "{}", failure.render(color));
            failure.code.into()
        }
    }
}

fn dispatch(cli: Cli) -> Result<String, Failure> {
    match cli.command {
        Some(Command::Variants(arguments)) => variants::run(&arguments),
        Some(Command::Completions { shell }) => {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "rootstrap", &mut text);
            Ok(String::from_utf8_lossy(&text).into_owned())
        }
        Some(Command::Resolve(arguments)) => resolve::run(&arguments),
        None => bootstrap::run(&cli.bootstrap),
        _ => Err(Failure::failed("not yet")),
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
fn print(text: &str) -> ExitCode {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            let _ = writeln!(std::io::stderr(), "error: cannot write to standard output: {error}");
            failure::Code::Failed.into()
        }
        _ => ExitCode::SUCCESS,
    }
}
