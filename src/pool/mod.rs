//! What exists: the packages of all repositories, as flat arrays of ids.
//!
//! In: packages, fed one by one into a [`PoolBuilder`] by the index readers of an ecosystem (or by a program).
//! Out: an immutable [`Pool`] that the solver, the transaction and the audits read, from any number of threads.
//! It never touches the network or the disk, knows no version syntax (an ecosystem's [`VersionScheme`] does) and never
//! changes once built.
//!
//! ```
//! # use std::cmp::Ordering;
//! # use rootstrap::pool::{Architectures, Constraint, Kind, Op, Package, PoolBuilder, VersionScheme};
//! # struct Plain;
//! # impl VersionScheme for Plain {
//! #     fn compare(&self, a: &str, b: &str) -> Ordering { a.cmp(b) }
//! #     fn overlap(&self, a: Constraint<'_>, b: Constraint<'_>) -> bool { a.version == b.version }
//! # }
//! let mut builder = PoolBuilder::new();
//! let repo = builder.add_repo("base", 99, None);
//! let shell = builder.dependency("/bin/sh", Op::ANY, "");
//! builder.add_dependency(Kind::Provides, shell);
//! let package = Package { name: builder.intern("bash"), version: builder.intern("5.1.8-6"), ..Package::default() };
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
