//! Transactions: an order of installation in which each package finds its requirements already
//! installed.
//!
//! Input: a pool and a set of its packages. Output: the same packages in installation order. The
//! order depends only on the packages, not on hashes or on the input order. [`changes`] reports
//! which packages replace which installed ones.

mod changes;
mod order;
pub mod plan;

pub use changes::{Change, Step, changes};
pub use order::order;
