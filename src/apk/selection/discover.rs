//! Discovery: the names and packages that are reachable from the world, and the order in which
//! names are decided.

use super::graph::{NameId, PackageId};
use super::request::Rules;
use super::state::{Flags, PackageState, Solver, UNTAGGED};

/// The progress of a name's discovery.
#[derive(Clone, Copy, Debug)]
struct Frame {
    name: NameId,
    stage: Stage,
    provider: usize,
    item: usize,
    /// The position within a provided name: 0 for the name itself, then the names with an
    /// `install_if` on it.
    within: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Depends,
    InstalledWithName,
    InstalledWithProvider,
    Provides,
    Conditions,
}

/// Bits of the decision order. Names with flags are decided before all others, and names with
/// packages of their own before names that packages only provide.
const HAS_OWN_PACKAGES: u32 = 1 << 30;
const HAS_FLAGS: u32 = 1 << 31;

impl Solver<'_, '_> {
    /// Discovers a name and everything reachable from it. The stack is explicit, because chains of
    /// dependencies may be long.
    pub(super) fn discover(&mut self, name: NameId) {
        let mut frames = Vec::new();
        self.begin(name, &mut frames);
        while let Some(&frame) = frames.last() {
            match self.step(frame) {
                Step::Child(next, child) => {
                    if let Some(last) = frames.last_mut() {
                        *last = next;
                    }
                    self.begin(child, &mut frames);
                }
                Step::On(next) => {
                    if let Some(last) = frames.last_mut() {
                        *last = next;
                    }
                }
                Step::Done => drop(frames.pop()),
            }
        }
    }

    fn begin(&mut self, name: NameId, frames: &mut Vec<Frame>) {
        self.grow();
        if std::mem::replace(&mut self.name(name).seen, true) {
            return;
        }
        let providers = self.graph.providers(name);
        let others = providers.iter().filter(|provider| self.graph.node(provider.package).name != name).count();
        let provided_by_others = u8::from(others > 0) + u8::from(others > 0 && others == providers.len());
        let state = self.name(name);
        (state.never_triggered, state.provided_by_others) = (true, provided_by_others);
        frames.push(Frame { name, stage: Stage::Depends, provider: 0, item: 0, within: 0 });
    }

    /// Extends the tables by names that opening packages has added. No package provides them.
    fn grow(&mut self) {
        let count = self.graph.names.len();
        if self.names.len() < count {
            self.names.resize_with(count, Default::default);
            self.flags_set.resize(count, false);
        }
    }

    fn step(&mut self, frame: Frame) -> Step {
        let Frame { name, stage, provider, item, .. } = frame;
        let package = self.graph.providers(name).get(provider).map(|provider| provider.package);
        let next_provider = Step::On(Frame { provider: provider + 1, item: 0, ..frame });
        let next_item = Frame { item: item + 1, ..frame };
        let to = |stage| Step::On(Frame { name, stage, provider: 0, item: 0, within: 0 });
        match (stage, package) {
            (Stage::Depends, Some(package)) => {
                // A package that was seen earlier has already led to its dependencies.
                if item == 0 && std::mem::replace(&mut self.package(package).seen, true) {
                    self.leave_provider(name, package);
                    return next_provider;
                }
                if item == 0 {
                    self.meet(package);
                    self.grow();
                }
                if let Some(before) = item.checked_sub(1) {
                    let chain =
                        self.graph.node(package).depends.get(before).map_or(0, |dep| self.names[dep.name as usize].chain + 1);
                    let state = self.package(package);
                    state.chain = state.chain.max(chain);
                }
                if let Some(dep) = self.graph.node(package).depends.get(item) {
                    return Step::Child(next_item, dep.name);
                }
                self.leave_provider(name, package);
                next_provider
            }
            (Stage::Depends, None) if self.rules == Rules::Apk2 => to(Stage::InstalledWithProvider),
            (Stage::Depends, None) => to(Stage::InstalledWithName),
            (Stage::InstalledWithName, _) => match self.graph.reverse_install_if(name).get(item) {
                Some(&child) => Step::Child(next_item, child),
                None => to(Stage::InstalledWithProvider),
            },
            (Stage::InstalledWithProvider, Some(package)) => {
                match self.graph.reverse_install_if(self.graph.node(package).name).get(item) {
                    Some(&child) => Step::Child(next_item, child),
                    None => Step::On(Frame { stage: Stage::Provides, item: 0, ..frame }),
                }
            }
            (Stage::Provides, Some(package)) if self.rules == Rules::Apk2 => self.step_of_two(frame, package),
            (Stage::Provides, Some(package)) => match self.graph.node(package).provides.get(item) {
                Some(&(child, _)) => Step::Child(next_item, child),
                None => Step::On(Frame { stage: Stage::InstalledWithProvider, provider: provider + 1, item: 0, ..frame }),
            },
            (Stage::InstalledWithProvider | Stage::Provides, None) if self.rules == Rules::Apk2 => Step::Done,
            (Stage::InstalledWithProvider | Stage::Provides, None) => {
                self.set_order(name);
                to(Stage::Conditions)
            }
            (Stage::Conditions, Some(package)) => match self.graph.node(package).install_if.get(item) {
                Some(dep) => Step::Child(next_item, dep.name),
                None => next_provider,
            },
            (Stage::Conditions, None) => Step::Done,
        }
    }

