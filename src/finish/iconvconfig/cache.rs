//! The cache file: a header, the string table, a hash table of all names, the conversions of each
//! character set, and the direct conversions between two character sets (iconv/iconvconfig.c and
//! iconvconfig.h).

use std::collections::BTreeMap;

use super::modules::{Configuration, Module};
use super::strings::StringId;
use super::{IconvconfigError, Program};
use crate::tree::display;

const MAGIC: u32 = 0x2001_0324;
const HEADER: usize = 16;
/// The internal character set, which all conversions use as the intermediate step. Its number is 0.
const INTERNAL: &[u8] = b"INTERNAL";

/// A name, and the number of its character set.
struct Name {
    text: StringId,
    set: Option<u16>,
}

/// The conversions of a character set.
#[derive(Default)]
struct CharacterSet {
    name: Option<StringId>,
    from_internal: Option<Module>,
    to_internal: Option<Module>,
    /// Direct conversions to other character sets; the last one found comes first.
    others: Vec<(u16, Module)>,
}

struct Names {
    names: BTreeMap<Vec<u8>, Name>,
    /// Number of attempts to add a name, duplicates included. The size of the hash table depends on
    /// it.
    added: usize,
}

impl Names {
    fn add(&mut self, name: &[u8], text: StringId, set: Option<u16>) {
        self.added += 1;
        self.names.entry(name.to_vec()).or_insert(Name { text, set });
    }

    /// Returns the number of the character set with this name. Adds the character set if it is new.
    fn number(&mut self, name: &[u8], sets: &mut Vec<CharacterSet>) -> Result<u16, IconvconfigError> {
        let next = u16::try_from(sets.len()).map_err(|_| IconvconfigError::TooLarge)?;
        let Some(known) = self.names.get_mut(name) else { return Err(IconvconfigError::OnlyTarget(display(name))) };
        if known.set.is_none() {
            sets.push(CharacterSet::default());
        }
        Ok(*known.set.get_or_insert(next))
    }
}

/// Returns the cache file of a configuration.
pub(super) fn write(mut configuration: Configuration, program: &Program) -> Result<Vec<u8>, IconvconfigError> {
    let internal = configuration.strings.add(INTERNAL)?;
    let mut names = Names { names: BTreeMap::new(), added: 0 };
    let mut sets = Vec::new();
    collect(&configuration, internal, &mut names, &mut sets)?;
    let table = configuration.strings.finish();
    let offset = |text: StringId| configuration.strings.offset(text);

    let mut out = Writer { bytes: Vec::new(), big_endian: program.big_endian };
    out.bytes.resize(HEADER, 0);
    out.bytes.extend_from_slice(&table);
    if !out.bytes.len().is_multiple_of(2) {
        out.bytes.push(0);
    }
    let hash_at = out.bytes.len();
    let hash = hash_table(&names, offset, program.small_table);
    for &(text, set) in &hash {
        out.u16(text);
        out.u16(set);
    }
    let sets_at = out.bytes.len();
    let mut others = Writer { bytes: Vec::new(), big_endian: program.big_endian };
    for set in &sets {
        // The C program crashes here with a null pointer.
        let name = set.name.ok_or_else(|| IconvconfigError::OnlyTarget("?".into()))?;
        out.u16(offset(name));
        for module in [set.from_internal, set.to_internal] {
            out.u16(module.map_or(0, |module| offset(module.directory)));
            out.u16(module.map_or(0, |module| offset(module.file)));
        }
        if set.others.is_empty() {
            out.u16(0);
            continue;
        }
        // The offset is increased by one, because 0 means none.
        out.u16(u16::try_from(others.bytes.len() + 1).map_err(|_| IconvconfigError::TooLarge)?);
        for &(target, module) in set.others.iter().rev() {
            // One step, followed by its target and module.
            for n in [1, target, offset(module.directory), offset(module.file)] {
                others.u16(n);
            }
        }
        others.u16(0);
    }
    let others_at = out.bytes.len();
    out.bytes.extend_from_slice(&others.bytes);

    let mut header = Writer { bytes: Vec::new(), big_endian: program.big_endian };
    header.u32(MAGIC);
    for n in [HEADER, hash_at, hash.len(), sets_at, others_at] {
        header.u16(u16::try_from(n).map_err(|_| IconvconfigError::TooLarge)?);
    }
    out.bytes[..header.bytes.len()].copy_from_slice(&header.bytes);
    Ok(out.bytes)
}

