//! The effect of an operation on the world and on the flags of names (`app_add.c`, `app_del.c`,
//! `app_upgrade.c`, `app_fix.c` of apk-tools).

use super::SelectionError;
use super::graph::{Graph, NameId, PackageId};
use super::request::{Add, Delete, Fix, Operation, Request, Rules, Upgrade};
use super::state::Flags;
use crate::apk::dependency::Constraint;
use crate::finish::glob;
use crate::pool::Op;

/// An operation in the solver's terms.
#[derive(Clone, Debug, Default)]
pub(super) struct Intent {
    pub(super) world: Vec<Constraint>,
    /// Names with the flags of their packages, and with the flags that the dependencies inherit.
    pub(super) name_flags: Vec<(NameId, Flags, Flags)>,
    /// The flags of everything that the world requires.
    pub(super) flags: Flags,
    /// True if installed packages stay unless a constraint requires a change.
    pub(super) keeps_installed: bool,
    /// True if there is nothing to do.
    pub(super) is_empty: bool,
}

pub(super) fn intent(graph: &mut Graph<'_>, request: &Request) -> Result<Intent, SelectionError> {
    let mut intent = Intent { world: request.world.clone(), ..Intent::default() };
    match &request.operation {
        Operation::Nothing => {}
        Operation::Add(add) => intent.add(graph, add),
        Operation::Delete(delete) => intent.delete(graph, delete)?,
        Operation::Upgrade(upgrade) if upgrade.preupgrade_only => intent.preupgrade(graph, upgrade),
        Operation::Upgrade(upgrade) => intent.upgrade(graph, upgrade)?,
        Operation::Fix(fix) => intent.fix(graph, fix)?,
    }
    Ok(intent)
}

/// Replaces the constraint on the same name, or appends the new one.
fn put(constraints: &mut Vec<Constraint>, constraint: &Constraint) {
    match constraints.iter_mut().find(|known| known.name == constraint.name) {
        Some(known) => known.clone_from(constraint),
        None => constraints.push(constraint.clone()),
    }
}

/// Returns the names that words denote. If any word contains `*`, all words are patterns.
pub(super) fn matching(graph: &Graph<'_>, words: &[String]) -> Result<Vec<NameId>, SelectionError> {
    if words.iter().any(|word| word.contains('*')) {
        let patterns: Vec<String> = words.iter().map(|word| word.to_ascii_lowercase()).collect();
        let names = (0..graph.names.len() as NameId).filter(|&name| {
            let text = graph.names[name as usize].to_ascii_lowercase();
            patterns.iter().any(|pattern| glob::matches(pattern.as_bytes(), text.as_bytes()))
        });
        return Ok(names.collect());
    }
    let mut names = Vec::with_capacity(words.len());
    let mut unknown = Vec::new();
    for word in words {
        match graph.find_name(word) {
            Some(name) => names.push(name),
            None => unknown.push(word.clone()),
        }
    }
    if unknown.is_empty() { Ok(names) } else { Err(SelectionError::NoSuchPackage { names: unknown }) }
}

/// Returns the names whose packages may depend on `package`, each paired with `package`, in reverse
/// order.
fn dependants(graph: &Graph<'_>, reverse: &[Vec<NameId>], package: PackageId) -> Vec<(NameId, PackageId)> {
    let node = graph.node(package);
    let names = std::iter::once(node.name).chain(node.provides.iter().map(|provide| provide.0));
    let found = names.filter_map(|name| reverse.get(name as usize)).flatten();
    let mut found: Vec<(NameId, PackageId)> = found.map(|&dependant| (dependant, package)).collect();
    found.reverse();
    found
}

impl Intent {
    fn add(&mut self, graph: &Graph<'_>, add: &Add) {
        let flags = Flags::UPGRADE.when(add.upgrade) | Flags::LATEST.when(add.latest);
        for constraint in &add.constraints {
            put(&mut self.world, constraint);
            self.name_flags.extend(graph.find_name(&constraint.name).map(|name| (name, flags, flags)));
        }
    }

