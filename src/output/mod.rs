//! A finished tree goes out: to a directory, whole or not at all; or its changes to a root that is there already.
//!
//! In: a [`Tree`](crate::tree::Tree) with numeric owners, and where to. Out: the directory, and what could not be applied to it
//! ([`Written`]). It never changes the tree, never follows a link, and leaves nothing behind when it fails, is stopped or
//! panics.

mod create;
mod destination;
mod directory;
mod error;
mod existing;
pub mod manifest;
mod ownership;
mod plan;
mod remove;
#[cfg(test)]
mod tests;
pub mod user_namespace;

pub use directory::{Directory, WriteOptions, Written};
pub use error::OutputError;
pub use existing::{Applied, Base, ExistingRoot, Recovered};
pub use ownership::{NotApplied, Ownership, Reason, Wanted};
