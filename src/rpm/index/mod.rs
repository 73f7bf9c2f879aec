//! rpm-md: the XML files that `createrepo_c` makes, read into the pool.
//!
//! In: `repomd.xml`, and the inflated bytes of `primary.xml` and `filelists.xml`. Out: the list of a repository's metadata
//! files, and its packages in a [`PoolBuilder`]. No document is ever held: events go straight
//! from the inflated bytes to the pool. It gets no bytes itself and judges no version.

mod comps;
mod filelists;
mod primary;
mod recent;
mod repomd;
#[cfg(test)]
mod tests;
mod texts;
mod xml;

use std::io::Read;

use crate::metadata::{IndexError, MetadataFile, MetadataFormat, Texts};
use crate::pool::{Checksum, PoolBuilder, RepoId};

pub use comps::read as read_groups;

/// The metadata format of RPM repositories.
#[derive(Clone, Copy, Debug, Default)]
pub struct RpmMd;

impl MetadataFormat for RpmMd {
    fn name(&self) -> &'static str {
        "rpm-md"
    }

    fn root_document(&self) -> &'static str {
        "repodata/repomd.xml"
    }

    fn files(&self, root: &[u8]) -> Result<Vec<MetadataFile>, IndexError> {
        repomd::read(root)
    }

    fn read_packages(&self, input: &mut dyn Read, builder: &mut PoolBuilder, repo: RepoId) -> Result<(), IndexError> {
        primary::read(input, builder, repo)
    }

    fn read_files(
        &self,
        input: &mut dyn Read,
        wanted: &dyn Fn(&str) -> bool,
        found: &mut dyn FnMut(Checksum<'_>, &str),
    ) -> Result<(), IndexError> {
        filelists::read(input, wanted, found)
    }

    fn read_texts(&self, input: &mut dyn Read, found: &mut dyn FnMut(Checksum<'_>, Texts)) -> Result<(), IndexError> {
        texts::read(input, found)
    }
}
