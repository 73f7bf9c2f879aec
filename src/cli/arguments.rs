//! The words of the command line: options, commands, and their help.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::product::ProductArguments;
use crate::ecosystem::Scriptlets;

/// Turns the name of an image variant into a root file system.
///
/// The bare form makes one: `rootstrap --distro almalinux --release 9 --variant micro --arch aarch64 ./out`.
#[derive(Debug, Parser)]
#[command(
    name = "rootstrap",
    version,
    max_term_width = 100,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true
)]
#[command(group = clap::ArgGroup::new("product").args(["tar", "oci", "docker_archive"]).multiple(true))]
#[command(group = clap::ArgGroup::new("image").args(["oci", "docker_archive"]).multiple(true))]
#[command(
    after_help = "Exit codes: 0 done; 1 failed; 2 wrong usage; 3 no solution; 4 verification failed; 6 out of date (lock --check)."
)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub bootstrap: BootstrapArguments,
}

#[derive(Debug, Subcommand)]
#[allow(clippy::large_enum_variant, reason = "there is one of it")]
pub(super) enum Command {
    /// Solve only: print the packages that the request takes
    Resolve(ResolveArguments),
    /// Write a lock file: the packages of an image to the byte, for one architecture or several; `--lock FILE` builds from it
    Lock(LockArguments),
    /// Get all packages of a lock file: into the cache, or into a directory that serves as a mirror
    Fetch(FetchArguments),
    /// Make the root file system of a lock file again, in memory, and tell path by path what is different in a root or an image
    Verify(VerifyArguments),
    /// Install packages into a root file system
    Install(ChangeArguments),
    /// Remove packages from a root file system
    Remove(ChangeArguments),
    /// Upgrade the packages of a root file system, or some of them
    Upgrade(ChangeArguments),
    /// Take packages of a root file system back to an older version
    Downgrade(ChangeArguments),
    /// Install packages of a root file system again
    Reinstall(ChangeArguments),
    /// Bring the packages of a root file system to the versions of the repositories, be they older
    DistroSync(ChangeArguments),
    /// Remove what nothing in a root file system needs any more
    Autoremove(ChangeArguments),
    /// Make whole what is broken in a root file system
    Fix(ChangeArguments),
    /// Remove the first package from a root file system and install the second
    Swap(ChangeArguments),
    /// List the distributions, releases, variants and architectures of the catalog
    Variants(VariantsArguments),
    /// Find packages of repositories by their names or descriptions
    Search(SearchArguments),
    /// Find the packages of repositories that provide a capability or have a file
    Provides(ProvidesArguments),
    /// List the packages of a root file system, or of repositories
    List(ListArguments),
    /// Show what is known of packages: in a root file system, of package files, or in repositories
    Info(InfoArguments),
    /// List the files of a root file system or of package files
    Files(FilesArguments),
    /// See what the cache holds, make room in it, or look for damage
    Cache(CacheArguments),
    /// Print completions for a shell
    Completions {
        /// The shell to complete for
        shell: clap_complete::Shell,
    },
}

/// The main job.
#[derive(Debug, Args)]
pub(super) struct BootstrapArguments {
    /// The directory to make: empty, or not there yet
    #[arg(value_name = "OUT", required_unless_present = "product")]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub product: ProductArguments,
    #[command(flatten)]
    pub request: RequestArguments,
    #[command(flatten)]
    pub output: OutputArguments,
    /// Build from this lock file: no metadata is read, and every byte is held against the lock. Its request need not be given again
    #[arg(long, value_name = "FILE")]
    pub lock: Option<PathBuf>,
    /// Write what was done, and what could not be, as JSON to FILE
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Write the tree in a user namespace with mapped ids, so that owners are applied without being root
    #[arg(long)]
    pub userns: bool,
    /// Leave the package database out of the tree
    #[arg(long)]
    pub drop_database: bool,
    /// What scriptlets of packages do. None ever runs on this machine; what did not run is listed [default: as in the
    /// distribution's own images: native for RPM, none for apk]
    #[arg(long, value_name = "HOW")]
    pub scriptlets: Option<ScriptletMode>,
}

