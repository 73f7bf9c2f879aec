//! Propagation: the effect of a constraint on the packages that it matches, and the consequences
//! for their dependants.

use super::graph::{Dep, NameId, PackageId, Provider};
use super::request::Rules;
use super::state::Solver;

impl<'a> Solver<'_, 'a> {
    fn recheck_dependants(&mut self, name: NameId) {
        for place in 0..self.reverse_depends[name as usize].len() {
            let dependant = self.reverse_depends[name as usize][place];
            if self.name(dependant).seen {
                self.name(dependant).check_depends = true;
                self.queue_dirty(dependant);
            }
        }
    }

    pub(super) fn recheck_conditions(&mut self, name: NameId) {
        for place in 0..self.graph.reverse_install_if(name).len() {
            let conditional = self.graph.reverse_install_if(name)[place];
            let state = self.name(conditional);
            if state.seen && !state.never_triggered {
                state.check_install_if = true;
                self.queue_dirty(conditional);
            }
        }
    }

    pub(super) fn recheck_conditions_of(&mut self, package: PackageId) {
        self.recheck_conditions(self.graph.node(package).name);
        for place in 0..self.graph.node(package).provides.len() {
            self.recheck_conditions(self.graph.node(package).provides[place].0);
        }
    }

    /// Excludes a package from the choice.
    pub(super) fn disqualify(&mut self, package: PackageId) {
        self.package(package).selectable = false;
        self.recheck_dependants(self.graph.node(package).name);
        for place in 0..self.graph.node(package).provides.len() {
            self.recheck_dependants(self.graph.node(package).provides[place].0);
        }
        self.recheck_conditions_of(package);
    }

    pub(super) fn recheck_all(&mut self, name: NameId) {
        self.recheck_dependants(name);
    }

    fn is_satisfiable(&self, by: PackageId, dep: &Dep<'_>) -> bool {
        let state = &self.names[dep.name as usize];
        if state.locked {
            return self.graph.is_provided(Some(by), dep, state.chosen);
        }
        if state.requirers == 0 && dep.is_conflict() {
            return true;
        }
        let fits = |provider: &Provider<'_>| {
            self.packages[provider.package as usize].selectable && self.graph.is_provided(Some(by), dep, Some(*provider))
        };
        self.graph.providers(dep.name).iter().any(fits)
    }

    fn requirers_changed(&mut self, name: NameId) {
        self.queue_undecided(name, false);
        self.recheck_conditions(name);
        self.queue_dirty(name);
    }

    /// Passes flags and tags from a requirer (`None`: the world) to a package that may satisfy it.
    fn inherit(&mut self, package: PackageId, from: Option<PackageId>) {
        let repos = self.graph.repos_of(package);
        if let Some(from) = from {
            let (inheritable, allowed) = (self.packages[from as usize].inheritable, self.packages[from as usize].allowed);
            let state = self.package(package);
            state.flags |= inheritable;
            state.inheritable |= inheritable;
            state.allowed |= allowed;
        } else {
            let (inherited, pinned) = (self.inherited, self.pinned);
            let preferred = repos & self.graph.allowed(pinned) != 0;
            let state = self.package(package);
            state.flags |= inherited;
            state.inheritable |= inherited;
            state.allowed |= pinned;
            state.tag_preferred = preferred;
        }
        let allowed = self.packages[package as usize].allowed;
        let is_allowed = repos & self.graph.allowed(allowed) != 0;
        self.package(package).tag_ok |= is_allowed;
    }

    /// Applies a constraint of `by` (`None`: the world).
    pub(super) fn apply(&mut self, by: Option<PackageId>, dep: Dep<'_>) {
        if !dep.is_conflict() {
            let state = self.name(dep.name);
            state.requirers += 1;
            if state.requirers == 1 {
                self.requirers_changed(dep.name);
            }
        }
        for place in 0..self.graph.providers(dep.name).len() {
            let provider = self.graph.providers(dep.name)[place];
            if self.graph.is_provided(by, &dep, Some(provider)) {
                self.without(provider.package);
                self.inherit(provider.package, by);
            } else {
                self.package(provider.package).conflicts += 1;
                self.without(provider.package);
            }
        }
    }

    /// Disqualifies a package that violates a constraint.
    fn without(&mut self, package: PackageId) {
        let state = self.package(package);
        if state.selectable && state.conflicts > 0 {
            self.disqualify(package);
        }
    }

    /// Disqualifies packages that provide `name` but not `must`. All options of `must` provide
    /// `name`, so such a package would conflict with the chosen one.
    fn exclude_non_providers(&mut self, name: NameId, must: NameId, skip_virtual: bool) {
        if name == must {
            return;
        }
        for place in 0..self.graph.providers(name).len() {
            let provider = self.graph.providers(name)[place];
            let node = self.graph.node(provider.package);
            let stays = node.name == must
                || !self.packages[provider.package as usize].selectable
                || (skip_virtual && provider.is_virtual())
                || node.provides.iter().any(|&(provided, version)| provided == must || (skip_virtual && version.is_empty()));
            if !stays {
                self.disqualify(provider.package);
            }
        }
    }

    /// Evaluates the `install_if` of a package. Returns `None` if part of it is undecided.
    fn condition_holds(&mut self, package: PackageId) -> Option<bool> {
        for place in 0..self.graph.node(package).install_if.len() {
            let dep = self.graph.node(package).install_if[place];
            let state = &self.names[dep.name as usize];
            if !state.locked {
                if dep.is_conflict() && self.rules == Rules::Apk3 {
                    self.name(dep.name).is_awaited = true;
                    self.queue_undecided(dep.name, false);
                }
                return None;
            }
            if !self.graph.is_provided(Some(package), &dep, state.chosen) {
                return Some(false);
            }
        }
        Some(true)
    }

    /// Computes the options of a name again, and passes on the requirements that all of them share.
    pub(super) fn reconsider(&mut self, name: NameId) {
        let check_depends = std::mem::take(&mut self.name(name).check_depends);
        let check_install_if = std::mem::take(&mut self.name(name).check_install_if);
        let (mut options, mut not_ok) = (0_u32, 0_u32);
        let (mut is_triggered, mut never_triggered, mut auto_selectable) = (false, true, false);
        let mut first = None;
        for place in 0..self.graph.providers(name).len() {
            let provider = self.graph.providers(name)[place];
            let package = provider.package;
            self.package(package).merged = false;
            if check_depends {
                if !self.package(package).selectable {
                    continue;
                }
                let depends = &self.graph.node(package).depends;
                if depends.iter().any(|dep| !self.is_satisfiable(package, dep)) {
                    self.disqualify(package);
                }
            }
            if !self.package(package).selectable {
                continue;
            }
            if check_install_if {
                self.check_condition(package);
            }
            let state = &self.packages[package as usize];
            is_triggered |= state.triggered;
            never_triggered &= state.trigger_failed;
            auto_selectable |= state.triggered;
            if self.names[name as usize].requirers == 0 {
                continue;
            }
            not_ok += u32::from(!state.tag_ok);
            self.package(package).merged = true;
            first.get_or_insert(package);
            self.merge(provider, options);
            options += 1;
            auto_selectable |= self.is_auto_selectable(provider);
        }
        let state = self.name(name);
        state.has_options = options > 1 || not_ok > 0;
        state.is_triggered = is_triggered;
        state.never_triggered = never_triggered;
        let again = std::mem::replace(&mut state.has_auto_selectable, auto_selectable) != auto_selectable;
        if self.rules == Rules::Apk2 {
            self.queue_undecided(name, again);
        }
        if let Some(first) = first {
            self.pass_down(name, first, options);
        }
        let names = &self.names;
        let is_open = |&&dependant: &&NameId| names[dependant as usize].seen && !names[dependant as usize].locked;
        let known = !self.reverse_depends[name as usize].iter().any(|dependant| is_open(&dependant));
        self.name(name).all_requirers_known = known;
        if self.rules == Rules::Apk3 {
            self.queue_undecided(name, again);
        }
    }

    fn check_condition(&mut self, package: PackageId) {
        let state = self.package(package);
        if !state.triggered && !state.trigger_failed {
            let holds = self.condition_holds(package);
            let state = self.package(package);
            state.triggered = holds == Some(true);
            state.trigger_failed = holds == Some(false);
        }
        if self.package(package).triggered {
            for place in 0..self.graph.node(package).install_if.len() {
                let dep = self.graph.node(package).install_if[place];
                let chosen = self.names[dep.name as usize].chosen.map(|chosen| chosen.package);
                self.inherit(package, chosen);
            }
        }
    }

    /// Counts the dependencies and names that this option shares with all earlier ones. `options`
    /// is the number of earlier options.
    fn merge(&mut self, provider: Provider<'a>, options: u32) {
        let node = self.graph.node(provider.package);
        let count = |counter: &mut u32| *counter == options && std::mem::replace(counter, options + 1) == options;
        for dep in node.depends.iter().filter(|dep| !dep.is_conflict()) {
            count(&mut self.names[dep.name as usize].merged_depends);
        }
        let own = (node.name, provider.version);
        for (provided, version) in std::iter::once(own).chain(node.provides.iter().copied()) {
            let state = &mut self.names[provided as usize];
            if count(&mut state.merged_provides) {
                state.has_virtual_provides |= version.is_empty();
            }
        }
    }

    /// Applies what all options share: dependencies (with versions only if there is one option) and
    /// names.
    fn pass_down(&mut self, name: NameId, first: PackageId, options: u32) {
        for place in 0..self.graph.providers(name).len() {
            let package = self.graph.providers(name)[place].package;
            let state = self.package(package);
            state.used = state.merged;
        }
        for place in 0..self.graph.node(first).depends.len() {
            let dep = self.graph.node(first).depends[place];
            if std::mem::take(&mut self.name(dep.name).merged_depends) != options {
                continue;
            }
            if options == 1 {
                self.apply(Some(first), dep);
            } else if self.name(dep.name).requirers == 0 {
                self.name(dep.name).requirers += 1;
                self.requirers_changed(dep.name);
                for place in 0..self.graph.providers(dep.name).len() {
                    let package = self.graph.providers(dep.name)[place].package;
                    self.inherit(package, Some(first));
                }
            }
        }
        let own = self.graph.node(first).name;
        self.pass_down_name(own, name, options);
        for place in 0..self.graph.node(first).provides.len() {
            let provided = self.graph.node(first).provides[place].0;
            self.pass_down_name(provided, name, options);
        }
        self.name(own).has_virtual_provides = false;
        for place in 0..self.graph.node(first).provides.len() {
            let provided = self.graph.node(first).provides[place].0;
            self.name(provided).has_virtual_provides = false;
        }
    }

    fn pass_down_name(&mut self, provided: NameId, name: NameId, options: u32) {
        if std::mem::take(&mut self.name(provided).merged_provides) == options {
            let skip_virtual = self.name(provided).has_virtual_provides;
            self.exclude_non_providers(provided, name, skip_virtual);
        }
    }

    /// Reports whether a provider may be chosen automatically. It needs a version, a priority, or a
    /// requirer of its package's name.
    pub(super) fn is_auto_selectable(&self, provider: Provider<'_>) -> bool {
        let node = self.graph.node(provider.package);
        !provider.is_virtual() || node.priority > 0 || self.names[node.name as usize].requirers > 0
    }
}
