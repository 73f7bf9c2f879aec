//! Repositories: from their locations to verified metadata in a pool that is ready to be built, or
//! to a cached pool.
//!
//! In: [`Repository`]s, configured by the catalog or with `--repo`. Out: opened [`Repositories`],
//! their packages in a [`PoolBuilder`](crate::pool::PoolBuilder), and [`Pools`] cached by earlier
//! runs. Every file except the root document has the digest and size that the root document states,
//! and decompresses to the stated size and digest. An ecosystem's
//! [`MetadataFormat`](crate::metadata::MetadataFormat) parses the files.

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
