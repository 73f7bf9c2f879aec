//! Definitions of the command line: options, commands, and their help.

mod audit;
mod audits;
mod deferred;
mod network;
mod queries;

use std::ops::Deref;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(super) use audit::{AuditArguments, OutdatedArguments};
pub(super) use audits::{DiffArguments, DiffFormat, SbomArguments, SbomFormat, WhyArguments};
pub(super) use deferred::Deferred;
pub(super) use network::NetworkArguments;
pub(super) use queries::{
    CacheArguments, CacheCommand, ClosureArguments, FilesArguments, InfoArguments, ListArguments, ListFormat, ProvidesArguments,
    SearchArguments, SortKey, VariantsArguments,
};

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
#[command(
    after_help = "Exit codes: 0 done; 1 failed; 2 wrong usage; 3 no solution; 4 verification failed; 5 findings (audit, closure); 6 out of date (outdated, lock --check)."
)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub bootstrap: BootstrapArguments,
}

#[derive(Debug, Subcommand)]
#[allow(clippy::large_enum_variant, reason = "there is one of it")]
// Hidden aliases are other package managers' names for a command. `command_word` reports the
// command's own name for them.
pub(super) enum Command {
    /// Make a root file system, an archive or an image; the same without the word
    #[command(aliases = ["bootstrap", "create", "make", "publish"])]
    Build(Deferred<BootstrapArguments>),
    /// Solve only: print the packages that the request takes
    #[command(aliases = ["solve", "depsolve", "show-packages"])]
    Resolve(Deferred<ResolveArguments>),
    /// Write a lock file: the packages of an image to the byte, for one architecture or several; `--lock FILE` builds from it
    Lock(Deferred<LockArguments>),
    /// Get all packages of a lock file: into the cache, or into a directory that serves as a mirror
    #[command(aliases = ["download"])]
    Fetch(Deferred<FetchArguments>),
    /// Make the root file system of a lock file again, in memory, and tell path by path what is different in a root or an image
    Verify(Deferred<VerifyArguments>),
    /// Install packages into a root file system
    #[command(aliases = ["add", "localinstall"])]
    Install(Deferred<ChangeArguments>),
    /// Remove packages from a root file system
    #[command(aliases = ["del", "delete", "erase", "rm", "uninstall", "purge"])]
    Remove(Deferred<ChangeArguments>),
    /// Upgrade the packages of a root file system, or some of them
    #[command(aliases = ["update", "up", "localupdate", "update-minimal", "upgrade-minimal"])]
    Upgrade(Deferred<ChangeArguments>),
    /// Take packages of a root file system back to an older version
    Downgrade(Deferred<ChangeArguments>),
    /// Install packages of a root file system again
    Reinstall(Deferred<ChangeArguments>),
    /// Bring the packages of a root file system to the versions of the repositories, be they older
    #[command(aliases = ["distribution-synchronization", "dist-upgrade", "dsync", "dup", "full-upgrade"])]
    DistroSync(Deferred<ChangeArguments>),
    /// Remove what nothing in a root file system needs any more
    #[command(aliases = ["clean-requirements"])]
    Autoremove(Deferred<ChangeArguments>),
    /// Make whole what is broken in a root file system
    #[command(aliases = ["repair"])]
    Fix(Deferred<ChangeArguments>),
    /// Remove the first package from a root file system and install the second
    Swap(Deferred<ChangeArguments>),
    /// List the distributions, releases, variants and architectures of the catalog
    Variants(Deferred<VariantsArguments>),
    /// Find packages of repositories by their names or descriptions
    Search(Deferred<SearchArguments>),
    /// Find the packages of repositories that provide a capability or have a file
    #[command(aliases = ["whatprovides", "what-provides"])]
    Provides(Deferred<ProvidesArguments>),
    /// List the packages of a root file system, or of repositories
    #[command(aliases = ["repoquery", "check-update", "check-upgrade", "updateinfo", "advisory", "ls"])]
    List(Deferred<ListArguments>),
    /// Show what is known of packages: in a root file system, of package files, or in repositories
    #[command(aliases = ["policy", "query"])]
    Info(Deferred<InfoArguments>),
    /// List the files of a root file system or of package files
    #[command(aliases = ["manifest"])]
    Files(Deferred<FilesArguments>),
    /// Write a bill of materials of a set of packages: SPDX or CycloneDX
    Sbom(Deferred<SbomArguments>),
    /// Tell what is broken in whole repositories: requirements that nothing meets, circles of obsoletes, versions that go backwards
    #[command(aliases = ["repoclosure", "repo-closure"])]
    Closure(Deferred<ClosureArguments>),
    /// Tell why a package is in a set: the chains that lead to it, what would go with it, who could take its place
    #[command(aliases = ["deplist", "depends", "rdepends", "dot"])]
    Why(Deferred<WhyArguments>),
    /// Tell what is wrong with a set of packages: advisories, changed files, missing requirements, licences and more; exit code 5 where
    /// something is
    #[command(aliases = ["check"])]
    Audit(Deferred<AuditArguments>),
    /// Tell whether images need a rebuild: what today's repositories would change, and which advisories that mends; exit code 6 where
    /// something would
    Outdated(Deferred<OutdatedArguments>),
    /// Tell what is different between two sets of packages: packages, files, capabilities, what is risky
    Diff(Deferred<DiffArguments>),
    /// See what the cache holds, make room in it, or look for damage
    #[command(aliases = ["clean", "makecache", "make-cache"])]
    Cache(Deferred<CacheArguments>),
    /// Print completions for a shell
    #[command(aliases = ["completion"])]
    Completions {
        /// The shell to complete for
        shell: clap_complete::Shell,
    },
}

