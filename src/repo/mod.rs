//! Repositories: from where they are to verified metadata in a pool that is ready to be built.
//!
//! In: [`Repository`]s, configured by the catalog or with `--repo`. Out: [`Loaded`], a
//! [`PoolBuilder`](crate::pool::PoolBuilder) with the packages of all of them. Every file but the root document has the
//! digest and the size that the root document promises, and inflates to what it promises. What the files mean, an ecosystem's
//! [`MetadataFormat`](crate::metadata::MetadataFormat) knows.

mod error;
mod load;
mod opened;
mod repository;
#[cfg(test)]
mod tests;

pub use error::RepoError;
pub use load::{Loaded, LoadedRepository, Verify, load};
pub use repository::{DEFAULT_PRIORITY, Repository, RepositoryError};
