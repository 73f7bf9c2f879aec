//! rootstrap turns the name of an image variant into a root file system: natively, for any architecture, without the
//! distribution's own tools, without root.

pub mod apk;
pub mod bootstrap;
pub mod cancel;
pub mod catalog;
pub mod cli;
pub mod compression;
pub mod digest;
pub mod ecosystem;
pub mod fetch;
pub mod finish;
pub mod lock;
pub mod metadata;
pub mod output;
pub mod package;
pub mod pool;
pub mod repo;
pub mod reporter;
pub mod rpm;
pub mod solver;
pub mod transaction;
pub mod tree;
