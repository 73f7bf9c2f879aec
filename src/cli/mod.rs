//! The command line. No other module prints.
//!
//! Input: arguments. Output: results on standard output, progress and errors on standard error, and
//! an exit code. Every command is one file that calls the library and formats its result.

mod advisories;
mod arguments;
mod audit;
mod bootstrap;
mod cache;
mod change;
mod closure;
mod command_word;
mod configured;
mod diff;
mod duration;
mod failure;
mod fetch;
mod files;
mod image;
mod info;
mod kept;
mod keys;
mod list;
mod lock;
mod lock_place;
mod locked;
mod minimize;
mod outdated;
mod outputs;
mod owner;
mod packaging;
mod page;
mod product;
mod progress;
mod repositories;
mod request;
mod resolve;
mod run;
mod sbom;
mod search;
mod subject;
mod terminal;
mod upon;
mod variants;
mod verify;
mod why;

use std::io::{IsTerminal, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

use arguments::{BootstrapArguments, ChangeArguments, Cli, Command, Deferred, DiffFormat, FilesFormat, Format, ListFormat};
use failure::Failure;

use crate::catalog::Catalog;
use crate::ecosystem::Verb;
use crate::output::user_namespace::{self, Entered};

/// Runs the command line of this process and returns its exit code.
pub fn run() -> ExitCode {
    let result = read().and_then(|mut cli| match enter_namespace(&mut cli)? {
        Some(code) => Ok(Done::Elsewhere(code)),
        None => dispatch(cli).map(Done::Here),
    });
    match result {
        Ok(Done::Elsewhere(code)) => code,
        Ok(Done::Here(text)) => match print(&text) {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => tell(&failure),
        },
        Err(failure) => {
            if let Some(output) = &failure.output {
                let _ = print(&output.0);
            }
            match &failure.problems {
                Some(serde_json::Value::String(answer)) => drop(print(answer.as_bytes())),
                Some(problems) => drop(print(format!("{problems}\n").as_bytes())),
                None => {}
            }
            tell(&failure)
        }
    }
}

/// Prints a failure on standard error and returns its exit code.
fn tell(failure: &Failure) -> ExitCode {
    let color = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let _ = writeln!(std::io::stderr(), "{}", failure.render(color));
    failure.code.into()
}

/// The process in which a command ran.
enum Done {
    Here(Vec<u8>),
    /// The command ran in a second process, which exited with this code.
    Elsewhere(ExitCode),
}

/// Parses the arguments of this process. clap itself handles `--help`, `--version` and wrong usage
/// (exit code 2).
fn read() -> Result<Cli, Failure> {
    let mut command = Cli::command();
    let words = command_word::arrange(&mut command, std::env::args_os().collect())?;
    let matches = command.try_get_matches_from_mut(words).unwrap_or_else(|error| error.exit());
    Ok(Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.format(&mut command).exit()))
}

/// Enters a user namespace if `--userns` asks for it. The command runs a second time as root of the
/// namespace, and the first process waits here for it.
fn enter_namespace(cli: &mut Cli) -> Result<Option<ExitCode>, Failure> {
    let arguments = match &mut cli.command {
        None => &mut cli.bootstrap,
        Some(Command::Build(arguments)) => arguments,
        Some(_) => return Ok(None),
    };
    if !arguments.userns {
        return Ok(None);
    }
    match user_namespace::enter() {
        Ok(Entered::Done(status)) => {
            let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
            Ok(Some(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1).into()))
        }
        Ok(Entered::Inside(mapping)) => {
            let warning = mapping.problem.map(|problem| format!("{problem}; other owners are recorded"));
            arguments.output.run.earlier_warnings.extend(warning);
            Ok(None)
        }
        Err(error) => Err(Failure::failed(error.to_string())),
    }
}

