//! Arguments of the commands that check a set of packages.

use std::path::PathBuf;

use clap::Args;

use super::{OutputArguments, RequestArguments};
use crate::audit::{FindingKind, Severity};

#[derive(Debug, Args)]
pub(in crate::cli) struct AuditArguments {
    /// A root file system, an archive of one, an OCI image layout (DIR or DIR:TAG, or a tar of it), an archive of `docker save`, a lock file, or
    /// what `resolve --format json` wrote; without it the request of the options is solved
    #[arg(value_name = "SUBJECT")]
    pub subject: Option<PathBuf>,
    /// Advisories: OSV (JSON files or a zip), updateinfo.xml, Alpine's secdb (YAML or JSON); files or directories of them. Beside them count
    /// those of the repositories that are named
    #[arg(long, value_name = "FILE|DIR")]
    pub advisories: Vec<PathBuf>,
    /// What is taken and what not, as TOML
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// From which severity on findings are exit code 5: info, low, moderate, important, critical [default: low]
    #[arg(long, value_name = "LEVEL", value_parser = severity)]
    pub fail_on: Option<Severity>,
    /// Look for these kinds of findings alone
    #[arg(long, value_name = "KIND", value_delimiter = ',', value_parser = kind)]
    pub only: Vec<FindingKind>,
    /// Do not look for these kinds
    #[arg(long, value_name = "KIND", value_delimiter = ',', value_parser = kind)]
    pub skip: Vec<FindingKind>,
    /// Write the findings as SARIF to FILE, too
    #[arg(long, value_name = "FILE")]
    pub sarif: Option<PathBuf>,
    /// Write the set, its sizes, who needs whom, and the findings as a page to FILE, too: one HTML file that needs nothing beside it
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Show on the page what is different from this one, an earlier image say
    #[arg(long, value_name = "SUBJECT", requires = "html")]
    pub diff_to: Option<PathBuf>,
    #[command(flatten)]
    pub request: RequestArguments,
    #[command(flatten)]
    pub output: OutputArguments,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct OutdatedArguments {
    /// Root file systems, archives of such, OCI image layouts (DIR or DIR:TAG), archives of `docker save`, lock files, plans in JSON: any
    /// number of them
    #[arg(value_name = "SUBJECT", required = true)]
    pub subjects: Vec<PathBuf>,
    /// Only advisories of this severity or above make a subject outdated: low, moderate, important, critical
    #[arg(long, value_name = "LEVEL", value_parser = severity)]
    pub severity: Option<Severity>,
    /// Advisories beside those of the repositories: OSV, updateinfo.xml, Alpine's secdb; files or directories of them
    #[arg(long, value_name = "FILE|DIR")]
    pub advisories: Vec<PathBuf>,
    #[command(flatten)]
    pub request: RequestArguments,
    #[command(flatten)]
    pub output: OutputArguments,
}

/// A severity by any of its names.
pub(in crate::cli) fn severity(word: &str) -> Result<Severity, String> {
    let known = || Severity::ALL.map(Severity::name).join(", ");
    Severity::of_word(word).ok_or_else(|| format!("there are {}", known()))
}

fn kind(word: &str) -> Result<FindingKind, String> {
    FindingKind::of_name(word).ok_or_else(|| format!("there are {}", FindingKind::ALL.map(FindingKind::name).join(", ")))
}
