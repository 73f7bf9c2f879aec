//! What went wrong, as a person reads it: what failed, why, what to do; and the exit code that scripts read.

use std::fmt::Write as _;
use std::process::ExitCode;

use super::arguments::Format;
use super::terminal::shown_lines;
use serde_json::{Value, json};

use crate::catalog::CatalogError;
use crate::compression::Bomb;
use crate::ecosystem::{Explanation, Fact, PackageError, Problem};
use crate::fetch::{FetchError, Reason};
use crate::repo::RepoError;

/// Exit codes, as the README and the help list them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    /// Network, disk, broken input.
    Failed = 1,
    /// No such distribution, variant, architecture, option; OUT is not empty.
    Usage = 2,
    /// No set of packages satisfies the request, or a name is unknown.
    NoSolution = 3,
    /// A checksum, a size or a signature is not what it should be.
    Verification = 4,
    /// What was looked for was found, as bad as was asked for or worse.
    Findings = 5,
    /// What was looked at is not what it would be now.
    OutOfDate = 6,
    /// Ctrl-C: 128 and the signal's number, as a shell would say it.
    Interrupted = 130,
    /// The other end of a terminal or connection went away.
    HungUp = 129,
    /// Somebody asked the process to end.
    Terminated = 143,
}

impl From<Code> for ExitCode {
    fn from(code: Code) -> Self {
        Self::from(code as u8)
    }
}

/// The problems as JSON.
pub(super) fn problems(explanation: &Explanation) -> Vec<Value> {
    let data = |fact: &Fact| {
        if let Value::Array(several) = &fact.data {
            return several.clone();
        }
        let mut data = fact.data.clone();
        data["text"] = Value::from(fact.text.as_str());
        vec![data]
    };
    let facts = |problem: &Problem| problem.facts.iter().flat_map(data).collect::<Vec<_>>();
    explanation.problems.iter().map(|problem| json!({"facts": facts(problem)})).collect()
}

impl From<Explanation> for Failure {
    fn from(explanation: Explanation) -> Self {
        let mut failure = Self::new(Code::NoSolution, explanation.headline.as_str());
        for (number, problem) in explanation.problems.iter().enumerate() {
            if number > 0 {
                failure = failure.detail("");
            }
            for fact in &problem.facts {
                // What the headline says need not be said again.
                if fact.text != explanation.headline {
                    failure = failure.detail(fact.text.as_str());
                }
                failure.details.extend(fact.remarks.iter().map(|line| format!("  {line}")));
            }
        }
        failure.problems = Some(json!({"schema": 1, "problems": problems(&explanation), "hints": explanation.hints}));
        failure.hints = explanation.hints;
        failure
    }
}

/// A failed run.
#[derive(Debug)]
pub(super) struct Failure {
    pub code: Code,
    /// What failed, in the user's words: one line.
    pub message: String,
    /// Why: a line each.
    pub details: Vec<String>,
    /// What to do.
    pub hints: Vec<String>,
    /// For standard output: with `--format json` the problems of a request that has no solution; a text, in either format, is the
    /// answer of a command that asks.
    pub problems: Option<serde_json::Value>,
}

impl Failure {
    pub(super) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), details: Vec::new(), hints: Vec::new(), problems: None }
    }

    pub(super) fn failed(message: impl Into<String>) -> Self {
        Self::new(Code::Failed, message)
    }

    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self::new(Code::Usage, message)
    }

    pub(super) fn detail(mut self, text: impl Into<String>) -> Self {
        self.details.push(text.into());
        self
    }

    pub(super) fn hint(mut self, text: impl Into<String>) -> Self {
        self.hints.push(text.into());
        self
    }

    /// As a format asks: the problems are data, so only `json` has them on standard output.
    pub(super) fn in_format(mut self, format: Format) -> Self {
        if format == Format::Human && !matches!(self.problems, Some(Value::String(_))) {
            self.problems = None;
        }
        self
    }

    /// An error and the errors below it, a line each.
    pub(super) fn from_error(code: Code, error: &dyn std::error::Error) -> Self {
        let mut failure = Self::new(code, error.to_string());
        let mut source = error.source();
        while let Some(cause) = source {
            failure = failure.detail(cause.to_string());
            source = cause.source();
        }
        failure
    }

    /// The whole message, without a line end.
    pub(super) fn render(&self, color: bool) -> String {
        let (red, cyan, off) = if color { ("\x1b[1;31m", "\x1b[1;36m", "\x1b[0m") } else { ("", "", "") };
        let mut text = format!("{red}error:{off} {}", shown_lines(&self.message));
        for line in self.details.iter().flat_map(|detail| detail.split('\n')) {
            text += "\n";
            if !line.is_empty() {
                let _ = write!(text, "  {}", shown_lines(line));
            }
        }
        for hint in &self.hints {
            let _ = write!(text, "\n{cyan}hint:{off} {}", shown_lines(hint));
        }
        text
    }
}