/// The main job.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("product").args(["tar", "oci", "docker_archive"]).multiple(true))]
#[command(group = clap::ArgGroup::new("image").args(["oci", "docker_archive"]).multiple(true))]
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
    /// The release; a minor release (9.4) is found in the vault. Without --distro the value of `$releasever` in `.repo` files and lists of mirrors
    #[arg(long, value_name = "RELEASE")]
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
    /// One more repository, or with no --distro the only ones:
    /// `NAME=URL|DIR[,base=URL][,mirrors=URL][,priority=N][,tag=T][,module_hotfixes=1][,repo_gpgcheck=1][,skip_if_unavailable=1][,excludepkgs=GLOB][,includepkgs=GLOB][,cost=N]…`, and dnf's options of the network (docs/network.md). `metalink:URL` or `mirrorlist:URL`
    /// in place of the first URL is a list of mirrors, whose checksum of repomd.xml holds. A FILE is a `.repo` file, a directory of them, or one as
    /// /etc/apk/repositories
    #[arg(long, value_name = "NAME=URL|DIR|FILE")]
    pub repo: Vec<String>,
    /// The value of a variable in `.repo` files and lists of mirrors; `releasever` is --release, `arch` and `basearch` are the architecture
    #[arg(long, value_name = "NAME=VALUE")]
    pub repo_var: Vec<String>,
    /// The kind of packages, where no distribution tells it and the repositories do not show it
    #[arg(long = "type", value_name = "TYPE")]
    pub kind: Option<Kind>,
    /// One more trusted key: for the repositories of --repo and for package files; for a distribution's own repositories only with --mirror,
    /// or where REPOSITORY names one. A key with a name vouches for that repository alone
    #[arg(long, value_name = "[REPOSITORY=]FILE")]
    pub key: Vec<String>,
    /// Trust the keys that `.repo` files name on servers (`gpgkey=https://…`), each for its repository alone
    #[arg(long)]
    pub accept_repo_keys: bool,
    /// Notes of configuration files for the user
    #[arg(skip)]
    pub notes: Vec<String>,
    /// Accept packages without a signature
    #[arg(long)]
    pub allow_unsigned: bool,
    /// Accept metadata whose checksums prove nothing (MD5, or none)
    #[arg(long)]
    pub allow_weak_checksums: bool,
    /// Accept metadata older than those that were seen before
    #[arg(long)]
    pub allow_downgrade_metadata: bool,
    /// Refuse metadata that are older than this: `12h`, `30d`, `8w`
    #[arg(long, value_name = "DURATION", value_parser = super::duration::parse)]
    pub max_age: Option<Duration>,
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
    /// Follow weak dependencies (apk's `install_if` is one)
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
    /// Directory of rpm's database in the root [default: as the catalog says, else `%_dbpath` of the packages' own macros, else /var/lib/rpm]
    #[arg(long, value_name = "DIR")]
    pub dbpath: Option<String>,
}

