//! What comes out instead of a directory: an archive.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use clap::Args;

use super::arguments::{BootstrapArguments, Format};
use super::failure::Failure;
use crate::bootstrap::BootstrapError;
use crate::output::{ArchiveFile, Packing};

/// What is made in place of OUT, and how.
#[derive(Debug, Args)]
#[command(next_help_heading = "Instead of a directory")]
pub(super) struct ProductArguments {
    /// Make a tar archive, `-` for standard output; compressed by its name (.tar.gz, .tar.zst, .tar.xz) or --compression
    #[arg(long, value_name = "FILE|-", conflicts_with_all = ["out", "userns"])]
    pub tar: Option<PathBuf>,
    /// gzip, zstd, xz or none, with a level where another than the usual is wanted (zstd:19)
    #[arg(long, value_name = "HOW", requires = "product")]
    pub compression: Option<Packing>,
    /// Let nothing in it be younger than the build: `$SOURCE_DATE_EPOCH`, or else the newest package
    #[arg(long, requires = "product")]
    pub clamp_mtime: bool,
}

impl ProductArguments {
    /// Where the product goes.
    pub(super) fn place(&self) -> Option<&Path> {
        self.tar.as_deref()
    }
}

/// Opens the archive that is asked for, and says how it is compressed.
pub(super) fn open(arguments: &BootstrapArguments, path: &Path) -> Result<(ArchiveFile, Packing), BootstrapError> {
    let packing = arguments.product.compression.unwrap_or_else(|| Packing::of_name(&path.to_string_lossy()));
    let file = match path.to_str() {
        Some("-") => ArchiveFile::stream("standard output", Box::new(std::io::stdout())),
        _ => ArchiveFile::prepare(path)?,
    };
    Ok((file, packing))
}

/// Refuses what contradicts itself.
pub(super) fn check(arguments: &BootstrapArguments) -> Result<(), Failure> {
    if arguments.product.tar.as_deref() == Some(Path::new("-")) {
        if arguments.output.format == Format::Json {
            return Err(Failure::usage("standard output cannot hold both the archive and the report")
                .hint("--report FILE writes the report as JSON"));
        }
        if std::io::stdout().is_terminal() {
            return Err(Failure::usage("an archive is not for a terminal").hint("--tar FILE, or redirect standard output"));
        }
    }
    Ok(())
}
