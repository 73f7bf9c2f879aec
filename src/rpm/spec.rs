//! Package specs of the user, with dnf's syntax: `bash`, `bash.aarch64`, `bash-5.1.8`,
//! `bash-0:5.1.8-6.el9.x86_64`, `python3-*`, `/usr/bin/ldd`, `libc.so.6()(64bit)`, `webserver >=
//! 2`.
//!
//! The order is dnf's: forms of a package id from the most specific on, a pattern of the full id,
//! provides, and files. The first that matches any package applies (libdnf's
//! `Query::filterSubject`).

use std::fmt::Write as _;

use rustc_hash::FxHashMap;

use crate::finish::glob;
use crate::pool::{Constraint, Dependency, Kind, Pool, Solvable, SolvableId, StringId};

use super::dependency::Plain;
use super::paths::lists_in_primary;
use super::version::{Evr, ranges_overlap, rpmvercmp};

/// The parts of a package id in a spec. Each may be a shell pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Form<'a> {
    name: &'a str,
    version: Option<Evr<'a>>,
    arch: Option<&'a str>,
}

/// A way to interpret a spec as package ids.
#[derive(Clone, Copy, Debug)]
enum Reading<'a> {
    /// The spec consists of the parts of an id.
    Parts(Form<'a>),
    /// The spec is a shell pattern of full ids.
    WholeId(&'a str),
}

/// Characters that no part of an id contains (libdnf's `NEVRA_FORM_REGEX`, `filterNevra`). Names
/// also contain no colon.
const NEVER_IN_IDS: [char; 6] = ['(', '/', '=', '<', '>', ' '];

/// Returns the interpretations of a spec as ids, in dnf's order: all parts, name and architecture,
/// name, without architecture, without release, and finally a pattern of the full id. The last
/// applies only to patterns: an id without wildcards has one of the other forms.
fn readings(spec: &str) -> impl Iterator<Item = Reading<'_>> {
    let may_be_id = !spec.contains(NEVER_IN_IDS);
    let whole_id = (may_be_id && is_pattern(spec)).then_some(Reading::WholeId(spec));
    let forms = may_be_id.then(|| forms(spec)).into_iter().flatten();
    forms.map(Reading::Parts).chain(whole_id)
}

fn forms(spec: &str) -> impl Iterator<Item = Form<'_>> {
    let arch = spec.rsplit_once('.').filter(|(_, arch)| !arch.is_empty() && !arch.contains(['-', ':']));
    let named = |name, arch| is_name(name).then_some(Form { name, version: None, arch });
    let full = arch.and_then(|(rest, arch)| Some(Form { arch: Some(arch), ..with_release(rest)? }));
    let with_arch = arch.and_then(|(name, arch)| named(name, Some(arch)));
    [full, with_arch, named(spec, None), with_release(spec), with_version(spec)].into_iter().flatten()
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && !text.contains(':')
}

/// Parses `name-[epoch:]version-release`.
fn with_release(text: &str) -> Option<Form<'_>> {
    let (rest, release) = text.rsplit_once('-').filter(|(_, release)| is_name(release))?;
    let form = with_version(rest)?;
    Some(Form { version: form.version.map(|version| Evr { release: Some(release), ..version }), ..form })
}

/// Parses `name-[epoch:]version`.
fn with_version(text: &str) -> Option<Form<'_>> {
    let (name, version) = text.rsplit_once('-').filter(|(name, version)| is_name(name) && !version.starts_with(':'))?;
    let version = Evr { release: None, ..Evr::parse(version) };
    is_name(version.version).then_some(Form { name, version: Some(version), arch: None })
}

fn is_pattern(text: &str) -> bool {
    glob::is_pattern(text.as_bytes())
}

fn matches(pattern: &str, text: &str) -> bool {
    pattern == text || (is_pattern(pattern) && glob::matches(pattern.as_bytes(), text.as_bytes()))
}

