//! Arguments of the commands that only read: the catalog, repositories, roots, package files and the
//! cache.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};

use super::{FilesFormat, Format, OutputArguments, RequestArguments, RunArguments};

#[derive(Debug, Args)]
pub(in crate::cli) struct VariantsArguments {
    /// Only this distribution
    #[arg(value_name = "DISTRO")]
    pub distro: Option<String>,
    /// More distributions and variants, in the form of the built-in catalog
    #[arg(long, value_name = "FILE")]
    pub catalog: Vec<PathBuf>,
    /// The form of the result
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub format: Format,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct SearchArguments {
    /// Part of a name, or a shell pattern; of several all must fit
    #[arg(value_name = "PATTERN", required = true)]
    pub patterns: Vec<String>,
    /// Look in descriptions too
    #[arg(long, short)]
    pub description: bool,
    /// Only whole names
    #[arg(long, short)]
    pub exact: bool,
    /// All versions, not only the newest
    #[arg(long, short)]
    pub all: bool,
    #[command(flatten)]
    pub request: RequestArguments,
    #[command(flatten)]
    pub output: OutputArguments,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ProvidesArguments {
    /// A capability (`libz.so.1()(64bit)`, `so:libz.so.1`, `cmd:git`) or a path; shell patterns too
    #[arg(required = true)]
    pub what: Vec<String>,
    #[command(flatten)]
    pub request: RequestArguments,
    #[command(flatten)]
    pub output: OutputArguments,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ListArguments {
    /// A root file system, an archive of one, an OCI image layout (DIR or DIR:TAG), an archive of `docker save`, a lock file, or a plan in JSON; any
    /// number of them, and packages of theirs as `info` takes them: names, patterns, files. With --available, --distro or --repo it may be
    /// left out
    #[arg(value_name = "SUBJECT")]
    pub subjects: Vec<PathBuf>,
    /// Only these packages: names or shell patterns
    #[arg(value_name = "PATTERN", long = "only")]
    pub patterns: Vec<String>,
    /// By what the packages of a subject are sorted
    #[arg(long, value_name = "KEY", default_value = "name")]
    pub sort: SortKey,
    /// The other way round
    #[arg(long)]
    pub reverse: bool,
    /// What is installed in the root; this is the default
    #[arg(long)]
    pub installed: bool,
    /// What the repositories have
    #[arg(long, conflicts_with = "installed")]
    pub available: bool,
    /// What of the root the repositories have newer
    #[arg(long, conflicts_with_all = ["installed", "available"])]
    pub upgradable: bool,
    /// What the distribution says of updates: of those that a root lacks; with --installed of those that it has, with --available of all
    #[arg(long, conflicts_with = "upgradable")]
    pub advisories: bool,
    /// Advisories for security
    #[arg(long, requires = "advisories", help_heading = "Which advisories")]
    pub security: bool,
    /// Advisories for faults
    #[arg(long, requires = "advisories", help_heading = "Which advisories")]
    pub bugfix: bool,
    /// Advisories for what is better
    #[arg(long, requires = "advisories", help_heading = "Which advisories")]
    pub enhancement: bool,
    /// Advisories for new packages
    #[arg(long, requires = "advisories", help_heading = "Which advisories")]
    pub newpackage: bool,
    /// Advisories of this severity: Critical, Important, Moderate, Low
    #[arg(long, value_name = "LEVEL", requires = "advisories", help_heading = "Which advisories")]
    pub severity: Vec<String>,
    /// Advisories about this CVE
    #[arg(long, value_name = "ID", requires = "advisories", help_heading = "Which advisories")]
    pub cve: Vec<String>,
    /// The form of the result; parquet is a table of all subjects, a row a package
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub format: ListFormat,
    /// Write to FILE instead of standard output
    #[arg(long = "output", short = 'o', value_name = "FILE")]
    pub to: Option<PathBuf>,
    #[command(flatten)]
    pub request: RequestArguments,
    #[command(flatten)]
    pub output: RunArguments,
}

impl ListArguments {
    /// The root that is asked about, where one is.
    pub(in crate::cli) fn root(&self) -> Option<&Path> {
        self.subjects.first().map(PathBuf::as_path)
    }
}

/// By what packages are sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum SortKey {
    /// By name, and so by id
    Name,
    /// The largest first
    Size,
    /// The newest build first
    BuildTime,
    /// By licence, those without one first
    License,
}

/// The form of a list of packages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum ListFormat {
    Human,
    Json,
    Parquet,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct InfoArguments {
    /// A root file system, an archive of one, an image layout, a lock file, or package files; with --distro or --repo a package
    #[arg(value_name = "SUBJECT|FILE", required = true)]
    pub subject: PathBuf,
    /// The packages to tell of; by default all of them. After a package file: more package files
    #[arg(value_name = "PACKAGE|FILE")]
    pub packages: Vec<OsString>,
    /// Tell which packages of the root PATH belongs to, and nothing else; links are followed within the root. Repeatable
    #[arg(long, short = 'W', value_name = "PATH")]
    pub who_owns: Vec<PathBuf>,
    /// With --distro or --repo: tell which packages require it
    #[arg(long, short)]
    pub rdepends: bool,
    #[command(flatten)]
    pub request: RequestArguments,
    #[command(flatten)]
    pub output: OutputArguments,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct FilesArguments {
    /// A root file system, an archive of one or an image layout (then PACKAGE names may follow), or package files
    #[arg(value_name = "SUBJECT|FILE", required = true)]
    pub subject: PathBuf,
    /// Only the files of these packages of the root; after a package file, more package files
    #[arg(value_name = "PACKAGE|FILE")]
    pub packages: Vec<OsString>,
    /// The form of the result
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub format: FilesFormat,
    #[command(flatten)]
    pub request: RequestArguments,
    #[command(flatten)]
    pub run: RunArguments,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ClosureArguments {
    /// Only packages of these repositories are looked at; the others only provide. Repeatable
    #[arg(long, value_name = "REPO")]
    pub check: Vec<String>,
    /// Only the newest version of each name is looked at
    #[arg(long)]
    pub newest: bool,
    /// Look for files, too, that several packages have which can be installed together (of each name the newest). Lists of files do not tell
    /// whether the contents are the same, in which case rpm takes both
    #[arg(long)]
    pub file_conflicts: bool,
    /// Exit with 5 if anything is found
    #[arg(long)]
    pub fail: bool,
    #[command(flatten)]
    pub request: RequestArguments,
    #[command(flatten)]
    pub output: OutputArguments,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct CacheArguments {
    #[command(subcommand)]
    pub command: CacheCommand,
    /// Where downloads and metadata are kept [default: `$XDG_CACHE_HOME/rootstrap`]
    #[arg(long, value_name = "DIR", global = true)]
    pub cache_dir: Option<PathBuf>,
    /// The form of the result
    #[arg(long, value_name = "FORMAT", default_value = "human", global = true)]
    pub format: Format,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum CacheCommand {
    /// Tell how much of what there is
    List,
    /// Remove everything, or what was used longest ago
    Clean {
        /// Keep what was used last, up to so many bytes: 500M, 2G
        #[arg(long, value_name = "SIZE", value_parser = crate::size::parse)]
        max_size: Option<u64>,
        /// Only pools: what was read from metadata
        #[arg(long, conflicts_with_all = ["files", "inflated"])]
        pools: bool,
        /// Only downloaded files
        #[arg(long, conflicts_with = "inflated")]
        files: bool,
        /// Only what packages inflate to
        #[arg(long)]
        inflated: bool,
    },
    /// Read everything, and remove what is damaged; exit code 4 if anything was
    Verify,
}
