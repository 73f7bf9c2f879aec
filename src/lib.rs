//! rootstrap turns the name of an image variant into a root file system: natively, for any architecture, without the
//! distribution's own tools, without root.
//!
//! The command is a thin layer over this crate; [`bootstrap::bootstrap`] is the main job as one function. The resolver, [`pool`] and [`solver`], stands
//! on its own: it does no I/O, reads no clock and has no state but what it is given.
//!
//! # Resolving, in twenty lines
//!
//! A universe can be text, a package a line ([`rpm::universe`]); a repository's metadata ([`repo::open`]); or come from code ([`pool::PoolBuilder`]). It
//! becomes a [`pool::Pool`], which never changes, and any number of threads may ask it, each with a [`solver::Solver`] of its own.
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
//!         Reason::Dependency { by, .. } => println!("{name}: {} needs it", pool.solvable(by).name()),
//!         Reason::Weak { by, .. } => println!("{name}: {} would like it", pool.solvable(by).name()),
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What cannot be done
//!
//! is an [`solver::Unsolvable`]: independent problems, each the facts of a smallest contradiction. Taking away any one of them makes the request solvable.
//!
//! ```
//! # use rootstrap::rpm::{architecture, spec, universe};
//! # use rootstrap::solver::{Fact, Job, Request, Solver};
//! let pool = universe::parse("app 1 requires lib >= 2\nlib 1\nother 1", &architecture::compatible("x86_64"))?;
//! let request = Request::new([Job::install("app", spec::select(&pool, "app"))]);
//! let refused = Solver::new(&pool).solve(&request).unwrap_err();
//! let facts = &refused.problems[0].facts;
//! assert!(facts.iter().any(|fact| matches!(fact, Fact::NothingProvides { .. })));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # A policy of one's own
//!
//! Without one the policy is dnf's: of several candidates the repository of the highest priority, the best architecture, the newest version, what is
//! recommended, and then libsolv's order. A [`solver::Request`] changes it for one question: packages excluded, locked, favoured or disfavoured, weak
//! dependencies followed or not, the best or nothing ([`solver::Job::best`]). An order of one's own is a list of favourites. Here the smallest
//! package is preferred to the newest:
//!
//! ```
//! use rootstrap::pool::{Kind, Op, Package, PoolBuilder};
//! use rootstrap::rpm::version::RpmVersions;
//! use rootstrap::rpm::{architecture, spec};
//! use rootstrap::solver::{Job, Request, Solver};
//!
//! let mut builder = PoolBuilder::new();
//! let repo = builder.add_repo("base", 99, None);
//! for (name, version, size) in [("vim-minimal", "9.1", 1_600), ("vim-enhanced", "9.1", 4_100), ("nano", "5.6", 2_200)] {
//!     let editor = builder.dependency("editor", Op::ANY, "");
//!     builder.add_dependency(Kind::Provides, editor);
//!     let (name, version, arch) = (builder.intern(name), builder.intern(version), builder.intern("noarch"));
//!     builder.finish_package(repo, Package { name, version, arch, installed_size: size, ..Package::default() });
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
//! The architecture of the whole, room by room, is told in `docs/architecture.md`.

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
