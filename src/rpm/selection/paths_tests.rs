//! Tests of file lists that are read only where a choice needs them: the answer must equal that of
//! a pool that knows every file.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::Selection;
use crate::catalog::{InstallAction, InstallStep, Langs, Multilib, Options};
use crate::ecosystem::{Ask, ChangeFlags, Changing, Chooser, ModuleOptions, Operation, Verb};
use crate::finish::glob;
use crate::pool::{Pool, PoolBuilder, SolvableId};
use crate::rpm::installed::State;
use crate::rpm::paths::lists_in_primary;
use crate::rpm::universe;
use crate::rpm::version::RpmVersions;

const PATHS: [&str; 4] = ["/opt/a", "/opt/b", "/lib/c", "/usr/bin/d"];

/// A package: its line without files, the paths it owns, and whether its repository's index lists
/// all of them.
#[derive(Clone, Debug)]
struct Line {
    text: String,
    owns: Vec<&'static str>,
    indexed: bool,
}

/// Packages by repository; the first repository is the installed system.
#[derive(Clone, Debug)]
struct Universe {
    repositories: Vec<(String, Vec<Line>)>,
}

impl Universe {
    /// Returns a builder that knows the files of the index, and those that the lists name for the
    /// paths in `read`; `None` for all paths.
    fn builder(&self, read: Option<&BTreeSet<String>>) -> PoolBuilder {
        let mut text = String::new();
        let mut late = Vec::new();
        let mut place = 0;
        for (head, lines) in self.repositories.iter().filter(|(_, lines)| !lines.is_empty()) {
            text += &format!("repo {head}\n");
            for line in lines {
                let is_installed = head.ends_with("installed");
                let told = |path: &str| is_installed || line.indexed || lists_in_primary(path);
                let files: Vec<&str> = line.owns.iter().copied().filter(|&path| told(path)).collect();
                let files = if files.is_empty() { String::new() } else { format!(" files {}", files.join(", ")) };
                text += &format!("{}{files}\n", line.text);
                late.extend(line.owns.iter().filter(|&&path| !told(path)).map(|&path| (SolvableId::from_index(place), path)));
                place += 1;
            }
        }
        let mut builder = universe::read(&text).unwrap();
        let wanted =
            |path: &str| read.is_none_or(|read| read.iter().any(|wanted| glob::matches(wanted.as_bytes(), path.as_bytes())));
        for (id, path) in late.into_iter().filter(|(_, path)| wanted(path)) {
            let path = builder.intern(path);
            builder.attach_file(id, path);
        }
        match read {
            Some(read) => read.iter().for_each(|path| builder.settle_path(path)),
            None => builder.settle_all_paths(),
        }
        builder
    }

    fn pool(&self, read: Option<&BTreeSet<String>>) -> Pool {
        self.builder(read).build(&RpmVersions, &crate::rpm::architecture::compatible("x86_64")).unwrap()
    }

    /// Returns the answer of a pool that knows every file.
    fn at_once(&self, ask: &Ask) -> Option<Vec<String>> {
        answer(&self.pool(None), ask).0
    }

    /// Returns the answer when the lists are read only for the paths that choices need, and whether
    /// they were read at all.
    fn step_by_step(&self, ask: &Ask) -> (Option<Vec<String>>, bool) {
        let mut read = BTreeSet::new();
        loop {
            let (found, lacked) = answer(&self.pool(Some(&read)), ask);
            let before = read.len();
            read.extend(lacked);
            if read.len() == before {
                return (found, !read.is_empty());
            }
        }
    }
}

/// Returns the changes in order, or `None` if there is no solution, and the paths for which the
/// lists must be read.
fn answer(pool: &Pool, ask: &Ask) -> (Option<Vec<String>>, Vec<String>) {
    let state = State::default();
    let mut selection = Selection::new(pool, &state);
    let chosen = selection.choose(ask).ok();
    let shown = |id: Option<SolvableId>| id.map(|id| format!("{}#{}", pool.solvable(id).name(), id.index()));
    let changes = chosen.map(|choice| {
        choice
            .changes
            .iter()
            .map(|change| format!("{:?} {:?} {:?}", change.action, shown(change.old), shown(change.new)))
            .collect()
    });
    (changes, selection.take_lacked_paths())
}

fn options(weak_deps: bool, best: bool) -> Options {
    Options { weak_deps, best, docs: true, langs: Langs::All, allow_erasing: false, multilib: Multilib::default() }
}

fn ask(operation: Operation, exclude: Vec<String>) -> Ask {
    let modules = ModuleOptions { ignore: true, ..ModuleOptions::default() };
    Ask { operation, exclude, filters: Vec::new(), pins: std::collections::BTreeMap::default(), modules }
}

fn name() -> impl Strategy<Value = String> {
    (0..5_u8).prop_map(|number| format!("p{number}"))
}

fn path() -> impl Strategy<Value = String> {
    proptest::sample::select(&PATHS[..]).prop_map(str::to_owned)
}

fn dependency() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => path(),
        2 => name(),
        1 => (name(), proptest::sample::select(vec!["and", "or", "if", "unless"]), path())
            .prop_map(|(left, op, right)| format!("({left} {op} {right})")),
    ]
}

