//! Decisions: the choice among the packages of a name, and its consequences.

use std::cmp::Ordering;

use super::graph::{NameId, Provider};
use super::request::Rules;
use super::state::{Flags, Solver, UNTAGGED, WorldDep};
use crate::apk::version;

impl<'a> Solver<'_, 'a> {
    /// Decides all names that are reachable from the world.
    pub(super) fn decide(&mut self, world: &[WorldDep<'_>], flags: Flags) {
        self.inherited = flags;
        for wanted in world.iter().filter(|wanted| !wanted.broken) {
            self.discover(wanted.dep.name);
        }
        self.index_reverse_depends();
        for wanted in world.iter().filter(|wanted| !wanted.broken) {
            self.pinned = 1 << wanted.tag;
            self.apply(None, wanted.dep);
        }
        (self.inherited, self.pinned) = (Flags::default(), 0);
        loop {
            while let Some(name) = self.next_dirty() {
                self.reconsider(name);
            }
            let Some(name) = self.next_undecided() else { break };
            self.select(name);
        }
    }

    fn select(&mut self, name: NameId) {
        let mut chosen: Option<Provider<'a>> = None;
        let state = self.name(name);
        let requirers = state.requirers;
        if requirers > 0 || state.is_triggered {
            for &provider in self.graph.providers(name) {
                let package = &self.packages[provider.package as usize];
                let may_be = self.rules == Rules::Apk2 || package.selectable;
                let is_due = requirers > 0 || (package.triggered && package.tag_ok && may_be);
                if is_due
                    && self.is_auto_selectable(provider)
                    && chosen.is_none_or(|chosen| self.prefer(provider, chosen).is_gt())
                {
                    chosen = Some(provider);
                }
            }
        }
        let Some(chosen) = chosen else {
            self.assign(name, None);
            if requirers > 0 {
                self.errors += 1;
            }
            return;
        };
        let package = chosen.package;
        let state = self.package(package);
        if !state.selectable || !state.tag_ok {
            self.mark_error(Some(package));
        }
        let node = self.graph.node(package);
        self.assign(node.name, Some(Provider { package, version: node.version }));
        for place in 0..self.graph.node(package).provides.len() {
            let (provided, version) = self.graph.node(package).provides[place];
            self.assign(provided, Some(Provider { package, version }));
        }
        for place in 0..self.graph.node(package).depends.len() {
            let dep = self.graph.node(package).depends[place];
            self.apply(Some(package), dep);
        }
    }

    /// Locks a name to a provider, or to none.
    fn assign(&mut self, name: NameId, provider: Option<Provider<'a>>) {
        let state = &self.names[name as usize];
        let is_virtual = |provider: Option<Provider<'_>>| provider.is_none_or(|provider| provider.is_virtual());
        if state.locked {
            // Several packages may provide a name without a version.
            if !(is_virtual(provider) && is_virtual(state.chosen)) {
                let other = state.chosen.map(|chosen| chosen.package);
                self.mark_error(provider.map(|provider| provider.package));
                self.mark_error(other);
            }
            return;
        }
        self.leave_queue(name);
        let state = self.name(name);
        (state.locked, state.chosen, state.is_dirty) = (true, provider, false);
        let requirers = state.requirers;
        let package = provider.map(|provider| provider.package);
        if let Some(package) = package
            && requirers == 0
            && self.rules == Rules::Apk3
            && self.package(package).triggered
        {
            for place in 0..self.graph.node(package).install_if.len() {
                let dep = self.graph.node(package).install_if[place];
                if !self.name(dep.name).locked {
                    self.apply(Some(package), dep);
                }
            }
        }
        for place in 0..self.graph.providers(name).len() {
            let other = self.graph.providers(name)[place];
            if Some(other.package) != package && !(is_virtual(provider) && other.is_virtual()) {
                self.disqualify(other.package);
            }
        }
        self.recheck_all(name);
        match package {
            Some(package) => self.recheck_conditions_of(package),
            None => self.recheck_conditions(name),
        }
    }

    /// Compares two providers of a name; the greater one is preferred (`compare_providers`).
    fn prefer(&self, one: Provider<'_>, other: Provider<'_>) -> Ordering {
        let (a, b) = (&self.packages[one.package as usize], &self.packages[other.package as usize]);
        let (node, other_node) = (self.graph.node(one.package), self.graph.node(other.package));
        let flags = a.flags | b.flags;
        let installed = || node.installed.is_some().cmp(&other_node.installed.is_some());
        let available = || a.available.cmp(&b.available);
        let is_unpinned = a.allowed == UNTAGGED && b.allowed == UNTAGGED;
        let (same_name, upgrade) = (node.name == other_node.name, Flags::UPGRADE);
        let mut order = Ordering::Equal;
        if flags.any(Flags::LATEST) && is_unpinned {
            order = order.then(a.tag_ok.cmp(&b.tag_ok));
            if flags.any(Flags::AVAILABLE) {
                order = order.then_with(available);
            } else if flags.any(Flags::REINSTALL) {
                order = order.then(a.selectable.cmp(&b.selectable));
            }
        } else {
            order = order.then(a.selectable.cmp(&b.selectable));
            order = order.then(a.used.cmp(&b.used)).then(b.conflicts.cmp(&a.conflicts));
            if (self.keeps_installed && !flags.any(upgrade)) || flags.any(Flags::INSTALLED) {
                order = order.then_with(installed);
            }
            order = order.then(a.tag_ok.cmp(&b.tag_ok));
            if flags.any(Flags::AVAILABLE) {
                order = order.then_with(available);
            }
            order = order.then(a.tag_preferred.cmp(&b.tag_preferred));
            let stays = match self.rules {
                Rules::Apk2 => !flags.any(upgrade),
                Rules::Apk3 => !flags.any(upgrade | Flags::REMOVE) && (same_name || !one.is_virtual() || !other.is_virtual()),
            };
            if stays {
                order = order.then_with(installed);
            }
        }
        // Version 2 skips this comparison if either provider has no version.
        let is_unknown = self.rules == Rules::Apk2 && (one.is_virtual() || other.is_virtual());
        if !is_unknown {
            order = order.then_with(|| version::compare(one.version, other.version));
        }
        if same_name {
            order = order.then_with(|| version::compare(node.version, other_node.version));
        }
        if self.rules == Rules::Apk2 {
            order = order.then_with(installed);
        }
        order = order.then(node.priority.cmp(&other_node.priority));
        if self.rules == Rules::Apk3 && !flags.any(Flags::REMOVE) {
            order = order.then_with(installed);
        }
        // The first repository wins. A package without repository ranks before it.
        let first_repo = |repos: u64| if repos == 0 { 0 } else { repos.trailing_zeros() + 1 };
        order.then(a.selectable.cmp(&b.selectable)).then(first_repo(other_node.repos).cmp(&first_repo(node.repos)))
    }
}
