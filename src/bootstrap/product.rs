//! The main job where something else than a directory comes out.

use super::{BootstrapError, BuildOptions, Report, Request, Root, Tools, make};
use crate::ecosystem::Ecosystem;
use crate::output::{ArchiveFile, Packing, Times};

/// Makes the root file system of a request as a tar archive; with `clamp` nothing in it is younger than the build.
pub fn archive<E: Ecosystem>(
    ecosystem: &E,
    request: &Request,
    build: &BuildOptions,
    file: ArchiveFile,
    (packing, clamp): (Packing, bool),
    tools: &Tools<'_>,
) -> Result<Report, BootstrapError> {
    let root: Root = make(ecosystem, request, build, tools)?;
    let times = Times { epoch: root.epoch, clamp };
    let written = file.write(&root.tree, times, packing, tools.reporter, tools.cancel)?;
    Ok(root.report(&written))
}