impl Form<'_> {
    /// Reports whether a package with a matching name also has the version and architecture.
    fn fits(&self, package: Solvable<'_>) -> bool {
        let same = |pattern: &str, text: &str| {
            if is_pattern(pattern) { matches(pattern, text) } else { rpmvercmp(pattern, text).is_eq() }
        };
        let version_fits = self.version.is_none_or(|wanted| {
            let own = Evr::parse(package.version());
            same(wanted.version, own.version)
                && wanted.release.is_none_or(|release| same(release, own.release.unwrap_or_default()))
                && (wanted.epoch.is_none() || wanted.epoch_number() == own.epoch_number())
        });
        version_fits && self.arch.is_none_or(|arch| matches(arch, package.arch()))
    }

    /// Returns all packages that match, sorted by id.
    fn packages(&self, pool: &Pool) -> Vec<SolvableId> {
        let fits = |id: &SolvableId| self.fits(pool.solvable(*id));
        let mut found: Vec<SolvableId> = if is_pattern(self.name) {
            let named = pool.strings().filter(|(_, text)| matches(self.name, text));
            named.flat_map(|(name, _)| pool.named(name)).copied().filter(fits).collect()
        } else {
            pool.find(self.name).into_iter().flat_map(|name| pool.named(name)).copied().filter(fits).collect()
        };
        found.sort_unstable();
        found
    }
}

impl Reading<'_> {
    /// Returns all packages that match, sorted by id.
    fn packages(&self, pool: &Pool) -> Vec<SolvableId> {
        match self {
            Self::Parts(form) => form.packages(pool),
            Self::WholeId(pattern) => of_whole_id(pool, pattern),
        }
    }
}

/// Returns the packages whose full id matches a pattern. The id includes the epoch if the pattern
/// contains a colon.
fn of_whole_id(pool: &Pool, pattern: &str) -> Vec<SolvableId> {
    let with_epoch = pattern.contains(':');
    let mut id = String::new();
    let is_meant = |package: &Solvable<'_>| {
        let evr = Evr::parse(package.version());
        id.clear();
        let _ = if with_epoch {
            write!(id, "{}-{}:{}", package.name(), evr.epoch_number(), evr.version)
        } else {
            write!(id, "{}-{}", package.name(), evr.version)
        };
        let _ = write!(id, "-{}.{}", evr.release.unwrap_or_default(), package.arch());
        glob::matches(pattern.as_bytes(), id.as_bytes())
    };
    pool.solvables().filter(is_meant).map(Solvable::id).collect()
}

/// Returns the packages that a spec matches by name or id only, of any architecture, sorted by id.
pub fn select_by_name(pool: &Pool, spec: &str) -> Vec<SolvableId> {
    readings(spec).map(|reading| reading.packages(pool)).find(|found| !found.is_empty()).unwrap_or_default()
}

/// Returns the packages that a spec matches and that the machine can run, sorted by id.
pub fn select(pool: &Pool, spec: &str) -> Vec<SolvableId> {
    let mut all: Vec<SolvableId> = select_each(pool, spec, Among::default()).into_iter().flatten().collect();
    all.retain(|&id| runs(pool, id));
    all.sort_unstable();
    all.dedup();
    all
}

/// Reports whether the machine can run a package's architecture.
pub fn runs(pool: &Pool, id: SolvableId) -> bool {
    pool.solvable(id).arch_rank().is_some()
}

/// The packages that a spec may match.
#[derive(Clone, Copy, Debug, Default)]
pub struct Among<'a> {
    /// Hidden packages, sorted by id; specs do not match them.
    pub hidden: &'a [SolvableId],
    /// The packages that may replace a package requested by name because they obsolete it, as in
    /// dnf.
    pub obsoleters: Option<&'a Obsoleters>,
}

/// Returns the groups of packages that a spec requests; one package of each group is to be
/// installed. There is one group, except for patterns: a pattern requests each name that it
/// matches, and a pattern of architectures each architecture. The result is empty if nothing
/// matches.
///
/// A group contains packages that the machine can run. If there are none, it contains those of
/// other architectures: dnf refuses packages that exist only there.
pub fn select_each(pool: &Pool, spec: &str, among: Among<'_>) -> Vec<Vec<SolvableId>> {
    let is_seen = |id: &SolvableId| among.hidden.binary_search(id).is_err();
    for reading in readings(spec) {
        let mut found = reading.packages(pool);
        found.retain(is_seen);
        if found.is_empty() {
            continue;
        }
        let (by_arch, is_name) = match reading {
            Reading::Parts(form) => (form.arch.is_some_and(is_pattern), form.version.is_none() && form.arch.is_none()),
            Reading::WholeId(_) => (false, false),
        };
        let mut groups = by_name(pool, found, by_arch);
        // dnf also replaces packages of an architecture pattern (`_install_multiarch`).
        if let Some(obsoleters) = among.obsoleters.filter(|_| by_arch || is_name) {
            for group in &mut groups {
                obsoleters.add(group);
                group.retain(is_seen);
            }
        }
        return running(pool, groups);
    }
    let mut found = provided(pool, spec);
    // libsolv's provides index contains only packages that can be installed.
    found.retain(|id| runs(pool, *id) && is_seen(id));
    if found.is_empty() && spec.starts_with(['/', '*']) {
        found = owners(pool, spec);
        found.retain(is_seen);
    }
    let is_path = spec.starts_with('/') || spec.starts_with("*/");
    let groups = match found.is_empty() {
        true => Vec::new(),
        false if is_pattern(spec) && !is_path => by_name(pool, found, false),
        false => vec![found],
    };
    running(pool, groups)
}