/// What is asked for, and where it comes from.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "What to install")]
pub(super) struct RequestArguments {
    /// The distribution, as `rootstrap variants` names it
    #[arg(long, value_name = "NAME")]
    pub distro: Option<String>,
    /// The release; a minor release (9.4) is found in the vault
    #[arg(long, value_name = "RELEASE", requires = "distro")]
    pub release: Option<String>,
    /// The image variant
    #[arg(long, value_name = "VARIANT", requires = "distro")]
    pub variant: Option<String>,
    /// The architecture, the distribution's own name or Docker's (linux/arm64); by default this machine's
    #[arg(long, value_name = "ARCH")]
    pub arch: Option<String>,
    /// Use this URL or directory in place of the distribution's; the layout below it is the same. Repeatable: tried in turn
    #[arg(long, value_name = "URL|DIR")]
    pub mirror: Vec<String>,
    /// One more repository, or with no --distro the only ones: `NAME=URL|DIR[,priority=N][,tag=T][,module_hotfixes=1]`
    #[arg(long, value_name = "NAME=URL|DIR")]
    pub repo: Vec<String>,
    /// The kind of packages, where no distribution tells it and the repositories do not show it
    #[arg(long = "type", value_name = "TYPE")]
    pub kind: Option<Kind>,
    /// One more trusted key
    #[arg(long, value_name = "FILE")]
    pub key: Vec<PathBuf>,
    /// Accept packages without a signature
    #[arg(long)]
    pub allow_unsigned: bool,
    /// Accept metadata whose checksums prove nothing (MD5, or none)
    #[arg(long)]
    pub allow_weak_checksums: bool,
    /// More distributions and variants, in the form of the built-in catalog
    #[arg(long, value_name = "FILE")]
    pub catalog: Vec<PathBuf>,
    /// One more package to install
    #[arg(long, value_name = "SPEC")]
    pub with: Vec<String>,
    /// Do not ask for this package of the variant's list
    #[arg(long, value_name = "SPEC")]
    pub without: Vec<String>,
    /// Never install packages of this name
    #[arg(long, value_name = "GLOB")]
    pub exclude: Vec<String>,
    /// Only the best candidate of what is asked for, or no solution
    #[arg(long, overrides_with = "no_best")]
    pub best: bool,
    /// Take an older candidate where the best cannot be installed
    #[arg(long, overrides_with = "best")]
    pub no_best: bool,
    /// Follow weak dependencies
    #[arg(long, overrides_with = "no_weak_deps")]
    pub weak_deps: bool,
    /// Do not follow weak dependencies
    #[arg(long, overrides_with = "weak_deps")]
    pub no_weak_deps: bool,
    /// Install documentation
    #[arg(long, overrides_with = "no_docs")]
    pub docs: bool,
    /// Leave documentation out
    #[arg(long, overrides_with = "docs")]
    pub no_docs: bool,
    /// Languages whose files are installed, separated by colons or commas, or `all`
    #[arg(long, value_name = "LIST|all")]
    pub langs: Option<String>,
    /// Heed modules
    #[arg(long, overrides_with = "no_modules")]
    pub modules: bool,
    /// Do not heed modules
    #[arg(long, overrides_with = "modules")]
    pub no_modules: bool,
    /// Enable a stream of a module
    #[arg(long, value_name = "NAME:STREAM", conflicts_with = "no_modules")]
    pub enable_module: Vec<String>,
    /// The platform that modules are built for (platform:el9), where the distribution does not tell it
    #[arg(long, value_name = "ID", value_parser = platform)]
    pub module_platform: Option<String>,
}

