//! Whether a package is the one that an index promises: not only by its digest, but by what it says of itself.
//!
//! In: a verified header, and the package of the index that was chosen. Out: nothing, or in what the two differ. An index that nobody signed
//! may name any file of the repository; what was chosen for its name, its version or what it gives must be that.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::dependency;
use super::header::Header;
use super::package::Identity;
use super::tag::Tag;
use super::version::Evr;
use crate::package::BrokenPromise;
use crate::pool::{Kind, Op, Solvable};

/// Holds a header against what the index says of it: name, epoch, version, release, architecture, and what it provides.
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
    // Where nothing but its name is told (a lock does not repeat it), nothing was chosen for more than that.
    match given.difference(&index).next() {
        Some(more) if !index.is_empty() => broken("nothing of the kind".to_owned(), text(*more)),
        _ => Ok(()),
    }
}

/// What a header says that its package provides.
struct Provided<'h> {
    name: Cow<'h, str>,
    op: Op,
    version: Cow<'h, str>,
}

impl Provided<'_> {
    /// As the pool has it: an epoch of nought is not told.
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