/// Keeps in each group the packages that the machine can run, or all if there are none.
fn running(pool: &Pool, mut groups: Vec<Vec<SolvableId>>) -> Vec<Vec<SolvableId>> {
    for group in &mut groups {
        keep_running(pool, group);
    }
    groups
}

/// Keeps the packages that the machine can run, or all if there are none.
pub fn keep_running(pool: &Pool, group: &mut Vec<SolvableId>) {
    if group.iter().any(|&id| runs(pool, id)) {
        group.retain(|&id| runs(pool, id));
    }
}

/// Groups packages by name, and if `by_arch` is set, also by architecture.
fn by_name(pool: &Pool, mut found: Vec<SolvableId>, by_arch: bool) -> Vec<Vec<SolvableId>> {
    found.sort_by_key(|&id| (pool.solvable(id).name(), by_arch.then(|| pool.solvable(id).arch()), id));
    let same = |a: &SolvableId, b: &SolvableId| {
        let (a, b) = (pool.solvable(*a), pool.solvable(*b));
        a.name_id() == b.name_id() && (!by_arch || a.arch_id() == b.arch_id())
    };
    found.chunk_by(same).map(<[SolvableId]>::to_vec).collect()
}

/// The packages that obsolete packages of other names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Obsoleters(FxHashMap<SolvableId, Vec<SolvableId>>);

impl Obsoleters {
    /// Collects the obsoleters among all packages that the machine can run.
    pub fn new(pool: &Pool) -> Self {
        let mut all: FxHashMap<SolvableId, Vec<SolvableId>> = FxHashMap::default();
        for package in pool.solvables().filter(|package| package.arch_rank().is_some()) {
            for &dependency in package.dependencies(Kind::Obsoletes) {
                for &id in pool.obsoleted(dependency) {
                    all.entry(id).or_default().push(package.id());
                }
            }
        }
        Self(all)
    }

    /// Adds the packages that obsolete those in a group.
    pub fn add(&self, group: &mut Vec<SolvableId>) {
        for place in 0..group.len() {
            group.extend(self.0.get(&group[place]).into_iter().flatten().copied());
        }
        group.sort_unstable();
        group.dedup();
    }
}

