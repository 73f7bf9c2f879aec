//! Failures as the user sees them: the error, its cause, and a hint; and the exit code for scripts.

use std::fmt::Write as _;
use std::process::ExitCode;

use super::arguments::Format;
use super::terminal::shown_lines;
use serde_json::{Value, json};

use crate::catalog::CatalogError;
use crate::compression::Bomb;
use crate::ecosystem::{Cause, Explanation, Fact, PackageError, Problem};
use crate::fetch::{FetchError, Reason};
use crate::repo::RepoError;

/// Exit codes. The README and the help list them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    /// The network, the disk or the input caused an error.
    Failed = 1,
    /// A distribution, variant, architecture or option does not exist; or OUT is not empty.
    Usage = 2,
    /// No set of packages satisfies the request, or a name is unknown.
    NoSolution = 3,
    /// A checksum, a size or a signature differs from the expected one.
    Verification = 4,
    /// Findings of at least the requested severity exist.
    Findings = 5,
    /// The subject differs from its current state in the repositories.
    OutOfDate = 6,
    /// The run was stopped with Ctrl-C: 128 plus the signal's number, like in a shell.
    Interrupted = 130,
    /// The terminal or the connection was closed.
    HungUp = 129,
    /// The process received a request to terminate.
    Terminated = 143,
}

impl From<Code> for ExitCode {
    fn from(code: Code) -> Self {
        Self::from(code as u8)
    }
}

/// Returns the problems as JSON.
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
        let code = match explanation.cause {
            Cause::NoSolution => Code::NoSolution,
            Cause::Request => Code::Usage,
            Cause::Input => Code::Failed,
            Cause::Unverified => Code::Verification,
        };
        let mut failure = Self::new(code, explanation.headline.as_str());
        for (number, problem) in explanation.problems.iter().enumerate() {
            if number > 0 {
                failure = failure.detail("");
            }
            for fact in &problem.facts {
                // A fact that equals the headline is not repeated.
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
    /// The error in the user's words, on one line.
    pub message: String,
    /// The causes, one line each.
    pub details: Vec<String>,
    /// Hints on how to solve the problem.
    pub hints: Vec<String>,
    /// Data for standard output. With `--format json`, the problems of a request without a
    /// solution. A text is the answer of a query command, in either format.
    pub problems: Option<serde_json::Value>,
    /// Output that is printed on standard output despite the failure.
    pub output: Option<Box<Output>>,
}

/// Output of a failed run on standard output. It is bytes, because a table may contain any bytes.
#[derive(Debug)]
pub(super) struct Output(pub Vec<u8>);

impl Failure {
    pub(super) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), details: Vec::new(), hints: Vec::new(), problems: None, output: None }
    }

    pub(super) fn failed(message: impl Into<String>) -> Self {
        Self::new(Code::Failed, message)
    }

    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self::new(Code::Usage, message)
    }

    /// Returns the failure of a query whose data were not read, because an empty answer would be
    /// wrong.
    pub(super) fn not_looked_at(message: impl Into<String>) -> Self {
        let mut failure = Self::failed(message);
        let fact = json!({"kind": "not-looked-at", "text": failure.message});
        failure.problems = Some(json!({"schema": 1, "problems": [{"facts": [fact]}]}));
        failure
    }

    pub(super) fn detail(mut self, text: impl Into<String>) -> Self {
        self.details.push(text.into());
        self
    }

    pub(super) fn hint(mut self, text: impl Into<String>) -> Self {
        self.hints.push(text.into());
        self
    }

    /// Adapts the failure to a format: the problems are data, so only `json` prints them on
    /// standard output.
    pub(super) fn in_format(mut self, format: Format) -> Self {
        if format == Format::Human && !matches!(self.problems, Some(Value::String(_))) {
            self.problems = None;
        }
        self
    }

    /// Creates a failure from an error and its sources, one line each.
    pub(super) fn from_error(code: Code, error: &dyn std::error::Error) -> Self {
        let mut failure = Self::new(code, error.to_string());
        let mut source = error.source();
        while let Some(cause) = source {
            failure = failure.detail(cause.to_string());
            source = cause.source();
        }
        failure
    }

    /// Returns the whole message without a final newline.
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

/// The options that replace a part of a repository's data, as hints name them.
#[derive(Clone, Debug)]
pub(super) struct Alternatives {
    /// Noun for an alternative source of the packages: `mirror`, `place`.
    pub noun: &'static str,
    /// The option that names another location: `--mirror`, `--repo NAME=`.
    pub place: String,
    /// The option that adds a key.
    pub key: String,
}

impl Alternatives {
    /// Returns the option with a placeholder for a URL.
    pub(super) fn url(&self) -> String {
        self.with("URL")
    }

    /// Returns the option with a value. `--repo NAME=` takes it without a space.
    fn with(&self, value: &str) -> String {
        let separator = if self.place.ends_with('=') { "" } else { " " };
        format!("{}{separator}{value}", self.place)
    }
}

/// Converts an error of a fetch to a failure.
pub(super) fn fetch_failure(error: &FetchError, alternatives: &Alternatives) -> Failure {
    let code = if error.is_verification() { Code::Verification } else { Code::Failed };
    let failure = match error {
        FetchError::Failed { name, attempts } => {
            let problem = if error.is_verification() { "is not what the repository promised" } else { "cannot be had" };
            attempts
                .iter()
                .fold(Failure::new(code, format!("{name} {problem}")), |failure, attempt| failure.detail(attempt.to_string()))
        }
        FetchError::Store { .. } | FetchError::Interrupted => Failure::from_error(code, error),
    };
    failure.hint(fetch_hint(error, alternatives))
}

