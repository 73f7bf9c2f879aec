//! rootstrap builds a root file system from the name of an image variant. It is native code for any
//! architecture, and needs neither the distribution's own tools nor root privileges.
//!
//! The command is a thin layer over this crate; [`bootstrap::bootstrap`] does its main job in one
//! function. The resolver ([`pool`] and [`solver`]) is independent of the other modules: it does no
//! I/O, reads no clock and has no state except its input.
//!
//! # Resolving in twenty lines
//!
//! A universe of packages comes from text with one package per line ([`rpm::universe`]), from the
//! metadata of a repository ([`repo::open`]) or from code ([`pool::PoolBuilder`]). It becomes an
//! immutable [`pool::Pool`]. Any number of threads may use it, each with its own
//! [`solver::Solver`].
//!
//! ```
//! use rootstrap::rpm::{architecture, spec, universe};
//! use rootstrap::solver::{Job, Reason, Request, Solver};
//!
//! let pool = universe::parse(
//!     "bash    5.1.8-6.el9  x86_64 provides /bin/sh requires libc.so.6()(64bit)
//!      busybox 1.35.0-1.el9 x86_64 provides /bin/sh
//!      glibc   2.34-83.el9  x86_64 provides libc.so.6()(64bit)
//!      setup   2.13.7-9.el9 noarch requires /bin/sh",
//!     &architecture::compatible("x86_64"),
//! )?;
//! let request = Request::new([Job::install("setup", spec::select(&pool, "setup"))]);
//! let solution = Solver::new(&pool).solve(&request)?;
//! for (&id, reason) in solution.packages.iter().zip(solution.reasons(&pool)) {
//!     let name = pool.solvable(id).name();
//!     match reason {
//!         Reason::Requested { .. } => assert_eq!(name, "setup"),
//!         Reason::Dependency { by, .. } => {
//!             println!("{name}: {} needs it", pool.solvable(by).name());
//!         }
//!         Reason::Weak { by, .. } => {
//!             println!("{name}: {} would like it", pool.solvable(by).name());
//!         }
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Unsolvable requests
//!
//! A request without a solution returns [`solver::Unsolvable`], a list of independent problems.
//! Each problem is a minimal set of contradicting facts. Without any one of these facts, the
//! contradiction disappears.
//!
//! ```
//! # use rootstrap::rpm::{architecture, spec, universe};
//! # use rootstrap::solver::{Fact, Job, Request, Solver};
//! let pool = universe::parse(
//!     "app 1 requires lib >= 2\nlib 1\nother 1",
//!     &architecture::compatible("x86_64"),
//! )?;
//! let request = Request::new([Job::install("app", spec::select(&pool, "app"))]);
//! let refused = Solver::new(&pool).solve(&request).unwrap_err();
//! let facts = &refused.problems[0].facts;
//! assert!(facts.iter().any(|fact| matches!(fact, Fact::NothingProvides { .. })));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Custom policies
//!
//! The default policy is dnf's. Among several candidates, it prefers the repository with the
//! highest priority, then the best architecture, the newest version, recommended packages, and last
//! libsolv's order. A [`solver::Request`] changes the policy for one request:
//!
//! - Packages can be excluded, locked, favored or disfavored.
//! - Weak dependencies can be followed or ignored.
//! - A job can require the best candidate ([`solver::Job::best`]).
//!
//! A custom order is a list of favored packages. This example prefers the smallest package to the
//! newest one:
//!
//! ```
//! use rootstrap::pool::{Kind, Op, Package, PoolBuilder};
//! use rootstrap::rpm::version::RpmVersions;
//! use rootstrap::rpm::{architecture, spec};
//! use rootstrap::solver::{Job, Request, Solver};
//!
//! let mut builder = PoolBuilder::new();
//! let repo = builder.add_repo("base", 99, None);
//! let editors =
//!     [("vim-minimal", "9.1", 1_600), ("vim-enhanced", "9.1", 4_100), ("nano", "5.6", 2_200)];
//! for (name, version, installed_size) in editors {
//!     let editor = builder.dependency("editor", Op::ANY, "");
//!     builder.add_dependency(Kind::Provides, editor);
//!     let (name, version) = (builder.intern(name), builder.intern(version));
//!     let arch = builder.intern("noarch");
//!     let package = Package { name, version, arch, installed_size, ..Package::default() };
//!     builder.finish_package(repo, package);
//! }
//! let pool = builder.build(&RpmVersions, &architecture::compatible("x86_64"))?;
//!
//! let editors = spec::select(&pool, "editor");
//! let mut by_size = editors.clone();
//! by_size.sort_by_key(|&id| std::cmp::Reverse(pool.solvable(id).installed_size()));
//! let mut request = Request::new([Job::install("editor", editors)]);
//! request.favored = by_size; // the later, the more
//! let solution = Solver::new(&pool).solve(&request)?;
//! assert_eq!(pool.solvable(solution.packages[0]).name(), "vim-minimal");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! `docs/architecture.md` describes the modules and their dependencies.

pub mod apk;
pub mod audit;
pub mod bootstrap;
pub mod cancel;
pub mod catalog;
pub mod cli;
pub mod compression;
pub mod digest;
pub mod ecosystem;
pub mod fetch;
pub mod finish;
pub mod lock;
pub mod metadata;
pub mod output;
pub mod package;
pub mod pool;
pub mod repo;
pub mod reporter;
pub mod rpm;
mod size;
pub mod solver;
pub mod transaction;
pub mod tree;
mod yaml;
