//! The work of scriptlets and image builds, done on the model of a root: for any architecture,
//! without running a program.
//!
//! In: a [`Tree`](crate::tree::Tree) with merged packages, and the catalog's steps. Out: the same
//! tree with the linker's cache, the character set cache, users, links and files as the target's
//! own tools would leave them. The module never runs a program and never changes the host.

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
