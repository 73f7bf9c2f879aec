//! Changes to a root with packages: runs the command verbs as dnf's commands, and converts the
//! solution to changes.

use super::asked::{Asked, Scope};
use super::{Refused, Selection, reason};
use crate::ecosystem::{Action, Ask, Change, Changing, Choice, FileOptions, Reason, Verb};
use crate::pool::{Solvable, SolvableId};
use crate::rpm::explanation::Unresolved;
use crate::rpm::package_files;
use crate::rpm::request::{self, Options};
use crate::solver::{Request, Solution, is_identical};
use crate::transaction::{self, Step};

/// Packages of which dnf keeps several versions (its `installonlypkgs`).
const INSTALL_ONLY: [&str; 6] = [
    "kernel",
    "kernel-PAE",
    "installonlypkg(kernel)",
    "installonlypkg(kernel-module)",
    "installonlypkg(vm)",
    "multiversion(kernel)",
];

/// Reports whether a spec is a group, a module or a package file.
fn is_special(spec: &str) -> bool {
    spec.starts_with('@') || package_files::is_file(spec)
}

impl Selection<'_> {
    /// Changes the installed packages.
    pub(super) fn change(&mut self, ask: &Ask, changing: &Changing) -> Result<Choice, Refused> {
        let scope = Scope::new(self.pool, self.state, ask)?;
        let mut request = self.request(&scope, changing)?;
        let mut asked = Asked::default();
        if matches!(changing.verb, Verb::Install) {
            for spec in changing.specs.iter().filter(|spec| is_special(spec)) {
                asked.add(scope.asked(spec, changing.options.best));
            }
            request.jobs.append(&mut asked.jobs);
        }
        let solved = self.solve_with(&scope, &mut request, asked.conditional);
        let solution =
            solved.map_err(|unsolvable| Unresolved::new(request.jobs.clone(), unsolvable, |id| scope.hider(id), self.state))?;
        let files = FileOptions { docs: changing.options.docs, langs: changing.options.langs.clone() };
        let changes = self.changes(&solution, &request, &files);
        let unlisted = scope.settled.unlisted(changes.iter().filter_map(|change| change.new), self.pool);
        Ok(Choice { changes, warnings: asked.warnings, unlisted, ..Choice::default() })
    }

    fn request(&self, scope: &Scope<'_>, changing: &Changing) -> Result<Request, Refused> {
        let mut request = Request {
            excluded: scope.excluded.clone(),
            weak_dependencies: changing.options.weak_deps,
            allow_erasing: changing.options.allow_erasing,
            install_only: self.install_only(),
            second_colour: scope.settled.second_colour.clone(),
            ..Request::default()
        };
        let options = Options {
            best: changing.options.best,
            clean: changing.flags.autoremove,
            user_installed: self.user_installed(),
            hidden: self.hidden(scope),
            obsoletes: scope.settled.obsoleters.is_some(),
        };
        let specs = changing.specs.as_slice();
        let packages: Vec<String> = specs.iter().filter(|spec| !is_special(spec)).cloned().collect();
        let mut add = |verb, specs: &[String]| request::add(self.pool, &mut request, verb, specs, &options);
        match changing.verb {
            Verb::Install => add(request::Verb::Install, &packages),
            Verb::Remove => add(request::Verb::Remove, specs),
            Verb::Upgrade => add(request::Verb::Upgrade, specs),
            Verb::Downgrade => add(request::Verb::Downgrade, specs),
            Verb::Reinstall | Verb::Fix => add(request::Verb::Reinstall, specs),
            Verb::DistroSync => add(request::Verb::DistroSync, specs),
            Verb::Autoremove => add(request::Verb::Autoremove, specs),
            Verb::Swap => {
                let (old, new) = specs.split_at(specs.len().min(1));
                add(request::Verb::Remove, old).and_then(|()| add(request::Verb::Install, new))
            }
        }?;
        Ok(request)
    }

    /// Returns the packages that specs cannot match: those that are hidden and not installed.
    fn hidden(&self, scope: &Scope<'_>) -> Vec<SolvableId> {
        scope.excluded.iter().copied().filter(|&id| !self.pool.solvable(id).is_installed()).collect()
    }

    /// Returns the packages of which several versions may be installed.
    fn install_only(&self) -> Vec<SolvableId> {
        let names = INSTALL_ONLY.iter().filter_map(|name| self.pool.find(name));
        let mut found: Vec<SolvableId> = names.flat_map(|name| self.pool.providers(name)).map(|(id, _)| id).collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Returns the installed packages that the user requested.
    fn user_installed(&self) -> Vec<SolvableId> {
        let known = self.state.user_installed.as_ref();
        let asked = |name: &str| known.is_none_or(|names| names.iter().any(|known| known == name));
        self.pool.installed_solvables().filter(|package| asked(package.name())).map(Solvable::id).collect()
    }

    /// Returns the changes of a solution: first the packages to install, in order, then those to
    /// remove, dependent packages first.
    fn changes(&self, solution: &Solution, request: &Request, files: &FileOptions) -> Vec<Change> {
        let pool = self.pool;
        let stands_beside = |id| request.install_only.contains(&id);
        let colours_differ = |new, old| request.colours_differ(pool.solvable(new), pool.solvable(old));
        let same = |a, b| is_identical(pool, a, b);
        let steps = transaction::changes(pool, &solution.packages, stands_beside, colours_differ, same);
        let reasons = solution.reasons(pool);
        let (erased, incoming): (Vec<&Step>, Vec<&Step>) =
            steps.iter().partition(|step| step.change == transaction::Change::Erase);
        let mut gone: Vec<SolvableId> = erased.iter().map(|step| step.package).collect();
        let new: Vec<SolvableId> = incoming.iter().map(|step| step.package).collect();
        let mut changes = Vec::with_capacity(steps.len());
        for id in transaction::order(pool, &new) {
            let Some(step) = incoming.iter().find(|step| step.package == id) else { continue };
            let same_arch = |&old: &SolvableId| pool.solvable(old).arch_id() == pool.solvable(id).arch_id();
            let action = match step.change {
                transaction::Change::Upgrade => Action::Upgrade,
                transaction::Change::Downgrade => Action::Downgrade,
                transaction::Change::Reinstall => Action::Reinstall,
                transaction::Change::Rebuild if step.replaces.first().is_some_and(same_arch) => Action::Replace,
                _ => Action::Install,
            };
            let replaced = usize::from(action != Action::Install);
            // Packages that others replace are reported only once.
            gone.extend(step.replaces.iter().skip(replaced).filter(|old| !gone.contains(old)).copied().collect::<Vec<_>>());
            let place = solution.packages.binary_search(&id).ok();
            changes.push(Change {
                action,
                old: step.replaces.first().copied().filter(|_| replaced == 1),
                new: Some(id),
                tag: None,
                reason: place.map_or(Reason::Dependency, |place| reason(reasons[place])),
                files: files.clone(),
            });
        }
        gone.retain(|&id| !changes.iter().any(|change| change.old == Some(id)));
        let mut order = transaction::order(pool, &gone);
        order.reverse();
        changes.extend(order.into_iter().map(|old| Change {
            action: Action::Erase,
            old: Some(old),
            new: None,
            tag: None,
            reason: Reason::Dependency,
            files: files.clone(),
        }));
        changes
    }
}
