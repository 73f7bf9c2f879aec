//! Whether a root is what its lock makes: it is made again, in memory, and held against what is there.

use std::path::Path;

use super::resolve::Request;
use super::{BootstrapError, BuildOptions, Tools, make};
use crate::ecosystem::Ecosystem;
use crate::output::{ExistingRoot, Ownership, PathDifference, differences};

/// What became of the comparison.
#[derive(Clone, Debug)]
pub struct Verification {
    /// How many names the tree has that was made.
    pub paths: u64,
    /// Sorted by path.
    pub differences: Vec<PathDifference>,
    /// How many paths lack only what an ordinary user may not apply.
    pub not_applied: usize,
}

/// Makes the tree of a request and compares it with a root. Nothing is written.
pub fn verify<E: Ecosystem>(
    ecosystem: &E,
    request: &Request,
    build: &BuildOptions,
    root: &Path,
    tools: &Tools<'_>,
) -> Result<Verification, BootstrapError> {
    let existing = ExistingRoot::open(root, build.ownership, &[])?;
    let made = make(ecosystem, request, build, tools)?;
    let found = existing.read()?;
    let mut differences = differences(&made.tree, &found.tree, made.epoch).map_err(BootstrapError::Read)?;
    let mut not_applied = 0;
    if build.ownership != Ownership::Apply {
        // Capabilities and devices are for root alone: an ordinary user's tree lacks them, and its report says so.
        differences.retain_mut(|difference| {
            let before = difference.aspects.len();
            difference.aspects.retain(|aspect| !(aspect.name.starts_with("security.") && aspect.found == "none"));
            let left = before == 0 || !difference.aspects.is_empty();
            not_applied += usize::from(!left);
            left
        });
    }
    let mut paths = 0;
    made.tree.walk(|_, _| paths += 1);
    Ok(Verification { paths, differences, not_applied })
}
