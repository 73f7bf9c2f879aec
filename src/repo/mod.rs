//! Repositories: from where they are to verified metadata in a pool that is ready to be built, or to a pool that was kept.
//!
//! In: [`Repository`]s, configured by the catalog or with `--repo`. Out: [`Repositories`] that were opened, their packages in a
//! [`PoolBuilder`](crate::pool::PoolBuilder), and [`Pools`] that were made of such before. Every file but the root document has the
//! digest and the size that the root document promises, and inflates to what it promises. What the files mean, an ecosystem's
//! [`MetadataFormat`](crate::metadata::MetadataFormat) knows.

mod ahead;
mod cache;
mod checked;
mod error;
mod inflated;
mod kept;
mod load;
mod mapped;
mod mirrors;
mod opened;
mod pools;
mod repository;
mod root;
mod seen;
#[cfg(test)]
mod tests;

pub use cache::{Cache, CacheEntry, CacheKind, Cleaned, Cleaning, Damage, Verified};
pub use error::RepoError;
pub use inflated::Inflated;
pub use load::{OpenRepository, Repositories};
pub use mirrors::{Mirrors, find_mirrors};
pub use pools::{KeptError, PoolKey, Pools};
pub use repository::{DEFAULT_PRIORITY, Repository, RepositoryError, map_places};
pub use root::{Root, Verify, open};