/// Returns a hint for a file that cannot be fetched.
fn fetch_hint(error: &FetchError, alternatives: &Alternatives) -> String {
    let (noun, either) = (alternatives.noun, alternatives.with("URL|DIR"));
    let attempts = match error {
        FetchError::Store { .. } => return "another place for downloads: --cache-dir DIR".to_owned(),
        FetchError::Interrupted => return "run it again: what was downloaded is kept".to_owned(),
        FetchError::Failed { attempts, .. } => attempts,
    };
    if error.is_verification() {
        return format!("another {noun} may have the right file: {}", alternatives.url());
    }
    let any = |is: &dyn Fn(&Reason) -> bool| attempts.iter().any(|attempt| is(&attempt.reason));
    if any(&|reason| matches!(reason, Reason::Offline)) {
        let directory = alternatives.with("DIR");
        return format!("run it once without --offline, so that the cache has it; or take a directory: {directory}");
    }
    if error.is_not_found() {
        return match noun {
            "mirror" => format!("is the mirror whole, and laid out as the distribution's own? Another one: {either}"),
            _ => format!("is this the directory that holds the repository's metadata, and is it whole? Another one: {either}"),
        };
    }
    if any(&|reason| matches!(reason, Reason::Tls { .. })) {
        return format!("--cacert FILE names the authorities that servers are held against; another {noun}: {either}");
    }
    if attempts.iter().all(|attempt| !attempt.location.is_remote()) {
        return format!("look at the permissions of the files, or take another {noun}: {either}");
    }
    format!("try again later, or another {noun}: {either}")
}

/// Returns the exit code for a rejected package or index.
pub(super) fn code_of(error: &PackageError) -> Code {
    match error {
        // The repositories cannot satisfy the request, just as when no package provides a
        // requirement.
        PackageError::NotInstallable { .. } => Code::NoSolution,
        error if error.is_verification() => Code::Verification,
        _ => Code::Failed,
    }
}

/// Reports whether the error is that data decompress to more than the limit.
fn is_bomb(error: &(dyn std::error::Error + 'static)) -> bool {
    let here = error.downcast_ref::<std::io::Error>().is_some_and(Bomb::is);
    here || error.source().is_some_and(is_bomb)
}

/// Returns a hint for a package or an index that was rejected. Without `alternatives`, it is a file
/// that the user named.
pub(super) fn hint_of(error: &PackageError, alternatives: Option<&Alternatives>) -> String {
    let key = alternatives.map_or("--key FILE", |alternatives| alternatives.key.as_str());
    let elsewhere = |which: &str| match alternatives {
        Some(alternatives) => format!("another {} may have the {which} file: {}", alternatives.noun, alternatives.url()),
        None => format!("get the {which} file from where it came"),
    };
    match error {
        PackageError::Unverified(problem) if is_bomb(problem.as_ref()) => {
            "if it is meant to be so large, allow it: --unpack-limit SIZE".to_owned()
        }
        PackageError::Unverified(_) => elsewhere("right"),
        PackageError::Unsigned(_) => format!("{}; --allow-unsigned takes what nobody signed", elsewhere("signed")),
        PackageError::Untrusted(_) => {
            let otherwise = alternatives.map_or_else(String::new, |alternatives| {
                format!("; otherwise use another {}: {}", alternatives.noun, alternatives.url())
            });
            format!("if you trust who signed it, give the public key: {key}{otherwise}")
        }
        PackageError::NotInstallable { hint, .. } => (*hint).to_owned(),
        PackageError::Io(error) if is_full(error) => {
            "packages are unpacked beside OUT, or in $TMPDIR where nothing is built: make room there".to_owned()
        }
        PackageError::Io(_) => "look at the file's permissions, and whether the disk can be read".to_owned(),
    }
}

fn is_full(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded)
}

/// Converts an error of a repository to a failure.
pub(super) fn repository_failure(error: &RepoError, alternatives: &Alternatives) -> Failure {
    let (noun, url) = (alternatives.noun, alternatives.url());
    match error {
        RepoError::Root { from, error: source, .. } => Failure::new(code_of(source), error.to_string())
            .detail(format!("from      {from}"))
            .hint(hint_of(source, Some(alternatives))),
        RepoError::Older { from, .. } => {
            let late = format!("a {noun} that lags behind catches up, another may have: {url}");
            Failure::from_error(Code::Verification, error)
                .detail(format!("from      {from}"))
                .hint(format!("{late}; --allow-downgrade-metadata takes what is older"))
        }
        RepoError::Stale { .. } => Failure::from_error(Code::Verification, error)
            .hint(format!("another {noun} may have newer metadata: {url}; --max-age says what is too old")),
        RepoError::Fetch { repository, error } => {
            fetch_failure(error, alternatives).detail(format!("for repository {repository}"))
        }
        RepoError::WeakChecksum { .. } => Failure::from_error(Code::Verification, error).hint(format!(
            "another {noun} may have a newer form: {url}; --allow-weak-checksums takes what anyone could have made"
        )),
        _ if error.is_verification() => {
            Failure::from_error(Code::Verification, error).hint(format!("another {noun} may have the right file: {url}"))
        }
        RepoError::SameName { .. } => {
            Failure::from_error(Code::Usage, error).hint("give each repository a name of its own: --repo NAME=URL|DIR")
        }
        _ => {
            let damaged = format!("the {noun}'s metadata are damaged, or something else answers in its place");
            Failure::from_error(Code::Failed, error).hint(format!("{damaged}: another one: {}", alternatives.with("URL|DIR")))
        }
    }
}
