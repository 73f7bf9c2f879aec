//! RPM: its versions, dependencies, metadata, packages, signatures, database and scripts.
//!
//! The structure is the same as that of `apk`. No code outside this module knows RPM's formats.

pub mod architecture;
pub mod capabilities;
mod configuration;
pub mod cpio;
pub mod database;
pub mod dependency;
mod ecosystem;
pub mod explanation;
pub mod features;
pub mod files;
pub mod groups;
pub mod header;
pub mod index;
pub mod install;
pub mod installed;
pub mod inventory;
pub mod lua;
pub mod modules;
mod network_options;
pub mod package;
pub mod package_files;
mod paths;
pub mod payload;
pub mod promised;
pub mod request;
pub mod scriptlet;
pub mod selection;
pub mod signature;
pub mod spec;
pub mod tag;
pub mod universe;
mod verification;
pub mod version;

pub use ecosystem::Rpm;