/// Runs the command and returns its output. It is bytes, because paths may contain any bytes;
/// everything else is text.
fn dispatch(cli: Cli) -> Result<Vec<u8>, Failure> {
    let change = |verb, arguments: Deferred<ChangeArguments>| {
        let format = arguments.output.format;
        change::run(verb, &arguments).map(String::into_bytes).map_err(|failure| failure.in_format(format))
    };
    let build = |arguments: &BootstrapArguments| {
        let format = arguments.output.format;
        bootstrap::run(arguments).map(String::into_bytes).map_err(|failure| failure.in_format(format))
    };
    match cli.command {
        None => build(&cli.bootstrap),
        Some(Command::Build(arguments)) => build(&arguments),
        Some(Command::Resolve(arguments)) => {
            let format = arguments.output.format;
            resolve::run(&arguments).map(String::into_bytes).map_err(|failure| failure.in_format(format))
        }
        Some(Command::Lock(arguments)) => {
            let format = arguments.how.format;
            lock::run(&arguments).map(String::into_bytes).map_err(|failure| failure.in_format(format))
        }
        Some(Command::Fetch(arguments)) => fetch::run(&arguments).map(String::into_bytes),
        Some(Command::Verify(arguments)) => {
            let format = arguments.how.format;
            verify::run(&arguments).map(String::into_bytes).map_err(|failure| failure.in_format(format))
        }
        Some(Command::Install(arguments)) => change(Verb::Install, arguments),
        Some(Command::Remove(arguments)) => change(Verb::Remove, arguments),
        Some(Command::Upgrade(arguments)) => change(Verb::Upgrade, arguments),
        Some(Command::Downgrade(arguments)) => change(Verb::Downgrade, arguments),
        Some(Command::Reinstall(arguments)) => change(Verb::Reinstall, arguments),
        Some(Command::DistroSync(arguments)) => change(Verb::DistroSync, arguments),
        Some(Command::Autoremove(arguments)) => change(Verb::Autoremove, arguments),
        Some(Command::Fix(arguments)) => change(Verb::Fix, arguments),
        Some(Command::Swap(arguments)) => change(Verb::Swap, arguments),
        Some(Command::Variants(arguments)) => variants::run(&arguments).map(String::into_bytes),
        Some(Command::Search(arguments)) => {
            let format = arguments.output.format;
            search::search(&arguments).map(String::into_bytes).map_err(|failure| failure.in_format(format))
        }
        Some(Command::Provides(arguments)) => {
            let format = arguments.output.format;
            search::provides(&arguments).map(String::into_bytes).map_err(|failure| failure.in_format(format))
        }
        Some(Command::List(arguments)) => {
            let format = if arguments.format == ListFormat::Json { Format::Json } else { Format::Human };
            list::run(&arguments).map_err(|failure| failure.in_format(format))
        }
        Some(Command::Info(arguments)) => {
            let format = arguments.output.format;
            info::run(&arguments).map_err(|failure| failure.in_format(format))
        }
        Some(Command::Files(arguments)) => {
            let format = if arguments.format == FilesFormat::Json { Format::Json } else { Format::Human };
            files::run(&arguments).map_err(|failure| failure.in_format(format))
        }
        Some(Command::Sbom(arguments)) => {
            let format = Format::Json;
            sbom::run(&arguments).map_err(|failure| failure.in_format(format))
        }
        Some(Command::Closure(arguments)) => {
            let format = arguments.output.format;
            closure::run(&arguments).map(String::into_bytes).map_err(|failure| failure.in_format(format))
        }
        Some(Command::Why(arguments)) => {
            let format = arguments.output.format;
            why::run(&arguments).map(String::into_bytes).map_err(|failure| failure.in_format(format))
        }
        Some(Command::Outdated(arguments)) => {
            let format = arguments.output.format;
            outdated::run(&arguments).map_err(|failure| failure.in_format(format))
        }
        Some(Command::Audit(arguments)) => {
            let format = arguments.output.format;
            audit::run(&arguments).map_err(|failure| failure.in_format(format))
        }
        Some(Command::Diff(arguments)) => {
            let format = if arguments.format == DiffFormat::Json { Format::Json } else { Format::Human };
            diff::run(&arguments).map(String::into_bytes).map_err(|failure| failure.in_format(format))
        }
        Some(Command::Cache(arguments)) => {
            let format = arguments.format;
            cache::run(&arguments).map(String::into_bytes).map_err(|failure| failure.in_format(format))
        }
        Some(Command::Completions { shell }) => {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "rootstrap", &mut text);
            Ok(text)
        }
    }
}

/// Reads the built-in catalog and the user's additions.
fn load_catalog(files: &[PathBuf]) -> Result<Catalog, Failure> {
    let mut catalog = Catalog::builtin();
    for file in files {
        catalog.extend(file)?;
    }
    Ok(catalog)
}

/// Prints a result on standard output. A closed pipe (`| head`) is not an error.
fn print(text: &[u8]) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::failed(format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}
