//! Comparison of a package with its entry in the index, not only by the digest but also by the
//! header.
//!
//! Input: a verified header, and the package that was chosen from the index. Output: an error if
//! they differ. An unsigned index may name any file of the repository, so the file must have the
//! name, version and provides for which it was chosen.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::dependency;
use super::header::Header;
use super::package::Identity;
use super::tag::Tag;
use super::version::Evr;
use crate::package::BrokenPromise;
use crate::pool::{Kind, Op, Solvable};

/// Compares a header with the index: name, epoch, version, release, architecture and provides.
pub fn check(identity: &Identity, header: &Header, promised: Solvable<'_>) -> Result<(), BrokenPromise> {
    let evr = Evr::parse(promised.version());
    let epoch = |number: u32| number.to_string();
    let facts = [
        ("name", promised.name().to_owned(), identity.name.clone()),
        ("epoch", epoch(evr.epoch_number()), epoch(identity.epoch.unwrap_or(0))),
        ("version", evr.version.to_owned(), identity.version.clone()),
        ("release", evr.release.unwrap_or_default().to_owned(), identity.release.clone()),
        ("architecture", promised.arch().to_owned(), identity.arch.clone()),
    ];
    for (what, promised, found) in facts {
        if promised != found {
            return Err(BrokenPromise { what, promised, found });
        }
    }
    let own = (promised.name(), Op::EQUAL, promised.version());
    let index: BTreeSet<_> = promised.capabilities(Kind::Provides).filter(|provided| *provided != own).collect();
    let given = provides(header);
    let given: BTreeSet<_> = given.iter().map(Provided::parts).filter(|provided| *provided != own).collect();
    let broken = |promised: String, found: String| Err(BrokenPromise { what: "provides", promised, found });
    if let Some(more) = index.difference(&given).next() {
        return broken(text(*more), "nothing of the kind".to_owned());
    }
    // If the index has only the package's own provide (lock files omit the others), no other
    // provide was a reason to choose it.
    match given.difference(&index).next() {
        Some(more) if !index.is_empty() => broken("nothing of the kind".to_owned(), text(*more)),
        _ => Ok(()),
    }
}

/// A provide in a header.
struct Provided<'h> {
    name: Cow<'h, str>,
    op: Op,
    version: Cow<'h, str>,
}

impl Provided<'_> {
    /// Returns the provide in the pool's form, without an epoch of 0.
    fn parts(&self) -> (&str, Op, &str) {
        if self.op.is_any() || self.version.is_empty() {
            return (&self.name, Op::ANY, "");
        }
        (&self.name, self.op, self.version.strip_prefix("0:").unwrap_or(&self.version))
    }
}

fn provides(header: &Header) -> Vec<Provided<'_>> {
    let (mut flags, mut versions) = (header.u32s(Tag::PROVIDE_FLAGS), header.strings(Tag::PROVIDE_VERSION));
    let names = header.strings(Tag::PROVIDE_NAME).map(String::from_utf8_lossy);
    let provided = names.map(|name| Provided {
        name,
        op: flags.next().map_or(Op::ANY, dependency::op_of_sense),
        version: versions.next().map(String::from_utf8_lossy).unwrap_or_default(),
    });
    provided.collect()
}

fn text((name, op, version): (&str, Op, &str)) -> String {
    if version.is_empty() { name.to_owned() } else { format!("{name} {} {version}", op.text()) }
}