    /// Handles a provided name by the rules of version 2. If the name is new, the names with an
    /// `install_if` on it are discovered, but not yet the name itself.
    fn step_of_two(&mut self, frame: Frame, package: PackageId) -> Step {
        let provides = &self.graph.node(package).provides;
        let Some(&(name, _)) = provides.get(frame.item) else {
            return Step::On(Frame {
                stage: Stage::InstalledWithProvider,
                provider: frame.provider + 1,
                item: 0,
                within: 0,
                ..frame
            });
        };
        let next = Step::On(Frame { item: frame.item + 1, within: 0, ..frame });
        match frame.within {
            0 if self.names[name as usize].seen => next,
            0 => Step::On(Frame { within: 1, ..frame }),
            place => match self.graph.reverse_install_if(name).get(place - 1) {
                Some(&child) => Step::Child(Frame { within: place + 1, ..frame }, child),
                None => next,
            },
        }
    }

    fn leave_provider(&mut self, name: NameId, package: PackageId) {
        let PackageState { trigger_failed, chain, .. } = *self.package(package);
        let state = self.name(name);
        state.never_triggered &= trigger_failed;
        state.chain = state.chain.max(chain);
    }

    fn set_order(&mut self, name: NameId) {
        self.last_order += 1;
        let mut order = self.last_order;
        if self.flags_set[name as usize] {
            order |= HAS_FLAGS;
        }
        if self.graph.providers(name).iter().any(|provider| self.graph.node(provider.package).name == name) {
            order |= HAS_OWN_PACKAGES;
        }
        self.name(name).order = order;
    }

    /// Initializes the state of a package.
    fn meet(&mut self, package: PackageId) {
        self.graph.open(package);
        let repos = self.graph.repos_of(package);
        let available = self.graph.is_available(package);
        let node = self.graph.node(package);
        let is_installed = node.installed.is_some();
        let tag_preferred = node.is_file || node.installed_size == 0 || repos & self.default_repos != 0;
        let is_gone = self.inherited.any(Flags::AVAILABLE) && !available;
        let is_empty = self.rules == Rules::Apk3 && node.installed_size == 0;
        let state = &mut self.packages[package as usize];
        state.allowed = UNTAGGED;
        state.available = available;
        state.selectable = !node.uninstallable && (available || node.is_cached || is_empty || is_installed);
        state.trigger_failed = node.install_if.is_empty() || is_gone;
        state.tag_preferred = tag_preferred;
        state.tag_ok = tag_preferred || is_installed;
    }

    /// Indexes the dependants of each discovered or installed name.
    pub(super) fn index_reverse_depends(&mut self) {
        let seen: Vec<bool> = self.names.iter().map(|state| state.seen).collect();
        self.reverse_depends = self.graph.reverse_depends(|name| seen.get(name as usize) == Some(&true));
        self.grow();
    }
}

enum Step {
    On(Frame),
    Child(Frame, NameId),
    Done,
}
