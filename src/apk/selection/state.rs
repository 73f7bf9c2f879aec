//! The solver's state of names and packages, and its queues.

use std::collections::{BTreeMap, VecDeque};

use super::graph::{Dep, Graph, NameId, PackageId, Provider};
use super::operation::Intent;
use super::request::Rules;

/// Flags that control the choice of a package. The dependencies of a package inherit some of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Flags(u8);

impl Flags {
    pub(super) const UPGRADE: Self = Self(1);
    pub(super) const AVAILABLE: Self = Self(2);
    pub(super) const REINSTALL: Self = Self(4);
    pub(super) const LATEST: Self = Self(8);
    pub(super) const INSTALLED: Self = Self(16);
    pub(super) const REMOVE: Self = Self(32);

    pub(super) fn any(self, of: Self) -> bool {
        self.0 & of.0 != 0
    }

    pub(super) fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub(super) fn when(self, condition: bool) -> Self {
        if condition { self } else { Self::default() }
    }
}

impl std::ops::BitOr for Flags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl std::ops::BitOrAssign for Flags {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

/// A queue of undecided names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Queue {
    #[default]
    None,
    /// The name has no alternatives, and all its requirers are decided.
    Now,
    /// Some provider may be chosen automatically.
    Selectable,
    /// All other names.
    Later,
}

/// The state of a name.
#[derive(Clone, Debug, Default)]
pub(super) struct NameState<'a> {
    pub(super) seen: bool,
    pub(super) locked: bool,
    pub(super) chosen: Option<Provider<'a>>,
    pub(super) requirers: u32,
    /// True if the `install_if` of one of its packages is satisfied. The next field: true if none
    /// can be any more.
    pub(super) is_triggered: bool,
    pub(super) never_triggered: bool,
    /// True if a conflict in some `install_if` waits for the decision on this name.
    pub(super) is_awaited: bool,
    pub(super) has_options: bool,
    pub(super) has_auto_selectable: bool,
    pub(super) all_requirers_known: bool,
    pub(super) check_depends: bool,
    pub(super) check_install_if: bool,
    pub(super) has_virtual_provides: bool,
    pub(super) merged_depends: u32,
    pub(super) merged_provides: u32,
    /// The position in the order of decisions.
    pub(super) order: u32,
    /// Version 2: the length of the longest chain of dependencies that starts at the name.
    pub(super) chain: u16,
    /// Version 2: 0 if only packages of this name provide it, 1 if other packages do too, 2 if only
    /// others do.
    pub(super) provided_by_others: u8,
    pub(super) queue: Queue,
    pub(super) is_dirty: bool,
    // The following fields are used to build the change set.
    pub(super) processed: bool,
    pub(super) removed: bool,
    pub(super) installed: Option<PackageId>,
    pub(super) installed_name: Option<NameId>,
}

/// The state of a package.
#[derive(Clone, Debug, Default)]
pub(super) struct PackageState {
    pub(super) seen: bool,
    pub(super) selectable: bool,
    pub(super) available: bool,
    pub(super) tag_ok: bool,
    pub(super) tag_preferred: bool,
    pub(super) triggered: bool,
    pub(super) trigger_failed: bool,
    pub(super) merged: bool,
    pub(super) used: bool,
    pub(super) conflicts: u32,
    pub(super) flags: Flags,
    pub(super) inheritable: Flags,
    /// The tags whose repositories the package may come from, as a bit set.
    pub(super) allowed: u64,
    pub(super) error: bool,
    pub(super) in_changes: bool,
    pub(super) chain: u16,
}

/// A constraint of the world, with the ids of its name and tag.
#[derive(Clone, Debug)]
pub(super) struct WorldDep<'w> {
    pub(super) dep: Dep<'w>,
    pub(super) tag: u8,
    /// True if the constraint is unsatisfiable and ignored.
    pub(super) broken: bool,
}

/// The solver: the state and the queues of solver.c in apk-tools.
pub(super) struct Solver<'g, 'a> {
    pub(super) graph: &'g mut Graph<'a>,
    pub(super) rules: Rules,
    pub(super) names: Vec<NameState<'a>>,
    pub(super) packages: Vec<PackageState>,
    pub(super) reverse_depends: Vec<Vec<NameId>>,
    pub(super) flags_set: Vec<bool>,
    pub(super) errors: usize,
    pub(super) inherited: Flags,
    pub(super) pinned: u64,
    pub(super) default_repos: u64,
    /// True if installed packages stay unless a constraint requires a change.
    pub(super) keeps_installed: bool,
    pub(super) last_order: u32,
    pub(super) dirty: VecDeque<NameId>,
    now: VecDeque<NameId>,
    selectable: BTreeMap<u32, NameId>,
    later: BTreeMap<u32, NameId>,
    /// The single queue of version 2, the most recent name first.
    undecided: VecDeque<NameId>,
}

/// The set of tags that contains only the empty tag.
pub(super) const UNTAGGED: u64 = 1;

impl<'g, 'a> Solver<'g, 'a> {
    pub(super) fn new(graph: &'g mut Graph<'a>, intent: &Intent, rules: Rules) -> Self {
        let (names, packages) = (graph.names.len(), graph.packages.len());
        let default_repos = graph.allowed(UNTAGGED);
        let mut solver = Self {
            graph,
            rules,
            names: vec![NameState::default(); names],
            packages: vec![PackageState::default(); packages],
            reverse_depends: Vec::new(),
            flags_set: vec![false; names],
            errors: 0,
            inherited: Flags::default(),
            pinned: 0,
            default_repos,
            keeps_installed: intent.keeps_installed,
            last_order: 0,
            dirty: VecDeque::new(),
            now: VecDeque::new(),
            selectable: BTreeMap::new(),
            later: BTreeMap::new(),
            undecided: VecDeque::new(),
        };
        for &(name, flags, inheritable) in &intent.name_flags {
            solver.flags_set[name as usize] = true;
            for provider in solver.graph.providers(name) {
                let state = &mut solver.packages[provider.package as usize];
                state.flags |= flags;
                state.inheritable |= inheritable;
            }
        }
        solver
    }

