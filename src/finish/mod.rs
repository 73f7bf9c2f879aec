//! What scriptlets and image builds would do to a root, done on the model: for any architecture, without running anything.
//!
//! In: a [`Tree`](crate::tree::Tree) into which packages were merged, and the steps that the catalog gives. Out: the same tree with the
//! linker's cache, the character set cache, users, links and files as the target's own tools would leave them. It never runs a
//! program and never touches the host.

mod accounts;
mod binary;
pub mod busybox;
pub mod expected;
pub mod glob;
pub mod iconvconfig;
pub mod ldconfig;
pub mod owners;
mod repositories;
pub mod scriptlet;
pub mod steps;
mod systemd;
pub mod sysusers;
#[cfg(test)]
mod testing;
pub mod tmpfiles;

pub use steps::StepError;
