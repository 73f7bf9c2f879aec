//! Hints for a request without a solution: enable a stream, lift an exclusion, accept an older
//! candidate, or leave something out. Each hint is tested before it is printed.

use std::collections::BTreeSet;

use super::{Refused, Selection};
use crate::ecosystem::{Ask, Operation};
use crate::rpm::explanation::Unresolved;
use crate::rpm::modules::{Hider, ModuleError};
use crate::rpm::spec;
use crate::solver::{Fact, Problem};

/// Maximum number of hints to print. The number of attempts is limited to a multiple of it.
const ENOUGH: usize = 3;
const MOST_TRIED: usize = 12;

impl Selection<'_> {
    /// Returns the hints that lead to a solution, the least intrusive first.
    pub(super) fn find_hints(&mut self, ask: &Ask) -> Vec<String> {
        let attempt = self.attempt(ask);
        // Paths that are missing in these attempts must be reported too.
        let lacked = self.solver.take_lacked_paths();
        self.lacked.extend(lacked);
        match attempt {
            Err(Refused::Modules(ModuleError::Several { module, streams })) => self.streams_of(ask, &module, &streams),
            Ok(_) | Err(Refused::Unmatched(_) | Refused::Modules(_)) => Vec::new(),
            Err(Refused::Unresolved(unresolved)) => {
                let ways = [Self::streams, Self::exclusions, Self::older, Self::erasing, Self::leaving_out];
                ways.into_iter().map(|way| way(self, ask, &unresolved)).find(|hints| !hints.is_empty()).unwrap_or_default()
            }
        }
    }

    fn works(&mut self, ask: &Ask) -> bool {
        self.attempt(ask).is_ok() && self.solver.take_lacked_paths().is_subset(&self.lacked)
    }

    /// Tries each stream of a module that the user named without a stream.
    fn streams_of(&mut self, ask: &Ask, module: &str, streams: &[String]) -> Vec<String> {
        let mut hints = Vec::new();
        for stream in streams.iter().take(MOST_TRIED) {
            let mut other = ask.clone();
            other.modules.enable.retain(|enabled| enabled != module);
            other.modules.enable.push(stream.clone());
            replace_spec(&mut other, &format!("@{module}"), &format!("@{stream}"));
            if hints.len() < ENOUGH && self.works(&other) {
                hints.push(format!("enable {stream} (--enable-module {stream})"));
            }
        }
        hints
    }

    /// Tries the streams that hide packages: each alone, and if that fails, all together.
    fn streams(&mut self, ask: &Ask, unresolved: &Unresolved) -> Vec<String> {
        let not_active = |hider: &Hider| if let Hider::NotActive(stream) = hider { Some(stream.clone()) } else { None };
        let streams: BTreeSet<String> = unresolved.hidden.iter().filter_map(|(_, hider)| not_active(hider)).collect();
        let enabling = |streams: &[&String]| {
            let mut other = ask.clone();
            other.modules.enable.extend(streams.iter().map(|&stream| stream.clone()));
            other
        };
        let mut hints = Vec::new();
        for stream in streams.iter().take(MOST_TRIED) {
            if hints.len() < ENOUGH && self.works(&enabling(&[stream])) {
                hints.push(format!("enable {stream} (--enable-module {stream})"));
            }
        }
        // Use one stream of each module: the last by name, which is the newest.
        let mut together: Vec<&String> = Vec::new();
        for stream in streams.iter().rev() {
            let module = |stream: &str| stream.split(':').next().unwrap_or_default().to_owned();
            if !together.iter().any(|other| module(other) == module(stream)) {
                together.push(stream);
            }
        }
        if hints.is_empty() && together.len() > 1 && self.works(&enabling(&together)) {
            let options: Vec<String> = together.iter().rev().map(|stream| format!("--enable-module {stream}")).collect();
            hints.push(format!("enable streams: {}", options.join(" ")));
        }
        let hides = !unresolved.hidden.is_empty();
        if hints.is_empty() && hides {
            let mut other = ask.clone();
            other.modules.ignore = true;
            if self.works(&other) {
                hints.push("without modules it can be done (--no-modules)".to_owned());
            }
        }
        hints
    }

    /// Tries to lift exclusions of packages that are part of a problem.
    fn exclusions(&mut self, ask: &Ask, unresolved: &Unresolved) -> Vec<String> {
        let facts = || unresolved.unsolvable.problems.iter().flat_map(|problem| &problem.facts);
        let excludes = |pattern: &String| {
            let excluded = spec::select_by_name(self.pool, pattern);
            facts().any(|fact| matches!(fact, Fact::Excluded { package } if excluded.contains(package)))
        };
        let (lifted, rest): (Vec<String>, Vec<String>) = ask.exclude.iter().cloned().partition(excludes);
        let tried = !lifted.is_empty() && self.works(&Ask { exclude: rest, ..ask.clone() });
        let options: Vec<String> = lifted.iter().map(|pattern| format!("`--exclude {pattern}`")).collect();
        if tried { vec![format!("without {} it can be done", options.join(" and "))] } else { Vec::new() }
    }

    /// Tries candidates that are not the best.
    fn older(&mut self, ask: &Ask, _: &Unresolved) -> Vec<String> {
        let mut other = ask.clone();
        let mut changed = false;
        match &mut other.operation {
            Operation::Fill(steps) => {
                for step in steps {
                    changed |= std::mem::take(&mut step.options.best);
                }
            }
            Operation::Change(changing) => changed = std::mem::take(&mut changing.options.best),
        }
        let works = changed && self.works(&other);
        if works { vec!["with --no-best it can be done: an older candidate is taken".to_owned()] } else { Vec::new() }
    }

    /// Tries to allow erasing installed packages.
    fn erasing(&mut self, ask: &Ask, _: &Unresolved) -> Vec<String> {
        let mut other = ask.clone();
        let Operation::Change(changing) = &mut other.operation else { return Vec::new() };
        let changed = !std::mem::replace(&mut changing.options.allow_erasing, true);
        let works = changed && self.works(&other);
        if works { vec!["with --allowerasing it can be done: what is in the way is removed".to_owned()] } else { Vec::new() }
    }

    /// Tries to leave out one spec, or one of each problem.
    fn leaving_out(&mut self, ask: &Ask, unresolved: &Unresolved) -> Vec<String> {
        let mut all: Vec<&str> = ask.specs().collect();
        all.dedup();
        let asked_in = |problem: &Problem| -> Vec<String> {
            let texts = problem.jobs().filter_map(|job| unresolved.jobs.get(job)).map(|job| job.text.as_str());
            let of = |text: &str| all.iter().find(|&&spec| is_of(text, spec)).map(|&spec| spec.to_owned());
            let mut specs: Vec<String> = texts.filter_map(of).collect();
            specs.dedup();
            specs
        };
        // For specs without candidates, the hint is obvious.
        let is_unknown = |fact: &Fact| matches!(fact, Fact::NoCandidate { .. });
        if unresolved.unsolvable.problems.iter().flat_map(|problem| &problem.facts).any(is_unknown) {
            return Vec::new();
        }
        let problems: Vec<Vec<String>> = unresolved.unsolvable.problems.iter().map(asked_in).collect();
        let mut found: Vec<String> = Vec::new();
        if let [one] = problems.as_slice() {
            for spec in one.iter().rev().take(MOST_TRIED) {
                if all.len() > 1 && found.len() < ENOUGH && self.works(&without(ask, &[spec])) {
                    found.push(format!("`{spec}`"));
                }
            }
            return match found.as_slice() {
                [] => Vec::new(),
                [only] => vec![format!("without {only} it can be done")],
                [.., _] => vec![format!(
                    "leave out {} (--without, if the variant asks for it): either way it can be done",
                    found.join(" or ")
                )],
            };
        }
        let last: BTreeSet<&String> = problems.iter().filter_map(|specs| specs.last()).collect();
        let last: Vec<&String> = last.into_iter().collect();
        if last.len() < all.len() && !last.is_empty() && self.works(&without(ask, &last)) {
            found.extend(last.iter().map(|spec| format!("`{spec}`")));
            return vec![format!("without {} the rest can be done", found.join(" and "))];
        }
        Vec::new()
    }
}

/// Reports whether a job belongs to a spec. The text of a group's job also names the package.
fn is_of(text: &str, spec: &str) -> bool {
    text.strip_prefix(spec).is_some_and(|rest| rest.is_empty() || rest.starts_with(" ("))
}

fn without(ask: &Ask, specs: &[&String]) -> Ask {
    let mut other = ask.clone();
    let stays = |spec: &String| !specs.contains(&spec);
    match &mut other.operation {
        Operation::Fill(steps) => steps.iter_mut().for_each(|step| step.packages.retain(stays)),
        Operation::Change(changing) => changing.specs.retain(stays),
    }
    other
}

fn replace_spec(ask: &mut Ask, old: &str, new: &str) {
    let replace = |specs: &mut Vec<String>| {
        for spec in specs.iter_mut().filter(|spec| *spec == old) {
            new.clone_into(spec);
        }
    };
    match &mut ask.operation {
        Operation::Fill(steps) => steps.iter_mut().for_each(|step| replace(&mut step.packages)),
        Operation::Change(changing) => replace(&mut changing.specs),
    }
}