    fn delete(&mut self, graph: &mut Graph<'_>, delete: &Delete) -> Result<(), SelectionError> {
        let reverse = if delete.recursive { graph.reverse_depends(|_| false) } else { Vec::new() };
        let graph = &*graph;
        let mut visited = vec![false; graph.packages.len()];
        for name in matching(graph, &delete.names)? {
            let Some(package) = graph.installed_of(name) else {
                self.leave(graph.names[name as usize]);
                continue;
            };
            self.delete_package(graph, package, delete.recursive);
            // For each removed package, the names whose packages may depend on it. The last entry
            // is next.
            let mut pending = dependants(graph, &reverse, package);
            while let Some((name, on)) = pending.pop() {
                for provider in graph.providers(name) {
                    let other = provider.package;
                    // A package is visited only once (`apk_pkg_foreach_reverse_dependency`).
                    if graph.node(other).installed.is_none() || std::mem::replace(&mut visited[other as usize], true) {
                        continue;
                    }
                    let depends = &graph.node(other).depends;
                    if depends.iter().any(|dep| graph.analyze(Some(other), dep, on) == Some(true)) {
                        self.delete_package(graph, other, true);
                        pending.push((name, on));
                        pending.extend(dependants(graph, &reverse, other));
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    /// Removes the constraints on a package's name from the world. With `provided`, also those on
    /// its provided names.
    fn delete_package(&mut self, graph: &Graph<'_>, package: PackageId, provided: bool) {
        let node = graph.node(package);
        self.leave(graph.names[node.name as usize]);
        for provide in node.provides.iter().filter(|_| provided) {
            self.leave(graph.names[provide.0 as usize]);
        }
        if graph.rules == Rules::Apk3 {
            self.name_flags.push((node.name, Flags::REMOVE, Flags::default()));
        }
    }

    fn leave(&mut self, name: &str) {
        self.world.retain(|constraint| constraint.name != name);
    }

    fn upgrade(&mut self, graph: &Graph<'_>, upgrade: &Upgrade) -> Result<(), SelectionError> {
        self.flags = upgrade_flags(upgrade);
        if upgrade.available {
            for constraint in self.world.iter_mut().filter(|constraint| constraint.is_checksum()) {
                (constraint.op, constraint.version) = (Op::ANY, String::new());
            }
        }
        if upgrade.prune {
            self.world.retain(|constraint| {
                let name = graph.find_name(&constraint.name);
                let is_there =
                    |name| graph.providers(name).iter().any(|provider| graph.node(provider.package).repos & graph.available != 0);
                name.is_some_and(is_there)
            });
        }
        if !upgrade.names.is_empty() {
            if !upgrade.ignore {
                self.flags = self.flags.without(Flags::UPGRADE);
            }
            let flags = if upgrade.ignore { Flags::INSTALLED } else { Flags::UPGRADE };
            self.name_flags = matching(graph, &upgrade.names)?.into_iter().map(|name| (name, flags, Flags::default())).collect();
        }
        Ok(())
    }

    /// Upgrades only the packages that must be current before all others: the package manager and
    /// those that the request names.
    fn preupgrade(&mut self, graph: &Graph<'_>, upgrade: &Upgrade) {
        let mut first: Vec<Constraint> = upgrade.package_manager.iter().map(|name| Constraint::any(name)).collect();
        for constraint in &upgrade.preupgrade_depends {
            put(&mut first, constraint);
        }
        for constraint in &first {
            let Some(name) = graph.find_name(&constraint.name) else { continue };
            let Some(package) = graph.installed_of(name) else { continue };
            let installed = graph.node(package).version;
            let op = if constraint.conflict { constraint.op | Op::NOT } else { constraint.op };
            let dep = super::graph::Dep { name, op, version: &constraint.version };
            if graph.analyze(None, &dep, package) != Some(true) {
                continue;
            }
            let is_newer = |version| crate::apk::version::compare(version, installed).is_gt();
            let newer = graph.providers(name).iter().map(|provider| graph.node(provider.package));
            if newer.into_iter().any(|node| node.repos != 0 && is_newer(node.version)) {
                self.name_flags.push((name, upgrade_flags(upgrade), Flags::default()));
            }
        }
        self.keeps_installed = true;
        self.is_empty = self.name_flags.is_empty();
    }

    fn fix(&mut self, graph: &Graph<'_>, fix: &Fix) -> Result<(), SelectionError> {
        let mut flags = Flags::REINSTALL.when(fix.reinstall) | Flags::UPGRADE.when(fix.upgrade);
        if flags == Flags::default() {
            flags = Flags::REINSTALL;
        }
        let inheritable = flags.when(fix.depends);
        let names = if fix.names.is_empty() {
            fix.broken.iter().filter_map(|name| graph.find_name(name)).collect()
        } else {
            matching(graph, &fix.names)?
        };
        self.name_flags = names.into_iter().map(|name| (name, flags, inheritable)).collect();
        Ok(())
    }
}

fn upgrade_flags(upgrade: &Upgrade) -> Flags {
    Flags::UPGRADE | Flags::AVAILABLE.when(upgrade.available) | Flags::LATEST.when(upgrade.latest)
}
