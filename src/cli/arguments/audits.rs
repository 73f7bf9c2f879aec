//! The words of the commands that judge and describe whole sets of packages.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{RequestArguments, RunArguments};

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