/// How to go about it and how to tell of it.
#[derive(Debug, Args)]
#[command(next_help_heading = "How")]
pub(super) struct OutputArguments {
    /// The form of the result
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub format: Format,
    /// Say nothing but errors
    #[arg(long, short, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Say more
    #[arg(long, short)]
    pub verbose: bool,
    /// How to show progress
    #[arg(long, value_name = "HOW", default_value = "auto")]
    pub progress: ProgressMode,
    /// Where downloads and metadata are kept [default: `$XDG_CACHE_HOME/rootstrap`]
    #[arg(long, value_name = "DIR")]
    pub cache_dir: Option<PathBuf>,
    /// Use only what is in the cache or in directories
    #[arg(long, alias = "no-network")]
    pub offline: bool,
    /// How many threads may work at once [default: as many as there are processors]
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub jobs: Option<u16>,
    /// Write wall time, bytes and counts of each phase and the peak of memory as JSON to FILE
    #[arg(long, value_name = "FILE")]
    pub stats: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct ResolveArguments {
    /// What to install beside the variant's list; without --distro all that is asked for
    #[arg(value_name = "SPEC")]
    pub specs: Vec<String>,
    #[command(flatten)]
    pub request: RequestArguments,
    #[command(flatten)]
    pub output: OutputArguments,
    /// Solve every SPEC on its own, and print a line for each
    #[arg(long)]
    pub each: bool,
    /// With --each: every name in the repositories
    #[arg(long, requires = "each", conflicts_with = "specs")]
    pub all: bool,
}

#[derive(Debug, Args)]
pub(super) struct LockArguments {
    /// The lock file; `-` is standard output
    #[arg(long, short, value_name = "FILE", default_value = "rootstrap.lock")]
    pub output: PathBuf,
    /// Write nothing: tell whether the lock file is what would be written now; exit code 6 and what is different where it is not
    #[arg(long)]
    pub check: bool,
    /// Take what the repositories have now: of these packages (names or patterns), while all others stay as the lock file has them;
    /// without a name of all
    #[arg(long, value_name = "PACKAGE", num_args = 0.., conflicts_with = "check")]
    pub upgrade: Option<Vec<String>>,
    /// Lock the very packages that a root file system has, or that a report or a plan in JSON lists
    #[arg(long, value_name = "ROOT|FILE", conflicts_with_all = ["check", "upgrade"])]
    pub from: Option<PathBuf>,
    /// Write only what metadata tell: packages are not got, and who signed them is not known
    #[arg(long)]
    pub no_fetch: bool,
    #[command(flatten)]
    pub request: RequestArguments,
    #[command(flatten)]
    pub how: OutputArguments,
}

#[derive(Debug, Args)]
pub(super) struct FetchArguments {
    /// The lock file
    #[arg(long, value_name = "FILE", required = true)]
    pub lock: PathBuf,
    /// The directory to fill, laid out as a mirror: `--mirror DIR` builds from it. Without it the cache is filled
    #[arg(long, short, value_name = "DIR")]
    pub output: Option<PathBuf>,
    #[command(flatten)]
    pub request: RequestArguments,
    #[command(flatten)]
    pub how: OutputArguments,
}

#[derive(Debug, Args)]
pub(super) struct VerifyArguments {
    /// The root file system, or a tar archive of it, or an OCI image layout
    #[arg(value_name = "ROOT|FILE|DIR[:TAG]")]
    pub subject: PathBuf,
    /// The lock file that it was built from
    #[arg(long, value_name = "FILE", required = true)]
    pub lock: PathBuf,
    /// It was built without a package database
    #[arg(long)]
    pub drop_database: bool,
    /// It was built with --clamp-mtime
    #[arg(long)]
    pub clamp_mtime: bool,
    /// What scriptlets did when it was built
    #[arg(long, value_name = "HOW")]
    pub scriptlets: Option<ScriptletMode>,
    #[command(flatten)]
    pub request: RequestArguments,
    #[command(flatten)]
    pub how: OutputArguments,
}

/// A change of what is installed.
#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is an option")]
pub(super) struct ChangeArguments {
    /// The packages; for some commands none stands for all that are installed
    #[arg(value_name = "SPEC")]
    pub specs: Vec<String>,
    /// The root file system to change
    #[arg(long, value_name = "DIR", conflicts_with = "installed")]
    pub root: Option<PathBuf>,
    /// Plan only, for what is installed there: a root file system, an rpm-md repository, or a file as apk's `installed`
    #[arg(long, value_name = "DIR|FILE")]
    pub installed: Option<PathBuf>,
    /// Say what would be done, and do nothing
    #[arg(long, short = 's')]
    pub simulate: bool,
    /// RPM: erase installed packages that stand in the way
    #[arg(long, alias = "allowerasing", help_heading = "What to change")]
    pub allow_erasing: bool,
    /// RPM: remove what only served packages that are removed
    #[arg(long, overrides_with = "no_autoremove", help_heading = "What to change")]
    pub autoremove: bool,
    /// RPM: keep what only served packages that are removed
    #[arg(long, overrides_with = "autoremove", help_heading = "What to change")]
    pub no_autoremove: bool,
    /// apk: packages that `install` and `fix` name are upgraded
    #[arg(long, short, help_heading = "What to change")]
    pub upgrade: bool,
    /// apk: take the latest version, whatever tag its repository has
    #[arg(long, short, help_heading = "What to change")]
    pub latest: bool,
    /// apk: take what the repositories have, be it older than what is installed
    #[arg(long, short, help_heading = "What to change")]
    pub available: bool,
    /// apk: `upgrade` removes what no repository has any more
    #[arg(long, help_heading = "What to change")]
    pub prune: bool,
    /// apk: `upgrade` upgrades apk-tools alone
    #[arg(long, help_heading = "What to change")]
    pub self_upgrade_only: bool,
    /// apk: `upgrade` does not upgrade apk-tools first
    #[arg(long, help_heading = "What to change")]
    pub no_self_upgrade: bool,
    /// apk: `upgrade` upgrades only what must be upgraded before the rest
    #[arg(long, help_heading = "What to change")]
    pub preupgrade_only: bool,
    /// apk: one more package that must be upgraded before the rest
    #[arg(long, value_name = "CONSTRAINT", help_heading = "What to change")]
    pub preupgrade_depends: Vec<String>,
    /// apk: `upgrade` upgrades all but the packages named
    #[arg(long, help_heading = "What to change")]
    pub ignore: bool,
    /// apk: go on where something that was asked for cannot be had
    #[arg(long, help_heading = "What to change")]
    pub force_broken_world: bool,
    /// apk: `install` makes a package of this name that requires what is asked for
    #[arg(long = "virtual", short = 't', value_name = "NAME", help_heading = "What to change")]
    pub virtual_package: Option<String>,
    /// apk: `remove` removes what requires the packages too
    #[arg(long, short, help_heading = "What to change")]
    pub rdepends: bool,
    /// apk: `fix` installs the packages again
    #[arg(long, help_heading = "What to change")]
    pub reinstall: bool,
    /// apk: `fix` is about what the packages require too
    #[arg(long, short, help_heading = "What to change")]
    pub depends: bool,
    /// What scriptlets of packages do. None ever runs on this machine; what did not run is listed [default: native]
    #[arg(long, value_name = "HOW", help_heading = "What to change")]
    pub scriptlets: Option<ScriptletMode>,
    #[command(flatten)]
    pub request: RequestArguments,
    #[command(flatten)]
    pub output: OutputArguments,
}

#[derive(Debug, Args)]
pub(super) struct VariantsArguments {
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
pub(super) struct SearchArguments {
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
pub(super) struct ProvidesArguments {
    /// A capability (`libz.so.1()(64bit)`, `so:libz.so.1`, `cmd:git`) or a path; shell patterns too
    #[arg(required = true)]
    pub what: Vec<String>,
    #[command(flatten)]
    pub request: RequestArguments,
    #[command(flatten)]
    pub output: OutputArguments,
}

#[derive(Debug, Args)]
pub(super) struct ListArguments {
    /// The root file system; with --available it may be left out
    #[arg(value_name = "ROOT", required_unless_present = "available")]
    pub root: Option<PathBuf>,
    /// Only these packages: names or shell patterns
    #[arg(value_name = "PATTERN", long = "only")]
    pub patterns: Vec<String>,
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
    #[command(flatten)]
    pub request: RequestArguments,
    #[command(flatten)]
    pub output: OutputArguments,
}

#[derive(Debug, Args)]
pub(super) struct InfoArguments {
    /// A root file system, or package files; with --distro or --repo a package
    #[arg(value_name = "ROOT|FILE", required = true)]
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
pub(super) struct FilesArguments {
    /// A root file system (then PACKAGE names may follow), or package files
    #[arg(value_name = "ROOT|FILE", required = true)]
    pub subject: PathBuf,
    /// Only the files of these packages of the root; after a package file, more package files
    #[arg(value_name = "PACKAGE|FILE")]
    pub packages: Vec<OsString>,
    /// The form of the result
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub format: FilesFormat,
}

#[derive(Debug, Args)]
pub(super) struct CacheArguments {
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
pub(super) enum CacheCommand {
    /// Tell how much of what there is
    List,
    /// Remove everything, or what was used longest ago
    Clean {
        /// Keep what was used last, up to so many bytes: 500M, 2G
        #[arg(long, value_name = "SIZE", value_parser = size)]
        max_size: Option<u64>,
        /// Only pools: what was read from metadata; downloads stay
        #[arg(long, conflicts_with = "files")]
        pools: bool,
        /// Only downloaded files; pools stay
        #[arg(long)]
        files: bool,
    },
    /// Read everything, and remove what is damaged; exit code 4 if anything was
    Verify,
}

/// The kind of packages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Kind {
    Rpm,
    Apk,
}

/// What scriptlets do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ScriptletMode {
    /// Lua runs on the model of the tree, known work of others is done natively
    Native,
    /// Nothing
    #[value(alias = "off")]
    None,
}

impl ScriptletMode {
    pub(super) fn of(self) -> Scriptlets {
        match self {
            Self::Native => Scriptlets::Native,
            Self::None => Scriptlets::Off,
        }
    }
}

/// The form of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    Human,
    Json,
}

/// The form of a list of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum FilesFormat {
    /// Paths, as `ls -l` would show them
    Human,
    Json,
    /// A line a file: path, octal mode, user, group, mtime, size, digest, link target, capabilities, flags
    Tsv,
}

/// How to show progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ProgressMode {
    /// Bars on a terminal, plain lines elsewhere
    Auto,
    Plain,
    None,
}

