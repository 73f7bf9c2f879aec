//! A test case: one package or two, composed of threats by a seed.

use std::collections::BTreeSet;

use crate::item::Item;
use crate::random::Random;
use crate::threats::{self, Place};

/// The package managers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Rpm,
    Apk,
}

/// A package and its defects besides paths.
#[derive(Clone, Debug, Default)]
pub(crate) struct Package {
    pub(crate) name: &'static str,
    pub(crate) items: Vec<Item>,
    /// Numbers in a header to change: index and new value.
    pub(crate) numbers: Vec<(usize, u64)>,
    /// Bytes after the archive.
    pub(crate) trailing: Vec<u8>,
    /// True if the archive has no end.
    pub(crate) endless: bool,
}

impl Package {
    /// Adds the parent directories of each path, without which apk refuses a package.
    pub(crate) fn complete(&mut self) {
        let mut known: BTreeSet<Vec<u8>> = BTreeSet::new();
        let mut complete: Vec<Item> = Vec::new();
        for item in std::mem::take(&mut self.items) {
            let ends = item.path.iter().enumerate().skip(1).filter(|&(_, &c)| c == b'/').map(|(at, _)| at).take(2000);
            for end in ends.collect::<Vec<_>>() {
                if known.insert(item.path[..end].to_vec()) {
                    complete.push(Item::directory(&item.path[..end]));
                }
            }
            known.insert(item.path.clone());
            complete.push(item);
        }
        self.items = complete;
    }
}

/// One package or two that are installed together.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) kind: Kind,
    /// The names of the threats in it.
    pub(crate) threats: Vec<&'static str>,
    pub(crate) packages: Vec<Package>,
}

impl Case {
    /// Returns the case of a seed; its parity determines the kind. `place` is the target of the
    /// attack.
    pub(crate) fn of(seed: u64, place: &Place) -> Self {
        let mut random = Random::new(seed);
        let kind = if seed.is_multiple_of(2) { Kind::Rpm } else { Kind::Apk };
        let mut case = Self { kind, threats: Vec::new(), packages: vec![Package { name: "hostile", ..Package::default() }] };
        // Each threat comes in turn, so that a thousand cases have all of them many times; others
        // are beside it.
        let first = (seed / 2) as usize % threats::ALL.len();
        let count = *random.pick(&[0, 0, 1, 2]);
        let chosen = std::iter::once(first).chain((0..count).map(|_| random.below(threats::ALL.len()))).collect::<Vec<_>>();
        for threat in chosen {
            let (name, make) = threats::ALL[threat];
            case.threats.push(name);
            let mut parts = make(&mut random, place);
            // What the second package does with what the first left for it.
            if parts.len() > 1 && case.packages.len() == 1 {
                case.packages.push(Package { name: "accomplice", ..Package::default() });
            }
            let last = parts.pop().unwrap_or_default();
            for part in parts {
                case.packages[0].items.extend(part);
            }
            if let Some(package) = case.packages.last_mut() {
                package.items.extend(last);
            }
        }
        case.spoil(&mut random);
        if kind == Kind::Apk && !random.once_in(10) {
            case.packages.iter_mut().for_each(Package::complete);
        }
        case
    }

    /// Sometimes damages other parts than paths.
    fn spoil(&mut self, random: &mut Random) {
        for package in &mut self.packages {
            // What is refused at first sight would hide what comes after it.
            if random.once_in(2) {
                package.items.retain(|_| !random.once_in(4));
            }
            if random.once_in(6) {
                random.shuffle(&mut package.items);
            }
            if random.once_in(8) {
                let number =
                    *random.pick(&[0, 1, 7, 0x7f, 0xff, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, u64::MAX, 1 << 40]);
                package.numbers.push((random.below(24), number));
            }
            if random.once_in(15) {
                package.trailing = vec![random.next() as u8; random.below(3000)];
            }
            package.endless = random.once_in(30);
            if random.once_in(12)
                && let Some(item) = package.items.first().cloned()
            {
                package.items.push(item);
            }
        }
    }
}
