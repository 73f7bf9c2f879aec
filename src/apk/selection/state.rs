//! What the solver knows of each name and package, and the names that wait for it.

use std::collections::{BTreeMap, VecDeque};

use super::graph::{Dep, Graph, NameId, PackageId, Provider};
use super::operation::Intent;
use super::request::Rules;

/// How a package is to be chosen; sets of these are inherited by what it depends on.
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

/// Which queue of the undecided a name waits in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Queue {
    #[default]
    None,
    /// There is one way only, and all who ask are known.
    Now,
    /// Some provider may be taken without being named.
    Selectable,
    /// The rest.
    Later,
}

/// What is known of a name.
#[derive(Clone, Debug, Default)]
pub(super) struct NameState<'a> {
    pub(super) seen: bool,
    pub(super) locked: bool,
    pub(super) chosen: Option<Provider<'a>>,
    pub(super) requirers: u32,
    /// Whether a package of it is due by its `install_if`, and whether none can be any more.
    pub(super) is_triggered: bool,
    pub(super) never_triggered: bool,
    /// Whether an `install_if` waits for the name to be decided.
    pub(super) is_awaited: bool,
    pub(super) has_options: bool,
    pub(super) has_auto_selectable: bool,
    pub(super) all_requirers_known: bool,
    pub(super) check_depends: bool,
    pub(super) check_install_if: bool,
    pub(super) has_virtual_provides: bool,
    pub(super) merged_depends: u32,
    pub(super) merged_provides: u32,
    /// Its place in the order of decisions.
    pub(super) order: u32,
    /// For version 2: how long the chains of dependencies are that it leads to.
    pub(super) chain: u16,
    /// For version 2: whether other packages provide it than those that have it: nought, one, or two where no package has it.
    pub(super) provided_by_others: u8,
    pub(super) queue: Queue,
    pub(super) is_dirty: bool,
    // Of the change set.
    pub(super) processed: bool,
    pub(super) removed: bool,
    pub(super) installed: Option<PackageId>,
    pub(super) installed_name: Option<NameId>,
}

/// What is known of a package.
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
    /// The tags that it may be taken by.
    pub(super) allowed: u64,
    pub(super) error: bool,
    pub(super) in_changes: bool,
    pub(super) chain: u16,
}

/// A constraint of the world, with the name's and tag's places.
#[derive(Clone, Debug)]
pub(super) struct WorldDep<'w> {
    pub(super) dep: Dep<'w>,
    pub(super) tag: u8,
    /// Passed over, since it cannot be had.
    pub(super) broken: bool,
}

/// The solver: apk-tools' solver.c, as a state and its queues.
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
    /// Whether what is installed stays where nothing says otherwise.
    pub(super) keeps_installed: bool,
    pub(super) last_order: u32,
    pub(super) dirty: VecDeque<NameId>,
    now: VecDeque<NameId>,
    selectable: BTreeMap<u32, NameId>,
    later: BTreeMap<u32, NameId>,
    /// The one queue of version 2; what came last is first.
    undecided: VecDeque<NameId>,
}

/// Only what needs no tag.
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

    /// Forgets all but which names flags were given to, as apk does before it tries again without what is broken.
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

    /// A name is looked at again once what is known of it has changed.
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

    /// Puts a name among those that wait for a decision; again, where what decides about its queue has changed.
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

    /// The name to decide about next by version 2: the first that is clear; or else what was marked, what has packages of its own alone
    /// before what others provide too, what leads furthest, what is required before what would come by itself (`compare_name_dequeue`).
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
            // Stale entries of the other queue are passed over.
            Queue::Now | Queue::None => {}
        }
    }

    /// The name to decide about next: what is clear first, then by the order of discovery, the last first.
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