fn line() -> impl Strategy<Value = Line> {
    let kinds = vec!["requires", "requires", "requires", "recommends", "conflicts", "supplements", "suggests", "enhances"];
    let dependencies = proptest::collection::vec((proptest::sample::select(kinds), dependency()), 0..3);
    let owns = proptest::sample::subsequence(PATHS.to_vec(), 0..=2);
    (name(), 1..4_u8, proptest::option::weighted(0.3, path()), dependencies, owns, proptest::bool::weighted(0.2)).prop_map(
        |(name, version, provides, dependencies, owns, indexed)| {
            let provides = provides.map_or_else(String::new, |path| format!(" provides {path}"));
            let dependencies: Vec<String> = dependencies.iter().map(|(kind, what)| format!(" {kind} {what}")).collect();
            Line { text: format!("{name} {version}{provides}{}", dependencies.concat()), owns, indexed }
        },
    )
}

fn repository(head: &'static str, most: usize) -> impl Strategy<Value = (String, Vec<Line>)> {
    proptest::collection::vec(line(), 0..most).prop_map(move |lines| (head.to_owned(), lines))
}

fn spec() -> impl Strategy<Value = String> {
    prop_oneof![4 => name(), 2 => path(), 1 => Just("/opt/*".to_owned()), 1 => Just("*/c".to_owned())]
}

fn verb() -> impl Strategy<Value = Verb> {
    proptest::sample::select(vec![Verb::Install, Verb::Install, Verb::Remove, Verb::Upgrade, Verb::DistroSync, Verb::Autoremove])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn an_empty_root_gets_what_it_would_if_all_files_were_known(
        base in repository("base priority=50", 7),
        other in repository("other priority=99", 5),
        packages in proptest::collection::vec(spec(), 1..3),
        exclude in proptest::collection::vec(name(), 0..2),
        weak in any::<bool>(),
        best in any::<bool>(),
    ) {
        let universe = Universe { repositories: vec![base, other] };
        let step = InstallStep { action: InstallAction::Install, packages, options: options(weak, best), repositories: Vec::new() };
        let ask = ask(Operation::Fill(vec![step]), exclude);
        prop_assert_eq!(universe.step_by_step(&ask).0, universe.at_once(&ask));
    }

    #[test]
    fn a_root_is_changed_as_if_all_files_were_known(
        installed in repository("system installed", 5),
        base in repository("base priority=50", 6),
        other in repository("other priority=99", 4),
        verb in verb(),
        specs in proptest::collection::vec(spec(), 0..3),
        exclude in proptest::collection::vec(name(), 0..2),
        weak in any::<bool>(),
        best in any::<bool>(),
    ) {
        let universe = Universe { repositories: vec![installed, base, other] };
        let flags = ChangeFlags { autoremove: best, ..ChangeFlags::default() };
        let changing = Changing { verb, specs, options: options(weak, best), flags, time: 0 };
        let ask = ask(Operation::Change(changing), exclude);
        prop_assert_eq!(universe.step_by_step(&ask).0, universe.at_once(&ask));
    }
}

/// Returns a universe with one repository.
fn universe_of(lines: &[(&str, &[&'static str])]) -> Universe {
    let line = |&(text, owns): &(&str, &[&'static str])| Line { text: text.to_owned(), owns: owns.to_vec(), indexed: false };
    Universe { repositories: vec![("base".to_owned(), lines.iter().map(line).collect())] }
}

fn install(package: &str, exclude: &[&str]) -> Ask {
    let step = InstallStep {
        action: InstallAction::Install,
        packages: vec![package.to_owned()],
        options: options(true, false),
        repositories: Vec::new(),
    };
    ask(Operation::Fill(vec![step]), exclude.iter().map(|&pattern| pattern.to_owned()).collect())
}

#[test]
fn lists_are_read_though_an_excluded_package_provides_the_path() {
    let universe = universe_of(&[("own 1", &["/opt/a"]), ("say 1 provides /opt/a", &[]), ("need 1 requires /opt/a", &[])]);
    let (found, read) = universe.step_by_step(&install("need", &["say"]));
    assert!(read);
    assert_eq!(found, universe.at_once(&install("need", &["say"])));
    assert_eq!(found.unwrap().len(), 2);
}

#[test]
fn lists_are_not_read_for_paths_of_packages_that_cannot_come() {
    let universe = universe_of(&[("a 1", &[]), ("need 1 requires /opt/a", &[]), ("own 1", &["/opt/a"])]);
    let (found, read) = universe.step_by_step(&install("a", &[]));
    assert!(!read);
    assert_eq!(found.unwrap().len(), 1);
}

#[test]
fn lists_are_not_read_for_paths_that_the_index_covers() {
    let universe = universe_of(&[("need 1 requires /usr/bin/d", &[]), ("own 1", &["/usr/bin/d"])]);
    let (found, read) = universe.step_by_step(&install("need", &[]));
    assert!(!read);
    assert_eq!(found.unwrap().len(), 2);
}