/// How to go about it and how to tell of it.
#[derive(Debug, Args)]
#[command(next_help_heading = "How")]
pub(super) struct OutputArguments {
    /// The form of the result
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub format: Format,
    #[command(flatten)]
    pub run: RunArguments,
}

impl Deref for OutputArguments {
    type Target = RunArguments;

    fn deref(&self) -> &RunArguments {
        &self.run
    }
}

/// How to go about it, for commands whose results have forms of their own.
#[derive(Debug, Args)]
#[command(next_help_heading = "How")]
pub(super) struct RunArguments {
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
    /// A second cache below that one: read where it lacks something, never written to, so that many may share it
    #[arg(long, value_name = "DIR")]
    pub store_below: Option<PathBuf>,
    /// How many threads may work at once [default: as many as there are processors]
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub jobs: Option<u16>,
    /// What any package, archive or layer may inflate to, however small it is: 1G. More than that and than a hundred times its size is taken for
    /// a bomb [default: 256M]
    #[arg(long, value_name = "SIZE", value_parser = crate::size::parse)]
    pub unpack_limit: Option<u64>,
    /// Warnings from before the run, which it gives when it begins
    #[arg(skip)]
    pub earlier_warnings: Vec<String>,
    /// Inflate every package again, also those whose contents an earlier run left in the cache, and leave none
    #[arg(long)]
    pub inflate_again: bool,
    /// Write wall time, bytes and counts of each phase and the peak of memory as JSON to FILE
    #[arg(long, value_name = "FILE")]
    pub stats: Option<PathBuf>,
    #[command(flatten)]
    pub network: NetworkArguments,
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
    /// The smallest set that satisfies the request, with the proof that none is smaller, and what it saves. Weak dependencies are followed only
    /// with --weak-deps. RPM only
    #[arg(long, value_name = "BY", conflicts_with = "each")]
    pub minimize: Option<MinimizeBy>,
    /// With --minimize: of each name only the newest version, although an older one may be smaller
    #[arg(long, requires = "minimize")]
    pub newest: bool,
    /// With --minimize: after so many seconds the smallest set that was found, proved or not
    #[arg(long, value_name = "SECONDS", requires = "minimize", default_value = "60")]
    pub time_limit: u32,
}

/// What the smallest set is smallest in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum MinimizeBy {
    /// Bytes once installed
    Size,
    /// Packages
    Count,
}

/// The lock file of a directory.
pub(super) const DEFAULT_LOCK: &str = "rootstrap.lock";

#[derive(Debug, Args)]
pub(super) struct LockArguments {
    /// The lock file; `-` is standard output
    #[arg(long, short, value_name = "FILE", default_value = DEFAULT_LOCK)]
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
    /// The root file system, a tar archive of it, an OCI image layout (or an archive of one), or an archive of `docker save`
    #[arg(value_name = "ROOT|FILE[:TAG]|DIR[:TAG]")]
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

/// Parses a platform: `platform:el9`.
fn platform(text: &str) -> Result<String, String> {
    match text.split_once(':') {
        Some((name, stream)) if !name.is_empty() && !stream.is_empty() => Ok(text.to_owned()),
        _ => Err("a platform has a name and a stream, as platform:el9".to_owned()),
    }
}

/// Returns the value of two opposite flags, if one was given. clap keeps only the last one.
pub(super) fn choice(yes: bool, no: bool) -> Option<bool> {
    match (yes, no) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    }
}
