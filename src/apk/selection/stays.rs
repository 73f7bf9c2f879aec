//! Why packages that are to be removed stay (apk-tools' `app_del.c`, `print_not_deleted_name`).

use super::change_set::Warning;
use super::graph::{Dep, Graph, PackageId};
use super::operation::matching;
use super::request::Delete;
use super::state::{Solver, WorldDep};
use crate::apk::dependency::Constraint;

/// Returns a warning for each removed name of which a package stays, or of which no package was
/// installed. `world` is the world after the change, `before` the world before it.
pub(super) fn warnings(solver: &Solver<'_, '_>, world: &[WorldDep<'_>], before: &[Constraint], delete: &Delete) -> Vec<Warning> {
    let graph = &*solver.graph;
    // What the operation did with unknown names was refused before.
    let Ok(names) = matching(graph, &delete.names) else { return Vec::new() };
    let is_pattern = delete.names.iter().any(|word| word.contains('*'));
    let stays: Vec<PackageId> = (0..graph.names.len())
        .filter_map(|name| solver.names[name].chosen.filter(|chosen| graph.node(chosen.package).name as usize == name))
        .map(|chosen| chosen.package)
        .collect();
    let mut found = Vec::new();
    for name in names {
        let text = graph.names[name as usize];
        let kept: Vec<PackageId> = graph
            .providers(name)
            .iter()
            .map(|provider| provider.package)
            .filter(|package| graph.node(*package).installed.is_some() && stays.contains(package))
            .collect();
        let was_asked_for = before.iter().any(|constraint| constraint.name == text);
        if !kept.is_empty() {
            found.push(stay(graph, text, &kept, &stays, world));
        } else if !is_pattern && !was_asked_for && !is_installed(graph, name) {
            found.push(Warning::NotInstalled { name: text.to_owned() });
        }
    }
    found
}

/// Whether an installed package has or provides a name.
fn is_installed(graph: &Graph<'_>, name: u32) -> bool {
    graph.providers(name).iter().any(|provider| graph.node(provider.package).installed.is_some())
}

/// Returns the warning about packages that stay. It names the packages that need them, and the
/// requirements that lead to them from the world.
fn stay(graph: &Graph<'_>, name: &str, kept: &[PackageId], stays: &[PackageId], world: &[WorldDep<'_>]) -> Warning {
    let of = |package: PackageId| graph.names[graph.node(package).name as usize].to_owned();
    let meets = |by: Option<PackageId>, dep: &Dep<'_>, package: PackageId| {
        !dep.is_conflict() && graph.analyze(by, dep, package) == Some(true)
    };
    let needs = |by: PackageId, package: PackageId| graph.node(by).depends.iter().any(|dep| meets(Some(by), dep, package));
    // A package that came by itself stays as long as what it came for does.
    let comes_for =
        |package: PackageId, other: PackageId| graph.node(package).install_if.iter().any(|dep| meets(Some(package), dep, other));
    let others = |package: PackageId, leads: &dyn Fn(PackageId, PackageId) -> bool| -> Vec<PackageId> {
        stays.iter().copied().filter(|&other| other != package && leads(other, package)).collect()
    };
    let leads = |other: PackageId, package: PackageId| needs(other, package) || comes_for(package, other);
    let (mut required_by, mut installed_for) = (Vec::new(), Vec::new());
    for &package in kept {
        required_by.extend(others(package, &|other, package| needs(other, package)).into_iter().map(of));
        installed_for.extend(others(package, &|other, package| comes_for(package, other)).into_iter().map(of));
    }
    let mut visited = kept.to_vec();
    let mut place = 0;
    while let Some(&package) = visited.get(place) {
        place += 1;
        let more: Vec<PackageId> = others(package, &leads).into_iter().filter(|other| !visited.contains(other)).collect();
        visited.extend(more);
    }
    let asks = |wanted: &&WorldDep<'_>| visited.iter().any(|&package| meets(None, &wanted.dep, package));
    let asked_for = world.iter().filter(asks).map(|wanted| graph.names[wanted.dep.name as usize].to_owned()).collect();
    for list in [&mut required_by, &mut installed_for] {
        list.sort_unstable();
        list.dedup();
    }
    Warning::NotRemoved { name: name.to_owned(), required_by, installed_for, asked_for }
}
