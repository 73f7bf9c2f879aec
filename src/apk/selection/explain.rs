//! The explanation of an unsatisfiable request (commit.c of apk-tools, `apk_solver_print_errors`).

use super::changes::Step;
use super::display_order;
use super::graph::{Dep, NameId, PackageId};
use super::refusal::{Broken, EXCLUDED, NO_NETWORK, Problem, Requirer, Unsatisfiable};
use super::state::{Solver, WorldDep};
use crate::apk::version;
use crate::pool::Op;

/// Flags for how the chosen packages provide a name.
const PRESENT: u8 = 1;
const VIRTUAL_ONLY: u8 = 2;
const BY_ITSELF: u8 = 4;
const TOLD: u8 = 8;

/// The maximum number of similar names to suggest.
const NEAREST: usize = 3;

struct Explainer<'s, 'g, 'a> {
    solver: &'s Solver<'g, 'a>,
    world: &'s [WorldDep<'s>],
    marked: Vec<bool>,
    names: Vec<u8>,
    problems: Vec<Problem>,
}

pub(super) fn explain(solver: &Solver<'_, '_>, world: &[WorldDep<'_>], steps: &[Step]) -> Unsatisfiable {
    let mut marked = vec![false; solver.packages.len()];
    for new in steps.iter().filter_map(|step| step.new) {
        marked[new as usize] = true;
    }
    let names = vec![0; solver.names.len()];
    let mut explainer = Explainer { solver, world, marked, names, problems: Vec::new() };
    explainer.find_names();
    let wanted: Vec<Dep<'_>> = world.iter().map(|wanted| wanted.dep).collect();
    explainer.missing_names(&wanted);
    for new in steps.iter().filter_map(|step| step.new) {
        explainer.package(new);
        let depends = solver.graph.node(new).depends.clone();
        explainer.missing_names(&depends);
    }
    Unsatisfiable { problems: explainer.problems }
}

impl Explainer<'_, '_, '_> {
    /// Marks the names of the chosen packages that are reachable from the world.
    fn find_names(&mut self) {
        let mut packages = vec![0_u8; self.solver.packages.len()];
        let asked = self.world.iter().filter(|wanted| !wanted.dep.is_conflict());
        let mut found: Vec<(NameId, u8)> = asked.map(|wanted| (wanted.dep.name, PRESENT)).collect();
        while let Some((name, how)) = found.pop() {
            for provider in self.solver.graph.providers(name) {
                let node = self.solver.graph.node(provider.package);
                let has_versions =
                    node.name == name || node.provides.iter().any(|&(other, version)| other == name && !version.is_empty());
                let how = if how != VIRTUAL_ONLY && node.priority == 0 && !has_versions { VIRTUAL_ONLY } else { how };
                let state = &mut packages[provider.package as usize];
                if !self.marked[provider.package as usize] || *state & how != 0 {
                    continue;
                }
                *state |= how;
                self.names[node.name as usize] |= how;
                for &(provided, version) in &node.provides {
                    let is_weak = how == BY_ITSELF && version.is_empty();
                    self.names[provided as usize] |= if is_weak { VIRTUAL_ONLY } else { how };
                }
                found.extend(node.depends.iter().filter(|dep| !dep.is_conflict()).map(|dep| (dep.name, PRESENT)));
                if how != VIRTUAL_ONLY {
                    let names = std::iter::once(node.name).chain(node.provides.iter().map(|provide| provide.0));
                    for conditional in names.flat_map(|name| self.solver.graph.reverse_install_if(name)) {
                        found.extend(self.come_by_themselves(*conditional));
                    }
                }
            }
        }
    }

    fn come_by_themselves(&self, name: NameId) -> Vec<(NameId, u8)> {
        let mut found = Vec::new();
        for provider in self.solver.graph.providers(name) {
            let node = self.solver.graph.node(provider.package);
            let is_there = |dep: &Dep<'_>| self.names[dep.name as usize] & (PRESENT | BY_ITSELF) != 0;
            if self.marked[provider.package as usize]
                && !node.install_if.is_empty()
                && node.install_if.iter().all(|dep| dep.is_conflict() != is_there(dep))
            {
                found.push((node.name, BY_ITSELF));
                found.extend(node.provides.iter().map(|provide| (provide.0, BY_ITSELF)));
            }
        }
        found
    }

    fn missing_names(&mut self, deps: &[Dep<'_>]) {
        for dep in deps.iter().filter(|dep| !dep.is_conflict()) {
            let state = &mut self.names[dep.name as usize];
            if *state & (BY_ITSELF | PRESENT | TOLD) == 0 {
                *state |= TOLD;
                let problem = self.missing(dep.name);
                self.problems.push(problem);
            }
        }
    }

    fn missing(&self, name: NameId) -> Problem {
        let graph = &self.solver.graph;
        let text = graph.names[name as usize].to_owned();
        let mut required_by = self.world_requirers(|wanted| wanted.dep.name == name && !wanted.dep.is_conflict());
        let dependants = self.solver.reverse_depends.get(name as usize).map(Vec::as_slice).unwrap_or_default();
        let mut told = Vec::new();
        for provider in dependants.iter().flat_map(|&dependant| graph.providers(dependant)) {
            let dep = graph.node(provider.package).depends.iter().find(|dep| dep.name == name && !dep.is_conflict());
            if let Some(dep) = dep.filter(|_| self.marked[provider.package as usize] && !told.contains(&provider.package)) {
                told.push(provider.package);
                required_by.push(self.requirer(provider.package, dep));
            }
        }
        let providers = graph.providers(name);
        if providers.is_empty() {
            return Problem::Missing { nearest: self.nearest(&text), name: text, required_by };
        }
        let mut provided_by: Vec<String> = Vec::new();
        for provider in providers {
            let own = graph.node(provider.package).name;
            let has_all = graph.providers(own).iter().all(|other| providers.iter().any(|p| p.package == other.package));
            let text = if has_all { graph.names[own as usize].to_owned() } else { graph.id_text(provider.package) };
            if !provided_by.contains(&text) {
                provided_by.push(text);
            }
        }
        Problem::Ambiguous { name: text, provided_by, required_by }
    }

    /// Returns provided names that are spelled similarly.
    fn nearest(&self, text: &str) -> Vec<String> {
        let graph = &self.solver.graph;
        let limit = (text.len() / 3).clamp(1, 3);
        let mut found: Vec<(usize, &str)> = (0..graph.names.len() as NameId)
            .filter(|&name| !graph.providers(name).is_empty())
            .map(|name| graph.names[name as usize])
            .filter(|name| name.len().abs_diff(text.len()) <= limit)
            .map(|name| (strsim::damerau_levenshtein(text, name), name))
            .filter(|&(edits, _)| edits <= limit)
            .collect();
        found.sort_unstable();
        found.into_iter().take(NEAREST).map(|(_, name)| name.to_owned()).collect()
    }

    fn requirer(&self, package: PackageId, dep: &Dep<'_>) -> Requirer {
        Requirer { package: Some(self.solver.graph.id_text(package)), constraint: self.text(dep) }
    }

    fn text(&self, dep: &Dep<'_>) -> String {
        let name = self.solver.graph.names[dep.name as usize];
        let not = if dep.is_conflict() { "!" } else { "" };
        format!("{not}{name}{}{}", dep.op.text(), dep.version)
    }

    fn world_requirers(&self, filter: impl Fn(&WorldDep<'_>) -> bool) -> Vec<Requirer> {
        let wanted = self.world.iter().filter(|wanted| filter(wanted));
        let text = |wanted: &WorldDep<'_>| {
            let tag = self.solver.graph.tags[wanted.tag as usize].0;
            let tag = if tag.is_empty() { String::new() } else { format!("@{tag}") };
            self.text(&wanted.dep) + &tag
        };
        wanted.map(|wanted| Requirer { package: None, constraint: text(wanted) }).collect()
    }

    fn package(&mut self, package: PackageId) {
        let graph = &self.solver.graph;
        let node = graph.node(package);
        let solvable = graph.pool.solvable(node.facts);
        let is_broken = |dep: &&Dep<'_>| dep.op.contains(Op::INVALID);
        let broken: Vec<Broken> = node.depends.iter().filter(is_broken).map(|dep| Broken { text: self.text(dep) }).collect();
        let foreign_arch = (node.uninstallable && solvable.arch_rank().is_none()).then(|| solvable.arch().to_owned());
        let masked_in = self.masked(package);
        let conflicts = self.conflicts(package);
        let breaks = self.requirers(package, false);
        let is_wrong = node.uninstallable || !masked_in.is_empty() || !conflicts.is_empty() || !breaks.is_empty();
        if !is_wrong {
            return;
        }
        let satisfies = self.requirers(package, true);
        let (id, solvable) = (graph.id_text(package), node.source.unwrap_or(node.facts));
        self.problems.push(Problem::Package { id, solvable, foreign_arch, broken, masked_in, conflicts, breaks, satisfies });
    }

    fn masked(&self, package: PackageId) -> Vec<String> {
        let graph = &self.solver.graph;
        let node = graph.node(package);
        if node.installed.is_some() {
            return Vec::new();
        }
        if node.is_hidden {
            return vec![EXCLUDED.to_owned()];
        }
        if !graph.is_available(package) && !node.is_cached {
            return vec![NO_NETWORK.to_owned()];
        }
        if node.repos == 0 || node.repos & graph.allowed(self.solver.packages[package as usize].allowed) != 0 {
            return Vec::new();
        }
        let tags = graph.tags.iter().filter(|tag| node.repos & tag.1 != 0);
        tags.map(|tag| format!("@{}", tag.0)).collect()
    }

    fn conflicts(&self, package: PackageId) -> Vec<String> {
        let graph = &self.solver.graph;
        let node = graph.node(package);
        let mut found = Vec::new();
        for other in graph.providers(node.name).iter().filter(|other| self.marked[other.package as usize]) {
            if other.package != package {
                found.push(graph.id_text(other.package));
            }
        }
        for &(name, version) in &node.provides {
            let mut is_first = true;
            for other in graph.providers(name).iter().filter(|other| self.marked[other.package as usize]) {
                let is_itself = other.package == package && other.version == version;
                if (version.is_empty() && other.is_virtual()) || (is_itself && std::mem::replace(&mut is_first, false)) {
                    continue;
                }
                let op = if version.is_empty() { Op::ANY } else { Op::EQUAL };
                found.push(format!("{}[{}]", graph.id_text(other.package), self.text(&Dep { name, op, version })));
            }
        }
        found
    }

    /// Returns the origins of constraints that a package satisfies (`met`) or violates: first the
    /// world, then the chosen packages in order of their names.
    fn requirers(&self, package: PackageId, met: bool) -> Vec<Requirer> {
        let graph = &self.solver.graph;
        let node = graph.node(package);
        let mut found = self.world_requirers(|wanted| graph.analyze(None, &wanted.dep, package) == Some(met));
        let mut others: Vec<PackageId> = Vec::new();
        for name in std::iter::once(node.name).chain(node.provides.iter().map(|provide| provide.0)) {
            let dependants = self.solver.reverse_depends.get(name as usize).map(Vec::as_slice).unwrap_or_default();
            for provider in dependants.iter().flat_map(|&dependant| graph.providers(dependant)) {
                if self.marked[provider.package as usize] && !others.contains(&provider.package) {
                    others.push(provider.package);
                }
            }
        }
        others.sort_by(|&a, &b| {
            let (a, b) = (graph.node(a), graph.node(b));
            display_order(graph.names[a.name as usize], graph.names[b.name as usize])
                .then_with(|| version::compare(a.version, b.version))
        });
        for other in others {
            let deps = graph.node(other).depends.iter();
            let deps = deps.filter(|dep| graph.analyze(Some(other), dep, package) == Some(met));
            found.extend(deps.map(|dep| self.requirer(other, dep)));
        }
        found
    }
}
