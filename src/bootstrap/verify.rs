//! Verifies a root or an image against its lock: builds the tree again in memory and compares it
//! with the existing one.

use std::path::Path;

use super::resolve::Request;
use super::{BootstrapError, BuildOptions, Tools, make};
use crate::ecosystem::Ecosystem;
use crate::output::OutputError;
use crate::output::oci::{BaseImage, Found, Reference, read_found};
use crate::output::{Aspect, ExistingRoot, Ownership, PathDifference, Times, UNREADABLE, differences};

/// The object to verify.
#[derive(Clone, Copy, Debug)]
pub enum Subject<'a> {
    /// A root file system in a directory.
    Root(&'a Path),
    /// An archive of a root, of an image layout, or from `docker save`. The tag selects one of
    /// several images.
    Archive(&'a Path, Option<&'a str>),
    /// The image for the architecture in an OCI layout.
    Image(&'a Reference),
}

/// The result of the comparison.
#[derive(Clone, Debug)]
pub struct Verification {
    /// Number of paths in the tree that was built.
    pub paths: u64,
    /// The differences, sorted by path.
    pub differences: Vec<PathDifference>,
    /// Number of paths that differ only in properties that an ordinary user may not apply or read.
    pub not_applied: usize,
}

/// Builds the tree of a request and compares it with the existing one. `clamp` states that nothing
/// in the existing tree is newer than the build.
pub fn verify<E: Ecosystem>(
    ecosystem: &E,
    request: &Request,
    build: &BuildOptions,
    (subject, clamp): (Subject<'_>, bool),
    tools: &Tools<'_>,
) -> Result<Verification, BootstrapError> {
    // The root stays locked while its files are read.
    let mut existing = None;
    let found = match subject {
        Subject::Root(path) => existing.insert(ExistingRoot::open(path, build.ownership, &[])?).read()?.tree,
        Subject::Archive(path, tag) => {
            let own = &build.arch.platform;
            let Found { tree, platform, .. } = read_found(path, tag, Some(own), tools.spool)?;
            if let Some(other) = platform.filter(|other| other.architecture != own.architecture) {
                let problem = format!("its image is for {other}, not {own}");
                return Err(OutputError::NotALayout { out: path.to_owned(), problem }.into());
            }
            tree
        }
        Subject::Image(reference) => BaseImage::read(reference, &build.arch.platform, tools.spool)?.tree,
    };
    let made = make(ecosystem, request, build, tools)?;
    let times = Times { epoch: made.epoch, clamp };
    let mut differences = differences(&made.tree, &found, times).map_err(BootstrapError::Read)?;
    let mut not_applied = 0;
    if existing.is_some() && build.ownership != Ownership::Apply {
        // Only root can set capabilities; an ordinary user's tree lacks them, and its report lists
        // them. The same applies to reading files without read permission.
        let is_for_root = |aspect: &Aspect| {
            (aspect.name.starts_with("security.") && aspect.found == "none")
                || (aspect.name == "content" && aspect.found == UNREADABLE)
        };
        differences.retain_mut(|difference| {
            let before = difference.aspects.len();
            difference.aspects.retain(|aspect| !is_for_root(aspect));
            let left = before == 0 || !difference.aspects.is_empty();
            not_applied += usize::from(!left);
            left
        });
    }
    let mut paths = 0;
    made.tree.walk(|_, _| paths += 1);
    Ok(Verification { paths, differences, not_applied })
}
