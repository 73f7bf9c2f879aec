//! In what order? The packages of a solution so that each finds there what it needs when it is installed.
//!
//! In: a pool and a set of its packages. Out: the same packages in the order of their installation. The order depends on
//! nothing but the packages: neither on hashes nor on the order in which they are given.

mod order;
pub mod plan;

pub use order::order;