impl From<CatalogError> for Failure {
    fn from(error: CatalogError) -> Self {
        let failure = match &error {
            CatalogError::Read { .. } | CatalogError::Form { .. } | CatalogError::Content { .. } => {
                return Self::from_error(Code::Failed, &error);
            }
            _ => Self::usage(error.to_string()),
        };
        match error {
            CatalogError::UnknownDistro { known, suggestion, .. }
            | CatalogError::UnknownRelease { known, suggestion, .. }
            | CatalogError::UnknownVariant { known, suggestion, .. }
            | CatalogError::UnknownArchitecture { known, suggestion, .. } => {
                let failure = failure.detail(format!("there are: {}", known.join(", ")));
                match suggestion {
                    Some(name) => failure.hint(format!("did you mean {name}?")),
                    None => failure.hint("`rootstrap variants` lists what the catalog holds"),
                }
            }
            CatalogError::VariantNotForArchitecture { known, .. } => {
                failure.detail(format!("it is made for: {}", known.join(", ")))
            }
            _ => failure,
        }
    }
}

impl From<&FetchError> for Failure {
    fn from(error: &FetchError) -> Self {
        let code = if error.is_verification() { Code::Verification } else { Code::Failed };
        let failure = match error {
            FetchError::Failed { name, attempts } => {
                let problem = if error.is_verification() { "is not what the repository promised" } else { "cannot be had" };
                attempts
                    .iter()
                    .fold(Self::new(code, format!("{name} {problem}")), |failure, attempt| failure.detail(attempt.to_string()))
            }
            FetchError::Store { .. } | FetchError::Interrupted => Self::from_error(code, error),
        };
        failure.hint(match error {
            _ if code == Code::Verification => "another mirror may have the right file: --mirror URL",
            FetchError::Store { .. } => "another place for downloads: --cache-dir DIR",
            FetchError::Interrupted => "run it again: what was downloaded is kept",
            FetchError::Failed { attempts, .. } if attempts.iter().any(|attempt| matches!(attempt.reason, Reason::Offline)) => {
                "run it once without --offline, so that the cache has it; or take a directory: --mirror DIR"
            }
            FetchError::Failed { .. } if error.is_not_found() => {
                "is the mirror whole, and laid out as the distribution's own? Another one: --mirror URL|DIR"
            }
            FetchError::Failed { .. } => "try again later, or another mirror: --mirror URL|DIR",
        })
    }
}

/// The exit code where a package or an index is not used.
pub(super) fn code_of(error: &PackageError) -> Code {
    if error.is_verification() { Code::Verification } else { Code::Failed }
}

/// Whether what went wrong is that something inflates to more than it may.
fn is_bomb(error: &(dyn std::error::Error + 'static)) -> bool {
    let here = error.downcast_ref::<std::io::Error>().is_some_and(Bomb::is);
    here || error.source().is_some_and(is_bomb)
}

/// What to do where a package or an index is not used.
pub(super) fn hint_of(error: &PackageError) -> &'static str {
    match error {
        PackageError::Unverified(problem) if is_bomb(problem.as_ref()) => {
            "if it is meant to be so large, allow it: --unpack-limit SIZE"
        }
        PackageError::Unverified(_) => "another mirror may have the right file: --mirror URL",
        PackageError::Unsigned(_) => {
            "another mirror may have the signed file: --mirror URL; --allow-unsigned takes what nobody signed"
        }
        PackageError::Untrusted(_) => {
            "if you trust who signed it, give the public key: --key FILE; otherwise use another mirror: --mirror URL"
        }
        PackageError::Io(_) => "there may be no room in the directory of temporary files ($TMPDIR), or the file cannot be read",
    }
}

impl From<&RepoError> for Failure {
    fn from(error: &RepoError) -> Self {
        match error {
            RepoError::Root { from, error: source, .. } => {
                Self::new(code_of(source), error.to_string()).detail(format!("from      {from}")).hint(hint_of(source))
            }
            RepoError::Older { from, .. } => Self::from_error(Code::Verification, error)
                .detail(format!("from      {from}"))
                .hint("a mirror that lags behind catches up, another may have: --mirror URL; --allow-downgrade-metadata takes what is older"),
            RepoError::Stale { .. } => Self::from_error(Code::Verification, error)
                .hint("another mirror may have newer metadata: --mirror URL; --max-age says what is too old"),
            RepoError::Fetch { repository, error } => Self::from(error).detail(format!("for repository {repository}")),
            RepoError::WeakChecksum { .. } => Self::from_error(Code::Verification, error).hint(
                "another mirror may have a newer form: --mirror URL; --allow-weak-checksums takes what anyone could have made",
            ),
            _ if error.is_verification() => {
                Self::from_error(Code::Verification, error).hint("another mirror may have the right file: --mirror URL")
            }
            RepoError::SameName { .. } => {
                Self::from_error(Code::Usage, error).hint("give each repository a name of its own: --repo NAME=URL|DIR")
            }
            _ => Self::from_error(Code::Failed, error)
                .hint("the mirror's metadata are damaged, or something else answers in its place: another one: --mirror URL|DIR"),
        }
    }
}
