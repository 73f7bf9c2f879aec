//! Moves selected packages of a lock while all others stay pinned, if that is possible.
//!
//! Input: the choice made with the others pinned. Output: the same choice, a choice in which the
//! packages move, or the pinned packages that prevent the move.

use std::collections::BTreeSet;

use super::keyrings::Keyrings;
use super::locking::Locking;
use super::resolve::{Request, ResolveError, Resolved, Unresolved, resolve};
use super::{BootstrapError, Kept, Tools};
use crate::ecosystem::Ecosystem;
use crate::lock::{LockedArchitecture, LockedReason};

/// A package that would have another version without pinned packages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldMove {
    /// The name of the package.
    pub name: String,
    /// The package id in the lock.
    pub from: String,
    /// The package id in a resolution without pinned packages; empty if the package would be
    /// absent.
    pub to: String,
}

/// Reasons why packages cannot move.
#[derive(Debug, thiserror::Error)]
#[error("{} cannot move: packages that stay as they are locked are in the way", names(moves))]
pub struct HeldError {
    /// The packages that are to move.
    pub moves: Vec<HeldMove>,
    /// The packages that have to move too; empty if unknown.
    pub needs: Vec<HeldMove>,
    /// Reasons why there is no solution.
    pub reasons: Box<Unresolved>,
}

fn names(moves: &[HeldMove]) -> String {
    moves.iter().map(|held| held.name.as_str()).collect::<Vec<_>>().join(", ")
}

/// Maximum number of resolver calls in the search for other packages that have to move.
const MOST_TRIED: usize = 12;

/// Returns the choice in which the packages that are to move do so. `chosen` is the choice made
/// with all others pinned. Fails if one of the packages stays only because of pinned packages.
pub(super) fn moved<E: Ecosystem>(
    ecosystem: &E,
    request: &Request,
    locking: &Locking,
    keyring: &Keyrings<E::Keyring>,
    tools: &Tools<'_>,
    chosen: Resolved,
) -> Result<Resolved, BootstrapError> {
    let Some(previous) = locking.previous.as_ref().filter(|_| !locking.moving.is_empty() && !request.keep.is_empty()) else {
        return Ok(chosen);
    };
    let attempt =
        |keep: Vec<Kept>| resolve(ecosystem, &Request { keep, ..request.clone() }, keyring, tools.fetcher, tools.reporter);
    // If there is no solution even without pinned packages, the pins prevent nothing.
    let Ok(free) = attempt(Vec::new()) else { return Ok(chosen) };
    let (old, held, new) = (Ids::of_lock(previous), Ids::chosen(ecosystem, &chosen), Ids::chosen(ecosystem, &free));
    let mut stuck = Vec::new();
    for name in &locking.moving {
        let target = new.of(name);
        if target.is_empty() || target == old.of(name) || target == held.of(name) {
            continue;
        }
        if held.of(name) == old.of(name) {
            stuck.push(moving(name, &old, &new));
        } else {
            let (part, whole) = (held.of(name).join(", "), target.join(", "));
            tools
                .reporter
                .warn(&format!("{name} moves to {part} only: {whole} needs others to move, which stay as they are locked"));
        }
    }
    if stuck.is_empty() {
        return Ok(chosen);
    }
    let target = |held: &HeldMove| {
        let ids = new.of(&held.name).into_iter();
        ids.map(|id| Kept { name: held.name.clone(), id: id.to_owned(), file: None, must: true }).collect::<Vec<_>>()
    };
    let targets: Vec<Kept> = stuck.iter().flat_map(target).collect();
    let with = |freed: &BTreeSet<&str>| {
        let kept = request.keep.iter().filter(|kept| !freed.contains(kept.name.as_str()));
        attempt(kept.chain(&targets).cloned().collect())
    };
    let mut freed: BTreeSet<&str> = BTreeSet::new();
    let reasons = match with(&freed) {
        // The resolver preferred not to move them, but a solution exists in which they move.
        Ok(resolved) => return Ok(resolved),
        Err(ResolveError::Unsolvable(reasons)) => reasons,
        Err(error) => return Err(error.into()),
    };
    // Pinned packages that differ in the resolution without pins. Those that the explanation names
    // are tried first.
    let differs = |name: &&str| new.of(name) != old.of(name);
    let candidates: BTreeSet<&str> = request.keep.iter().map(|kept| kept.name.as_str()).filter(differs).collect();
    let mut text = told(&reasons);
    let mut works = false;
    for _ in 0..MOST_TRIED {
        let named: Vec<&str> = candidates.iter().copied().filter(|name| !freed.contains(name) && mentions(&text, name)).collect();
        if named.is_empty() {
            break;
        }
        freed.extend(named);
        match with(&freed) {
            Ok(_) => {
                works = true;
                break;
            }
            Err(ResolveError::Unsolvable(reasons)) => text = told(&reasons),
            Err(error) => return Err(error.into()),
        }
    }
    if !works && freed.len() < candidates.len() {
        freed.clone_from(&candidates);
        works = with(&freed).is_ok();
    }
    if works && freed.len() <= MOST_TRIED {
        for name in freed.clone() {
            let fewer: BTreeSet<&str> = freed.iter().copied().filter(|other| *other != name).collect();
            if with(&fewer).is_ok() {
                freed = fewer;
            }
        }
    }
    let needs = if works { freed.iter().map(|name| moving(name, &old, &new)).collect() } else { Vec::new() };
    Err(BootstrapError::Held(Box::new(HeldError { moves: stuck, needs, reasons })))
}

