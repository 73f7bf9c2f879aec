//! rootstrap turns the name of an image variant into a root file system: natively, for any architecture, without the
//! distribution's own tools, without root.

pub mod catalog;
pub mod compression;
pub mod digest;
pub mod package;
pub mod pool;
pub mod reporter;
pub mod tree;