    /// Resets the state before a retry without the broken constraints. As in apk, only `flags_set`
    /// survives.
    pub(super) fn reset(&mut self) {
        self.names.fill(NameState::default());
        self.packages.fill(PackageState::default());
        self.errors = 0;
        self.last_order = 0;
        self.dirty.clear();
        self.now.clear();
        self.selectable.clear();
        self.later.clear();
        self.undecided.clear();
    }

    pub(super) fn name(&mut self, name: NameId) -> &mut NameState<'a> {
        &mut self.names[name as usize]
    }

    pub(super) fn package(&mut self, package: PackageId) -> &mut PackageState {
        &mut self.packages[package as usize]
    }

    pub(super) fn mark_error(&mut self, package: Option<PackageId>) {
        if let Some(package) = package
            && !std::mem::replace(&mut self.package(package).error, true)
        {
            self.errors += 1;
        }
    }

    /// Queues a name for reconsideration after its state has changed.
    pub(super) fn queue_dirty(&mut self, name: NameId) {
        let state = self.name(name);
        if state.is_dirty || state.locked || (state.requirers == 0 && !state.check_install_if) {
            return;
        }
        state.is_dirty = true;
        self.dirty.push_back(name);
    }

    pub(super) fn next_dirty(&mut self) -> Option<NameId> {
        while let Some(name) = self.dirty.pop_front() {
            if std::mem::replace(&mut self.name(name).is_dirty, false) {
                return Some(name);
            }
        }
        None
    }

    /// Queues a name for a decision. With `again` it moves to the queue that fits its changed
    /// state.
    pub(super) fn queue_undecided(&mut self, name: NameId, again: bool) {
        if self.rules == Rules::Apk2 {
            self.queue_undecided_of_two(name);
            return;
        }
        let state = self.name(name);
        if state.locked {
            return;
        }
        let is_clear = state.all_requirers_known && state.requirers > 0 && state.has_auto_selectable && !state.has_options;
        match state.queue {
            Queue::None => {
                if state.requirers == 0 && !state.is_triggered && !state.is_awaited {
                    return;
                }
            }
            Queue::Now => return,
            Queue::Selectable | Queue::Later => {
                if !is_clear && !again {
                    return;
                }
                self.leave_queue(name);
            }
        }
        let state = self.name(name);
        let (order, auto) = (state.order, state.has_auto_selectable);
        state.queue = if is_clear {
            Queue::Now
        } else if auto {
            Queue::Selectable
        } else {
            Queue::Later
        };
        match state.queue {
            Queue::Now => self.now.push_back(name),
            Queue::Selectable => drop(self.selectable.insert(order, name)),
            _ => drop(self.later.insert(order, name)),
        }
    }

    fn queue_undecided_of_two(&mut self, name: NameId) {
        let state = self.name(name);
        let is_wanted = state.requirers > 0 || state.is_triggered;
        match state.queue {
            _ if state.locked => {}
            Queue::None if is_wanted => {
                state.queue = Queue::Later;
                self.undecided.push_front(name);
            }
            Queue::None => {}
            _ if is_wanted => {}
            _ => self.leave_queue(name),
        }
    }

    /// Returns the name to decide next by the rules of version 2 (`compare_name_dequeue`). The
    /// first name without alternatives wins. Otherwise these criteria apply, in this order:
    ///
    /// - names with flags,
    /// - names that only their own packages provide,
    /// - names with the longest chain,
    /// - required names before those that only an `install_if` triggers.
    fn next_undecided_of_two(&mut self) -> Option<NameId> {
        let mut best: Option<NameId> = None;
        for &name in &self.undecided {
            let state = &self.names[name as usize];
            if state.all_requirers_known && state.requirers > 0 && !state.has_options {
                best = Some(name);
                break;
            }
            let rank = |name: NameId| {
                let state = &self.names[name as usize];
                let provided = std::cmp::Reverse(state.provided_by_others);
                (self.flags_set[name as usize], provided, state.chain, state.requirers > 0)
            };
            if best.is_none_or(|best| rank(name) > rank(best)) {
                best = Some(name);
            }
        }
        self.leave_queue(best?);
        best
    }

    pub(super) fn leave_queue(&mut self, name: NameId) {
        if self.rules == Rules::Apk2 {
            if std::mem::take(&mut self.name(name).queue) != Queue::None {
                self.undecided.retain(|&other| other != name);
            }
            return;
        }
        let order = self.name(name).order;
        match std::mem::take(&mut self.name(name).queue) {
            Queue::Selectable => drop(self.selectable.remove(&order)),
            Queue::Later => drop(self.later.remove(&order)),
            // Stale entries of the `now` queue are skipped when they are reached.
            Queue::Now | Queue::None => {}
        }
    }

    /// Returns the name to decide next: first names without alternatives, then the most recently
    /// discovered ones.
    pub(super) fn next_undecided(&mut self) -> Option<NameId> {
        if self.rules == Rules::Apk2 {
            return self.next_undecided_of_two();
        }
        while let Some(name) = self.now.pop_front() {
            if std::mem::take(&mut self.name(name).queue) == Queue::Now {
                return Some(name);
            }
        }
        let (_, name) = self.selectable.pop_last().or_else(|| self.later.pop_last())?;
        self.name(name).queue = Queue::None;
        Some(name)
    }
}
