//! The package pool: the packages of all repositories, as flat arrays of ids.
//!
//! Input: packages that the index readers of an ecosystem (or a program) add to a [`PoolBuilder`].
//! Output: an immutable [`Pool`] that the solver, the transaction and the audits read from any
//! number of threads. The pool never accesses the network or the disk and never changes once built.
//! Version syntax is defined by an ecosystem's [`VersionScheme`].
//!
//! ```
//! # use std::cmp::Ordering;
//! # use rootstrap::pool::{
//! #     Architectures, Constraint, Kind, Op, Package, PoolBuilder, VersionScheme,
//! # };
//! # struct Plain;
//! # impl VersionScheme for Plain {
//! #     fn compare(&self, a: &str, b: &str) -> Ordering { a.cmp(b) }
//! #     fn overlap(&self, a: Constraint<'_>, b: Constraint<'_>) -> bool { a.version == b.version }
//! # }
//! let mut builder = PoolBuilder::new();
//! let repo = builder.add_repo("base", 99, None);
//! let shell = builder.dependency("/bin/sh", Op::ANY, "");
//! builder.add_dependency(Kind::Provides, shell);
//! let name = builder.intern("bash");
//! let version = builder.intern("5.1.8-6");
//! let package = Package { name, version, ..Package::default() };
//! let bash = builder.finish_package(repo, package);
//! let pool = builder.build(&Plain, &Architectures::any())?;
//! assert_eq!(pool.candidates(pool.find_dependency("/bin/sh", Op::ANY, "").unwrap()), [bash]);
//! # Ok::<(), rootstrap::pool::PoolError>(())
//! ```

mod architectures;
mod builder;
mod candidates;
mod columns;
mod dependency;
mod ids;
mod image;
mod provides;
mod ranks;
mod recording;
mod relations;
mod scheme;
mod strings;
#[cfg(test)]
mod tests;
mod universe;

pub use architectures::Architectures;
pub use builder::{BegunImage, CompletePool, Package, PoolBuilder, PoolError};
pub use columns::Checksum;
pub use dependency::{Dependency, Kind, Op, RichOp};
pub use ids::{DependencyId, RepoId, SolvableId, StringId};
pub use image::{Image, ImageError};
pub use recording::Intake;
pub(crate) use recording::{Recorder, Recording, Replay};
pub use scheme::{Constraint, VersionScheme};
pub use universe::{Pool, Repo, Solvable};
