//! Package universes as readable text, one package a line, for tests, examples and experiments.
//!
//! ```text
//! repo edge tag=edge
//! busybox 1.36-r2 requires musl, !toybox provides /bin/sh, cmd:sh=1 install_if a, !b priority 100
//! installed
//! musl 1.2.4-r1 x86_64
//! ```
//!
//! An architecture may follow name and version (default `noarch`). Lists follow, each introduced by
//! its keyword and separated by commas: `requires`, `provides`, `install_if`, `replaces`.
//! `priority` takes a number. Packages of equal name and version are the same package in all
//! repositories, unless `id` and a word distinguish them. `#` begins a comment.

use super::index::Fields;
use super::version::ApkVersions;
use crate::digest::{Algorithm, Digest};
use crate::pool::{Architectures, Pool, PoolBuilder, PoolError, RepoId};

/// An error in the text of a universe.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UniverseError {
    /// A line that is neither a package nor a repository.
    #[error("line {line}: {what}")]
    Line {
        /// The line number, counted from 1.
        line: usize,
        /// The error.
        what: String,
    },
    /// The packages exceed a limit of the pool.
    #[error(transparent)]
    Pool(#[from] PoolError),
}

/// Parses a text into a pool for a machine of `arch`.
pub fn parse(text: &str, arch: &str) -> Result<Pool, UniverseError> {
    let mut builder = PoolBuilder::new();
    let mut repo: Option<RepoId> = None;
    for (index, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        let fail = |what: &str| UniverseError::Line { line: index + 1, what: what.to_owned() };
        let mut words = line.split_whitespace();
        match words.next() {
            None => {}
            Some("installed") if words.next().is_none() => repo = Some(builder.add_installed_repo("installed")),
            Some("repo") => {
                let name = words.next().ok_or_else(|| fail("expected the repository's name"))?;
                let tag = match words.next() {
                    Some(word) => Some(word.strip_prefix("tag=").ok_or_else(|| fail("expected tag=TAG"))?),
                    None => None,
                };
                repo = Some(builder.add_repo(name, 99, tag));
            }
            Some(_) => {
                let repo = *repo.get_or_insert_with(|| builder.add_repo("universe", 99, None));
                read_package(&mut builder, repo, line).map_err(|what| UniverseError::Line { line: index + 1, what })?;
            }
        }
    }
    Ok(builder.build(&ApkVersions, &Architectures::new([arch], Some("noarch")))?)
}

const LISTS: [(&str, u8); 6] =
    [("requires", b'D'), ("provides", b'p'), ("install_if", b'i'), ("replaces", b'r'), ("priority", b'k'), ("id", 0)];

fn read_package(builder: &mut PoolBuilder, repo: RepoId, line: &str) -> Result<(), String> {
    let letter_of = |word: &str| LISTS.iter().find(|list| list.0 == word).map(|list| list.1);
    let mut words = line.split_whitespace().peekable();
    let (name, version) = (words.next().unwrap_or_default(), words.next().ok_or("expected the package's version")?);
    let arch = words.next_if(|word| letter_of(word).is_none()).unwrap_or("noarch");
    let mut fields = Fields::default();
    let mut identity = format!("{name}-{version}");
    fields.take(b'P', name.as_bytes(), builder)?;
    fields.take(b'V', version.as_bytes(), builder)?;
    fields.take(b'A', arch.as_bytes(), builder)?;
    fields.take(b'I', b"1", builder)?;
    while let Some(word) = words.next() {
        let letter = letter_of(word).ok_or("expected requires, provides, install_if, replaces, priority or id")?;
        let mut list = Vec::new();
        while let Some(word) = words.next_if(|word| letter_of(word).is_none()) {
            list.push(word.trim_matches(','));
        }
        let list = list.join(" ");
        if letter == 0 {
            identity.push_str(&list);
        } else {
            fields.take(letter, list.as_bytes(), builder)?;
        }
    }
    let digest = super::checksum::text(&Digest::of(Algorithm::Sha1, identity.as_bytes()));
    fields.take(b'C', digest.as_bytes(), builder)?;
    fields.finish(builder, repo).map(drop)
}
