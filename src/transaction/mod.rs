//! In what order? The packages of a solution so that each finds there what it needs when it is installed.
//!
//! In: a pool and a set of its packages. Out: the same packages in the order of their installation. The order depends on
//! nothing but the packages: neither on hashes nor on the order in which they are given.
//! [`changes`] tells which packages come in place of which installed ones.

mod changes;
mod order;
pub mod plan;

pub use changes::{Change, Step, changes};
pub use order::order;
