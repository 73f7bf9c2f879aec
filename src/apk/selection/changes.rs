//! Construction of the change set: the difference between the decisions and the installed packages,
//! in the order in which apk applies it.
//!
//! A package comes after its dependencies. A package is removed before one that conflicts with it
//! is installed. apk uses recursive functions; this module uses an explicit stack of tasks, because
//! chains of dependencies may be long.

use super::graph::{Dep, NameId, PackageId};
use super::request::Rules;
use super::state::{Solver, WorldDep};

/// A package that is installed, removed, kept or replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) old: Option<PackageId>,
    pub(super) new: Option<PackageId>,
}

/// A pending task. The last one in the list is next.
#[derive(Clone, Copy)]
enum Task<'d> {
    Depend(Option<PackageId>, Dep<'d>),
    PassError(Option<PackageId>, PackageId),
    Change(NameId),
    Prepare(NameId),
    Take(NameId),
    Record(Step),
    InstalledBy(NameId),
    RemovedBy(NameId),
    RemovedUnlessRequired(PackageId),
    Remove(PackageId),
    Track(PackageId),
    Untrack(PackageId),
    Unrequire(NameId),
}

impl<'a> Solver<'_, 'a> {
    /// Returns the steps, in order. Marks packages with unsatisfied dependencies.
    pub(super) fn changes(&mut self, world: &[WorldDep<'a>]) -> Vec<Step> {
        for state in &mut self.names {
            (state.installed, state.installed_name, state.requirers) = (None, None, 0);
        }
        let installed = self.graph.installed.clone();
        for &package in &installed {
            let node = self.graph.node(package);
            let name = node.name;
            let versioned = node.provides.iter().filter(|provide| !provide.1.is_empty()).map(|provide| provide.0);
            let state = &mut self.names[name as usize];
            (state.installed, state.installed_name) = (Some(package), Some(name));
            for provided in versioned {
                self.names[provided as usize].installed_name = Some(name);
            }
        }
        let mut tasks: Vec<Task<'a>> = Vec::new();
        tasks.extend(installed.iter().map(|&package| Task::Change(self.graph.node(package).name)));
        tasks.reverse();
        tasks.extend(world.iter().rev().map(|wanted| Task::Depend(None, wanted.dep)));
        tasks.extend(installed.iter().rev().map(|&package| Task::RemovedUnlessRequired(package)));
        tasks.extend(installed.iter().rev().map(|&package| Task::Track(package)));
        let mut steps = Vec::new();
        while let Some(task) = tasks.pop() {
            self.run(task, &mut tasks, &mut steps);
        }
        steps
    }

    fn run(&mut self, task: Task<'a>, tasks: &mut Vec<Task<'a>>, steps: &mut Vec<Step>) {
        let first = tasks.len();
        match task {
            Task::Depend(by, dep) => {
                let chosen = self.name(dep.name).chosen;
                if !self.graph.is_provided(by, &dep, chosen) {
                    self.mark_error(by);
                }
                tasks.push(Task::Change(dep.name));
                tasks.extend(chosen.map(|chosen| Task::PassError(by, chosen.package)));
            }
            Task::PassError(by, package) => {
                if self.package(package).error {
                    self.mark_error(by);
                }
            }
            Task::Change(name) => {
                if !self.name(name).processed {
                    tasks.extend([Task::Prepare(name), Task::Take(name)]);
                }
            }
            Task::Prepare(name) => self.prepare(name, tasks),
            Task::Take(name) => self.take(name, tasks),
            Task::Record(step) => steps.push(step),
            Task::InstalledBy(name) => {
                if self.is_installed_by_itself(name) {
                    tasks.push(Task::Change(name));
                }
            }
            Task::RemovedBy(name) => self.remove_with_condition(name, tasks),
            Task::RemovedUnlessRequired(package) => {
                let state = &self.names[self.graph.node(package).name as usize];
                if state.requirers == 0 && state.chosen.is_none() {
                    tasks.push(Task::Remove(package));
                }
            }
            Task::Remove(package) => self.remove(package, tasks),
            Task::Track(package) => {
                for dep in self.graph.node(package).depends.iter().filter(|dep| !dep.is_conflict()) {
                    if let Some(installed) = self.names[dep.name as usize].installed_name {
                        let state = &mut self.names[installed as usize];
                        state.requirers = state.requirers.wrapping_add(1);
                    }
                }
            }
            Task::Untrack(package) => {
                let depends = self.graph.node(package).depends.iter();
                tasks.extend(depends.filter(|dep| !dep.is_conflict()).map(|dep| Task::Unrequire(dep.name)));
            }
            Task::Unrequire(name) => {
                if let Some(installed) = self.name(name).installed_name {
                    let state = self.name(installed);
                    state.requirers = state.requirers.wrapping_sub(1);
                    if state.requirers == 0 {
                        tasks.extend(self.name(name).installed.map(Task::Remove));
                    }
                }
            }
        }
        // The last task is next, so the new tasks are reversed.
        tasks[first..].reverse();
    }

    /// Marks a name as processed, and removes installed packages that no longer provide it.
    fn prepare(&mut self, name: NameId, tasks: &mut Vec<Task<'a>>) {
        let state = self.name(name);
        if std::mem::replace(&mut state.processed, true) {
            return;
        }
        let (installed, chosen) = (state.installed, state.chosen);
        let is_own = chosen.is_some_and(|chosen| self.graph.node(chosen.package).name == name);
        tasks.extend(installed.filter(|_| !is_own).map(Task::Remove));
        for provider in self.graph.providers(name) {
            let state = &self.names[self.graph.node(provider.package).name as usize];
            if state.installed == Some(provider.package) && state.chosen.is_none() {
                tasks.push(Task::Remove(provider.package));
            }
        }
    }

    fn take(&mut self, name: NameId, tasks: &mut Vec<Task<'a>>) {
        let Some(chosen) = self.name(name).chosen else { return };
        let package = chosen.package;
        if std::mem::replace(&mut self.package(package).in_changes, true) {
            return;
        }
        let node = self.graph.node(package);
        let old = self.names[node.name as usize].installed;
        tasks.push(Task::Prepare(node.name));
        tasks.extend(node.provides.iter().map(|provide| Task::Prepare(provide.0)));
        if let Some(old) = old {
            tasks.extend(self.conditioned_by(old).map(Task::RemovedBy));
        }
        tasks.extend(node.depends.iter().map(|&dep| Task::Depend(Some(package), dep)));
        tasks.push(Task::Record(Step { old, new: Some(package) }));
        tasks.extend(self.conditioned_by(package).map(Task::InstalledBy));
        tasks.push(Task::Track(package));
        tasks.extend(old.map(Task::Untrack));
    }

    /// Returns the names of packages that have this one in their `install_if`.
    fn conditioned_by(&self, package: PackageId) -> impl Iterator<Item = NameId> + '_ {
        let node = self.graph.node(package);
        let names = std::iter::once(node.name).chain(node.provides.iter().map(|provide| provide.0));
        names.flat_map(|name| self.graph.reverse_install_if(name).iter().copied())
    }

    fn is_installed_by_itself(&self, name: NameId) -> bool {
        let state = &self.names[name as usize];
        let Some(chosen) = state.chosen.filter(|_| state.seen && !state.processed) else { return false };
        self.graph.node(chosen.package).install_if.iter().all(|dep| {
            let state = &self.names[dep.name as usize];
            ((dep.is_conflict() && self.rules == Rules::Apk3) || state.processed)
                && self.graph.is_provided(Some(chosen.package), dep, state.chosen)
        })
    }

    /// Removes a package that was installed by its `install_if`, as soon as one of the conditions
    /// is gone.
    fn remove_with_condition(&self, name: NameId, tasks: &mut Vec<Task<'a>>) {
        let state = &self.names[name as usize];
        let Some(package) = state.installed.filter(|_| state.chosen.is_none() && !state.processed && !state.removed) else {
            return;
        };
        let is_gone = |dep: &Dep<'_>| {
            let state = &self.names[dep.name as usize];
            (state.removed || (self.rules == Rules::Apk2 && state.processed)) && state.chosen.is_none()
        };
        if self.graph.node(package).install_if.iter().any(is_gone) {
            tasks.push(Task::RemovedUnlessRequired(package));
        }
    }

    fn remove(&mut self, package: PackageId, tasks: &mut Vec<Task<'a>>) {
        let name = self.graph.node(package).name;
        let chosen = self.name(name).chosen;
        let stays = chosen.is_some_and(|chosen| self.graph.node(chosen.package).name == name);
        if self.package(package).in_changes || stays {
            return;
        }
        // In version 2 a removed name counts as processed.
        let is_two = self.rules == Rules::Apk2;
        let state = self.name(name);
        state.removed = true;
        state.processed |= is_two;
        self.package(package).in_changes = true;
        tasks.extend(self.installed_dependants(package).into_iter().map(Task::Remove));
        tasks.extend(self.conditioned_by(package).map(Task::RemovedBy));
        tasks.push(Task::Record(Step { old: Some(package), new: None }));
        tasks.push(Task::Untrack(package));
    }

    /// Returns the installed packages with a dependency that this package satisfies.
    pub(super) fn installed_dependants(&self, package: PackageId) -> Vec<PackageId> {
        let node = self.graph.node(package);
        let names = std::iter::once(node.name).chain(node.provides.iter().map(|provide| provide.0));
        let mut found = Vec::new();
        for &dependant in names.flat_map(|name| &self.reverse_depends[name as usize]) {
            for provider in self.graph.providers(dependant) {
                let other = self.graph.node(provider.package);
                let is_good = |dep: &Dep<'_>| self.graph.analyze(Some(provider.package), dep, package) == Some(true);
                if other.installed.is_some() && other.depends.iter().any(is_good) && !found.contains(&provider.package) {
                    found.push(provider.package);
                }
            }
        }
        found
    }
}