/// Collects names and character sets, numbered in the order in which the C program meets them.
fn collect(
    configuration: &Configuration,
    internal: StringId,
    names: &mut Names,
    sets: &mut Vec<CharacterSet>,
) -> Result<(), IconvconfigError> {
    names.add(INTERNAL, internal, None);
    // Conversions grouped by source; within a source the last target comes first.
    let mut by_source: BTreeMap<&[u8], Vec<(&[u8], Module)>> = BTreeMap::new();
    for ((from, to), &module) in &configuration.modules {
        by_source.entry(from).or_default().insert(0, (to, module));
    }
    for (from, targets) in &by_source {
        if *from != INTERNAL {
            names.add(from, targets[0].1.from, None);
        }
        for (to, module) in targets.iter().filter(|(to, _)| *to != INTERNAL) {
            names.add(to, module.to, None);
        }
    }
    names.number(INTERNAL, sets)?;
    sets[0].name = Some(internal);
    for (&from, targets) in &by_source {
        for &(to, module) in targets {
            if from == INTERNAL {
                let set = names.number(to, sets)?;
                let set = &mut sets[usize::from(set)];
                set.from_internal = Some(module);
                set.name = Some(module.to);
            } else {
                let set = names.number(from, sets)?;
                if to == INTERNAL {
                    sets[usize::from(set)].to_internal = Some(module);
                } else {
                    let target = names.number(to, sets)?;
                    sets[usize::from(set)].others.push((target, module));
                }
                sets[usize::from(set)].name = Some(module.from);
            }
        }
    }
    for (from, alias) in &configuration.aliases {
        if let Some(set) = names.names.get(&alias.to).map(|name| name.set) {
            names.add(from, alias.from, set);
        }
    }
    Ok(())
}

/// Returns a hash table with open addressing and double hashing, over the names in their order.
fn hash_table(names: &Names, offset: impl Fn(StringId) -> u16, small: bool) -> Vec<(u16, u16)> {
    let size = next_prime(if small { (names.added as f64 * 1.4) as usize } else { names.added + names.added / 2 });
    let mut table = vec![(0, 0); size];
    for (text, name) in &names.names {
        let hash = hash_string(text) as usize;
        let (mut at, step) = (hash % size, 1 + hash % (size - 2));
        while table[at].0 != 0 {
            at += step;
            if at >= size {
                at -= size;
            }
        }
        table[at] = (offset(name.text), name.set.unwrap_or_default());
    }
    table
}

/// Returns P. J. Weinberger's hash of a text (intl/hash-string.c).
fn hash_string(text: &[u8]) -> u32 {
    text.iter().fold(0u32, |hash, &c| {
        let hash = (hash << 4).wrapping_add(u32::from(c));
        let high = hash & 0xf000_0000;
        hash ^ (high >> 24) ^ high
    })
}

fn next_prime(n: usize) -> usize {
    let is_prime = |n: usize| (3..).step_by(2).take_while(|d| d * d <= n).all(|d| !n.is_multiple_of(d));
    (n | 1..).step_by(2).find(|&n| is_prime(n)).unwrap_or(n)
}

/// A writer of numbers in the target's byte order.
struct Writer {
    bytes: Vec<u8>,
    big_endian: bool,
}

impl Writer {
    fn u16(&mut self, n: u16) {
        self.bytes.extend_from_slice(&if self.big_endian { n.to_be_bytes() } else { n.to_le_bytes() });
    }

    fn u32(&mut self, n: u32) {
        self.bytes.extend_from_slice(&if self.big_endian { n.to_be_bytes() } else { n.to_le_bytes() });
    }
}
