//! Arguments of the commands that check and describe whole sets of packages.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{OutputArguments, RequestArguments, RunArguments};

#[derive(Debug, Args)]
pub(in crate::cli) struct SbomArguments {
    /// A root file system, an archive of it, an image (DIR[:TAG]), a lock file, or a report or plan in JSON. Without it, the
    /// request of the options
    #[arg(value_name = "SUBJECT")]
    pub subject: Option<PathBuf>,
    /// The form of the document
    #[arg(long, value_name = "FORMAT", default_value = "spdx")]
    pub format: SbomFormat,
    /// Tell of every regular file too, with its digests
    #[arg(long)]
    pub files: bool,
    /// What the whole is called in the document [default: SUBJECT]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Write to FILE instead of standard output
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    #[command(flatten)]
    pub request: RequestArguments,
    #[command(flatten)]
    pub how: RunArguments,
}

/// The form of a bill of materials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum SbomFormat {
    /// SPDX 2.3, in JSON
    Spdx,
    /// CycloneDX 1.6, in JSON
    Cyclonedx,
}

#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is an option")]
pub(in crate::cli) struct WhyArguments {
    /// The set (a root file system, an archive of it, an image, a lock file, or a report or plan in JSON), and the packages in question: names,
    /// ids, patterns or capabilities. With --distro or --repo the set may be left out: it is what the request takes
    #[arg(value_name = "SUBJECT PACKAGE")]
    pub words: Vec<String>,
    /// Tell what else would go without the package, and what that would free
    #[arg(long)]
    pub if_removed: bool,
    /// Tell who else could give what the set needs of the package, and what the set would weigh then; repositories have to be named
    #[arg(long)]
    pub alternatives: bool,
    /// Tell what the set has that nothing needs which was asked for
    #[arg(long)]
    pub unneeded: bool,
    /// Say what was asked for, where the set does not tell (rpm's database does not). Repeatable
    #[arg(long, value_name = "NAME")]
    pub requested: Vec<String>,
    /// Show every shortest chain, not only the first
    #[arg(long)]
    pub all: bool,
    #[command(flatten)]
    pub request: RequestArguments,
    #[command(flatten)]
    pub output: OutputArguments,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct DiffArguments {
    /// The first set: a root file system, an archive of it, an image (DIR[:TAG]), a lock file, or a report or plan in JSON
    #[arg(value_name = "FROM")]
    pub from: PathBuf,
    /// The second set; without it, the request of the options
    #[arg(value_name = "TO")]
    pub to: Option<PathBuf>,
    /// The form of the result
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub format: DiffFormat,
    /// Tell which advisories the second set is rid of, and which it has new: OSV, updateinfo.xml, Alpine's secdb. Those of the repositories
    /// that are named count too. Repeatable
    #[arg(long, value_name = "FILE|DIR")]
    pub advisories: Vec<PathBuf>,
    /// Show all of long lists
    #[arg(long)]
    pub all: bool,
    #[command(flatten)]
    pub request: RequestArguments,
    #[command(flatten)]
    pub how: RunArguments,
}

/// The form of a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum DiffFormat {
    Human,
    Json,
    /// For a pull request
    Markdown,
}
