//! Audits: the content of a set of packages, the reasons for it, and its problems.
//!
//! Input: a [`Subject`], which was read from a root, an archive, an image, a lock, a report or a
//! request. Output: results as data, which the command line formats. The module reads no repository
//! and changes nothing. Questions about versions, files and databases go to the ecosystem.

pub mod advisory;
pub mod closure;
mod completed;
pub mod diff;
mod examine;
mod finding;
#[cfg(feature = "parquet")]
pub mod fleet;
mod license;
pub mod needs;
mod outdated;
pub mod page;
mod policy;
mod release;
mod sarif;
pub mod sbom;
mod severity;
mod subject;
pub mod why;

pub use completed::all_completed;
pub use examine::{Given, Report, Summary, about, advisories, audit};
pub use finding::{Finding, FindingKind};
pub use license::License;
pub use outdated::{Outdated, Step, compare};
pub use policy::{Budget, Ignored, Licenses, Policy, PolicyError, StaleIgnore, Staleness, is_day};
pub use release::Release;
pub use sarif::sarif;
pub use severity::Severity;
pub use subject::{Origin, Set, Subject, SubjectError, SubjectKind, facts_of, of_image, of_plan, of_root, of_tree};
