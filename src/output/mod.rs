//! Writes a finished tree to a directory, an archive or an image, completely or not at all; or
//! applies its changes to an existing root.
//!
//! In: a [`Tree`](crate::tree::Tree) with numeric owners, and a destination. Out: the directory or
//! file, and the parts that could not be applied to it ([`Written`]). The module never changes the
//! tree, never follows a link, and leaves nothing behind when it fails, is canceled or panics.

mod archive;
mod create;
mod destination;
mod difference;
mod directory;
mod directory_lock;
mod error;
mod existing;
mod file;
pub mod manifest;
pub mod oci;
mod origin;
mod ownership;
mod packing;
mod plan;
mod remove;
#[cfg(test)]
mod tests;
pub mod user_namespace;

pub use archive::{ArchiveFile, Times};
pub use difference::{Aspect, PathDifference, UNREADABLE, differences};
pub use directory::{Directory, WriteOptions, Written};
pub use error::OutputError;
pub use existing::{Applied, Base, ExistingRoot, Recovered, look_at};
pub use file::{Identity, OpenFile, OutputFile, names_standard_output};
pub use origin::Origin;
pub use ownership::{NotApplied, Ownership, Reason, Wanted};
pub use packing::{Packer, Packing, Unpacked};