/// A platform: `platform:el9`.
fn platform(text: &str) -> Result<String, String> {
    match text.split_once(':') {
        Some((name, stream)) if !name.is_empty() && !stream.is_empty() => Ok(text.to_owned()),
        _ => Err("a platform has a name and a stream, as platform:el9".to_owned()),
    }
}

/// A number of bytes: `500M`, `2G`, `1 GiB`; each unit is 1024 of the one below.
fn size(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is not a size: give a number and K, M, G or T");
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let shift = match unit.trim().to_ascii_lowercase().trim_end_matches("ib").trim_end_matches('b') {
        "" => 0,
        "k" => 10,
        "m" => 20,
        "g" => 30,
        "t" => 40,
        _ => return Err(wrong()),
    };
    number.checked_mul(1 << shift).ok_or_else(wrong)
}

/// Two opposite flags, of which clap keeps the last: what was said, if anything.
pub(super) fn choice(yes: bool, no: bool) -> Option<bool> {
    match (yes, no) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_their_units() {
        assert_eq!(
            ["0", "7B", "500k", "2 MiB", "1GB", "3t"].map(|text| size(text).ok()),
            [0, 7, 500 << 10, 2 << 20, 1 << 30, 3 << 40].map(Some)
        );
        for text in ["", "M", "-1", "1X", "1.5G", "99999999999999999999", "18446744073709551615K"] {
            assert!(size(text).is_err(), "{text}");
        }
    }
}