/// Returns the packages that provide a capability, with or without a version. For a path that
/// packages depend on, includes its owners. A pattern matches only explicit provides (libdnf's
/// `addReldepWithGlob`).
fn provided(pool: &Pool, spec: &str) -> Vec<SolvableId> {
    let Some(Plain { name, op, version }) = Plain::parse(spec) else { return Vec::new() };
    let required = Constraint { op, version };
    let mut found: Vec<SolvableId> = Vec::new();
    let mut add = |name: StringId| {
        for (id, by) in pool.providers(name) {
            let meets = match by.map(|by| pool.dependency(by)) {
                Some(Dependency::Plain { op: own, version, .. }) => {
                    let own = Constraint { op: own, version: pool.text(version) };
                    op.is_any() || own.op.is_any() || ranges_overlap(own, required)
                }
                Some(Dependency::Rich { .. }) => false,
                None => op.is_any(),
            };
            if meets {
                found.push(id);
            }
        }
    };
    if is_pattern(name) {
        let is_provided = |name: StringId| pool.providers(name).any(|(_, by)| by.is_some());
        pool.strings().filter(|&(id, text)| matches(name, text) && is_provided(id)).for_each(|(name, _)| add(name));
    } else {
        pool.find(name).into_iter().for_each(&mut add);
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// Reports whether a spec is a path, or a pattern of paths, for which the lists of all files may
/// name more owners than the pool knows.
pub fn needs_file_lists(pool: &Pool, spec: &str) -> bool {
    let is_path = spec.starts_with('/') || spec.starts_with("*/");
    is_path && (is_pattern(spec) || !lists_in_primary(spec) || owners(pool, spec).is_empty())
}

/// Returns the packages that own a file, as far as the pool knows.
fn owners(pool: &Pool, path: &str) -> Vec<SolvableId> {
    let wanted: Vec<StringId> = if is_pattern(path) {
        pool.strings().filter(|(_, text)| text.starts_with('/') && matches(path, text)).map(|(id, _)| id).collect()
    } else {
        pool.find(path).into_iter().collect()
    };
    if wanted.is_empty() {
        return Vec::new();
    }
    let has = |package: &Solvable<'_>| package.files().iter().any(|file| wanted.binary_search(file).is_ok());
    pool.solvables().filter(has).map(Solvable::id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rpm::{architecture, universe};

    const UNIVERSE: &str = "
        bash 5.1.8-6.el9 x86_64 provides /bin/sh, shell = 2 files /usr/bin/bash
        bash 5.1.8-5.el9 x86_64 files /usr/bin/bash
        bash 5.1.8-6.el9 i686
        bash 5.1.8-6.el9 s390x
        foo-bar 1:2.0-1 noarch provides shell = 1
        foo 2.0-1 noarch
        foo.x86_64 1-1 noarch
        new-foo 3-1 noarch obsoletes foo < 3
        python3-a 1-1 noarch
        python3-b 1-1 noarch
        config 1-1 noarch provides dnf-command(config-manager)
        only-there 1-1 s390x provides there files /usr/bin/there
    ";

    fn chosen(spec: &str, obsoleters: bool) -> Vec<Vec<String>> {
        let pool = universe::parse(UNIVERSE, &architecture::compatible("x86_64")).unwrap();
        let shown = |id: SolvableId| {
            let package = pool.solvable(id);
            format!("{}-{}.{}", package.name(), package.version(), package.arch())
        };
        let all = Obsoleters::new(&pool);
        let among = Among { obsoleters: obsoleters.then_some(&all), ..Among::default() };
        select_each(&pool, spec, among).into_iter().map(|group| group.into_iter().map(shown).collect()).collect()
    }

    #[test]
    fn ids_in_all_their_forms() {
        let six = "bash-5.1.8-6.el9.x86_64";
        assert_eq!(chosen("bash", false), [[six, "bash-5.1.8-5.el9.x86_64", "bash-5.1.8-6.el9.i686"]]);
        assert_eq!(chosen("bash.x86_64", false), [[six, "bash-5.1.8-5.el9.x86_64"]]);
        assert_eq!(chosen("bash-5.1.8", false)[0].len(), 3);
        assert_eq!(chosen("bash-5.1.8-6.el9", false), [[six, "bash-5.1.8-6.el9.i686"]]);
        assert_eq!(chosen("bash-0:5.1.8-6.el9.x86_64", false), [[six]]);
        assert_eq!(chosen("bash-1:5.1.8-6.el9.x86_64", false), [[""; 0]; 0]);
        assert_eq!(chosen("foo-bar", false), [["foo-bar-1:2.0-1.noarch"]]);
        assert_eq!(chosen("foo-bar-1:2.0", false), [["foo-bar-1:2.0-1.noarch"]]);
        assert_eq!(chosen("foo-2.0-1", false), [["foo-2.0-1.noarch"]]);
        assert_eq!(chosen("foo.x86_64", false), [["foo.x86_64-1-1.noarch"]]);
        for not_an_id in ["bash-:5.1.8", "bash-a:5.1.8", "bash-5.1.8-:6.el9", "0:bash", "ba sh"] {
            assert_eq!(chosen(not_an_id, false), [[""; 0]; 0], "{not_an_id}");
        }
    }

    #[test]
    fn a_pattern_that_fits_no_form_is_matched_against_the_whole_id() {
        let ids = |pattern: &str| {
            let mut ids = chosen(pattern, false).concat();
            ids.sort_unstable();
            ids
        };
        assert_eq!(ids("b*h-5.1.8*x86_64"), ["bash-5.1.8-5.el9.x86_64", "bash-5.1.8-6.el9.x86_64"]);
        assert_eq!(ids("*-[56].el9.x86?64"), ["bash-5.1.8-5.el9.x86_64", "bash-5.1.8-6.el9.x86_64"]);
        assert_eq!(ids("*[!6].el9*"), ["bash-5.1.8-5.el9.x86_64"]);
        assert_eq!(ids("*2.0*"), ["foo-2.0-1.noarch", "foo-bar-1:2.0-1.noarch"]);
        // The id includes the epoch if the pattern contains a colon, even in a character class.
        assert_eq!(ids("*:2.0*"), ["foo-2.0-1.noarch", "foo-bar-1:2.0-1.noarch"]);
        assert_eq!(ids("*-1:2*"), ["foo-bar-1:2.0-1.noarch"]);
        assert_eq!(ids("foo-b*r-[[:digit:]]:*"), ["foo-bar-1:2.0-1.noarch"]);
        assert!(ids("foo-b*r-[[:digit:]].0*").is_empty());
        for not_an_id in ["*{5,6}.el9*", "*2.0 *", "*2.0=*", "*-6.el9.x86"] {
            assert!(ids(not_an_id).is_empty(), "{not_an_id}");
        }
    }

    #[test]
    fn a_form_that_matches_goes_before_the_whole_id() {
        // Matches by name only.
        assert_eq!(chosen("*86_64", false), [["foo.x86_64-1-1.noarch"]]);
        // A pattern of versions cannot be compared: `6.el*` does not equal `6.el`.
        assert_eq!(chosen("bash-5.1.8-6.el*", false)[0].len(), 2);
        assert!(chosen("bash-5.1.8-6.e?", false).is_empty());
    }

    #[test]
    fn a_group_without_a_package_that_the_machine_runs_holds_those_for_other_architectures() {
        assert_eq!(chosen("bash.s390x", false), [["bash-5.1.8-6.el9.s390x"]]);
        assert_eq!(chosen("bash-5.1.8-6.el9.s390x", false), [["bash-5.1.8-6.el9.s390x"]]);
        assert_eq!(chosen("only-there", false), [["only-there-1-1.s390x"]]);
        assert_eq!(chosen("/usr/bin/there", false), [["only-there-1-1.s390x"]]);
        // libsolv's provides index contains only packages that can be installed.
        assert!(chosen("there", false).is_empty());
        assert_eq!(chosen("[ou]*", false), [["only-there-1-1.s390x"]]);
    }

    #[test]
    fn a_pattern_asks_for_every_name() {
        assert_eq!(chosen("python3-*", false), [["python3-a-1-1.noarch"], ["python3-b-1-1.noarch"]]);
        assert_eq!(chosen("python3-[b-z]", false), [["python3-b-1-1.noarch"]]);
        assert_eq!(chosen("bash.*", false).len(), 3);
    }

    #[test]
    fn capabilities_and_files() {
        assert_eq!(chosen("/bin/sh", false), [["bash-5.1.8-6.el9.x86_64"]]);
        assert_eq!(chosen("/usr/bin/bash", false)[0].len(), 2);
        assert_eq!(chosen("/usr/*/bash", false)[0].len(), 2);
        assert_eq!(chosen("shell >= 2", false), [["bash-5.1.8-6.el9.x86_64"]]);
        assert_eq!(chosen("shell", false)[0].len(), 2);
        assert_eq!(chosen("dnf-command(config-manager)", false), [["config-1-1.noarch"]]);
        assert_eq!(chosen("nothing", false), [[""; 0]; 0]);
        assert_eq!(chosen("", false), [[""; 0]; 0]);
    }

    #[test]
    fn lists_of_all_files_are_needed_for_paths_that_are_not_known() {
        let pool = universe::parse(UNIVERSE, &architecture::compatible("x86_64")).unwrap();
        let needs = |spec| needs_file_lists(&pool, spec);
        assert!(needs("/usr/share/doc/bash") && needs("/usr/*/bash") && needs("*/COPYING"));
        assert!(needs("/bin/sh"), "it is provided, and may have owners too");
        assert!(!needs("/usr/bin/bash") && !needs("bash*") && !needs("@core"));
    }

    #[test]
    fn a_pattern_of_capabilities_asks_for_every_name() {
        assert_eq!(chosen("[/]bin/sh", false), [["bash-5.1.8-6.el9.x86_64"]]);
        assert_eq!(chosen("shel*", false).len(), 2);
        assert_eq!(chosen("shel* >= 2", false), [["bash-5.1.8-6.el9.x86_64"]]);
    }

    #[test]
    fn a_name_may_be_replaced_by_its_obsoleter() {
        assert_eq!(chosen("foo", true), [["foo-2.0-1.noarch", "new-foo-3-1.noarch"]]);
        assert_eq!(chosen("foo-2.0", true), [["foo-2.0-1.noarch"]]);
    }

    #[test]
    fn names_for_exclusion_include_other_architectures() {
        let pool = universe::parse(UNIVERSE, &architecture::compatible("x86_64")).unwrap();
        assert_eq!(select_by_name(&pool, "bash").len(), 4);
        assert_eq!(select_by_name(&pool, "bash*.s390x").len(), 1);
        assert_eq!(select_by_name(&pool, "*el9.s390x").len(), 1);
        assert_eq!(select(&pool, "bash").len(), 3);
        assert!(select_by_name(&pool, "/bin/sh").is_empty());
    }
}