fn moving(name: &str, old: &Ids, new: &Ids) -> HeldMove {
    HeldMove { name: name.to_owned(), from: old.of(name).join(", "), to: new.of(name).join(", ") }
}

fn told(reasons: &Unresolved) -> String {
    let explanation = reasons.tell(&|spec| spec.to_owned());
    let mut text = String::new();
    for fact in explanation.problems.iter().flat_map(|problem| &problem.facts) {
        text += &format!("{} {} {}\n", fact.text, fact.remarks.join(" "), fact.data);
    }
    text
}

/// Reports whether a text contains a package's name as a whole word, not as a part of another name.
fn mentions(text: &str, name: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '+');
    text.match_indices(name).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + name.len()..].chars().next();
        !before.is_some_and(|c| is_part(c) || c == '-') && !after.is_some_and(is_part)
    })
}

/// The ids of the packages of each name, sorted.
struct Ids(Vec<(String, String)>);

impl Ids {
    fn new(mut ids: Vec<(String, String)>) -> Self {
        ids.sort_unstable();
        Self(ids)
    }

    fn of_lock(locked: &LockedArchitecture) -> Self {
        let installed = locked.packages.iter().filter(|package| package.reason != LockedReason::Files);
        Self::new(installed.map(|package| (package.name.clone(), package.id.clone())).collect())
    }

    fn chosen<E: Ecosystem>(ecosystem: &E, resolved: &Resolved) -> Self {
        let pool = &resolved.pool;
        let package = |id| {
            let package = pool.solvable(id);
            (package.name().to_owned(), ecosystem.identity(package).id)
        };
        Self::new(resolved.choice.incoming().map(|(id, _)| package(id)).collect())
    }

    /// Returns the ids of a name.
    fn of(&self, name: &str) -> Vec<&str> {
        self.0.iter().filter(|(known, _)| known == name).map(|(_, id)| id.as_str()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_part_of_another_is_not_mentioned() {
        assert!(mentions("app-2-1.noarch requires lib >= 2", "lib"));
        assert!(mentions("lib-2-1.noarch is excluded", "lib"));
        assert!(!mentions("zlib-2 requires libc and my-lib", "lib"));
    }
}
