//! What an operation does to the world, and which names it marks (apk-tools' `app_add.c`, `app_del.c`, `app_upgrade.c`, `app_fix.c`).

use super::SelectionError;
use super::graph::{Graph, NameId, PackageId};
use super::request::{Add, Delete, Fix, Operation, Request, Upgrade};
use super::state::Flags;
use crate::apk::dependency::Constraint;
use crate::finish::glob;
use crate::pool::Op;

/// An operation in the solver's terms.
#[derive(Clone, Debug, Default)]
pub(super) struct Intent {
    pub(super) world: Vec<Constraint>,
    /// Names with the flags of their packages, and those that what these depend on inherits.
    pub(super) name_flags: Vec<(NameId, Flags, Flags)>,
    /// The flags of all that the world asks for.
    pub(super) flags: Flags,
    /// Whether what is installed stays where nothing says otherwise.
    pub(super) keeps_installed: bool,
    /// Whether there is nothing to do at all.
    pub(super) is_empty: bool,
}

pub(super) fn intent(graph: &Graph<'_>, request: &Request) -> Result<Intent, SelectionError> {
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

/// Puts a constraint where one of its name is, or at the end.
fn put(constraints: &mut Vec<Constraint>, constraint: &Constraint) {
    match constraints.iter_mut().find(|known| known.name == constraint.name) {
        Some(known) => known.clone_from(constraint),
        None => constraints.push(constraint.clone()),
    }
}

/// The names that words mean: each its own, or all that match where one of them is a pattern.
fn matching(graph: &Graph<'_>, words: &[String]) -> Result<Vec<NameId>, SelectionError> {
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

impl Intent {
    fn add(&mut self, graph: &Graph<'_>, add: &Add) {
        let flags = Flags::UPGRADE.when(add.upgrade) | Flags::LATEST.when(add.latest);
        for constraint in &add.constraints {
            put(&mut self.world, constraint);
            self.name_flags.extend(graph.find_name(&constraint.name).map(|name| (name, flags, flags)));
        }
    }

    fn delete(&mut self, graph: &Graph<'_>, delete: &Delete) -> Result<(), SelectionError> {
        let mut gone: Vec<PackageId> = Vec::new();
        for name in matching(graph, &delete.names)? {
            let Some(package) = graph.installed_of(name) else {
                self.leave(graph.names[name as usize]);
                continue;
            };
            let mut going = vec![package];
            while let Some(package) = going.pop() {
                let node = graph.node(package);
                self.leave(graph.names[node.name as usize]);
                self.name_flags.push((node.name, Flags::REMOVE, Flags::default()));
                gone.push(package);
                if delete.recursive {
                    for provide in &node.provides {
                        self.leave(graph.names[provide.0 as usize]);
                    }
                    going.extend(graph.installed.iter().copied().filter(|&other| {
                        let depends = &graph.node(other).depends;
                        !gone.contains(&other) && depends.iter().any(|dep| graph.analyze(Some(other), dep, package) == Some(true))
                    }));
                }
            }
        }
        Ok(())
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

    /// Only what must be new before the rest is upgraded: the package manager and what else is named.
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
