//! `rootstrap list`: lists the packages of a root or of repositories, or the available upgrades.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use serde_json::{Value, json};

use super::advisories;
use super::arguments::{Format, ListArguments, ListFormat, SortKey};
use super::failure::{Code, Failure, Output};
use super::outputs;
use super::progress::{self, bytes};
use super::repositories::{Wanted, known_by, matches};
use super::run::Run;
use super::subject;
use super::terminal::{shown, time};
use crate::audit::Subject;
use crate::output::OutputFile;
use crate::package::PackageFacts;
use crate::pool::{Solvable, SolvableId};

/// Returns the list as text.
pub(super) fn run(arguments: &ListArguments) -> Result<Vec<u8>, Failure> {
    let nothing = arguments.subjects.is_empty();
    if nothing && !arguments.available && arguments.request.distro.is_none() && arguments.request.repo.is_empty() {
        return Err(Failure::usage("say what to list the packages of: a root file system, an image, a lock file").hint(
            "or a request: --distro NAME --release RELEASE --variant VARIANT; `--available` lists what repositories have",
        ));
    }
    let of_subjects = !arguments.available && !arguments.upgradable && !arguments.advisories;
    if !of_subjects && (arguments.format == ListFormat::Parquet || arguments.subjects.len() > 1) {
        return Err(Failure::usage("several subjects, and tables of them, are of what is installed"));
    }
    let inputs: Vec<_> = arguments.subjects.iter().map(|place| ("SUBJECT", Some(place.as_path()))).collect();
    let stats = arguments.output.stats.as_deref();
    outputs::distinct(&[("--stats", stats), ("--output", arguments.to.as_deref())], &inputs)?;
    let file = outputs::result(arguments.to.as_deref())?;
    let run = Run::new(&arguments.output)?;
    if !of_subjects {
        let text = match arguments.root() {
            root if arguments.advisories => advisories::list(arguments, root, &run)?,
            Some(root) if arguments.upgradable => upgradable(arguments, root, &run)?,
            None if arguments.upgradable => return Err(Failure::usage("--upgradable needs a root file system")),
            _ => available(arguments, &run)?,
        };
        return to(file, text.into_bytes(), &run);
    }
    let wanted = |dependencies| subject::Wanted { tree: false, dependencies };
    // Plans and locks do not contain licenses and build times; only repositories do.
    let tells_more = arguments.format == ListFormat::Parquet || matches!(arguments.sort, SortKey::BuildTime | SortKey::License);
    let has_repositories = arguments.request.distro.is_some() || !arguments.request.repo.is_empty();
    let open = |place: Option<&Path>| {
        let wanted = wanted(tells_more && has_repositories);
        let mut subject = subject::open(place, &arguments.request, &run, wanted)?;
        subject.packages.retain(|package| is_listed(arguments, &package.name));
        // Indexes in the set refer to all packages.
        subject.set = None;
        Ok(subject)
    };
    let Sorted { mut subjects, broken } = if nothing {
        Sorted { subjects: vec![open(None)?], broken: Vec::new() }
    } else {
        sorted_out(arguments, &|place| open(Some(place)))?
    };
    let result = if arguments.format == ListFormat::Parquet {
        table(&subjects)?
    } else {
        for subject in &mut subjects {
            sort(&mut subject.packages, arguments.sort, arguments.reverse);
        }
        listed(arguments, &subjects, &broken).into_bytes()
    };
    let result = to(file, result, &run)?;
    if broken.is_empty() {
        return Ok(result);
    }
    let count = subjects.len() + broken.len();
    let mut failure = run.or_stopped(of_broken(broken, count));
    failure.output = Some(Box::new(Output(result)));
    Err(failure)
}

/// The classified words of the command line: opened subjects, requested packages, and subjects that
/// cannot be opened.
struct Sorted {
    subjects: Vec<Subject>,
    broken: Vec<(String, Failure)>,
}

/// Opens the subjects: the first word, and every other word that can be opened. The remaining words
/// are packages of the subjects, as for `info`.
fn sorted_out(arguments: &ListArguments, open: &dyn Fn(&Path) -> Result<Subject, Failure>) -> Result<Sorted, Failure> {
    let mut subjects = Vec::new();
    let mut others: Vec<(bool, &Path, Option<Failure>)> = Vec::new();
    for (position, word) in arguments.subjects.iter().enumerate() {
        let is_first = position == 0;
        let there = is_first || subject::is_there(word);
        match there.then(|| open(word)) {
            Some(Ok(subject)) => subjects.push(subject),
            failed => others.push((is_first, word, failed.and_then(Result::err))),
        }
    }
    let (mut broken, mut words, mut unknown): (Vec<(String, Failure)>, Vec<&OsStr>, Vec<&OsStr>) = Default::default();
    for (is_first, word, failure) in others {
        let text = word.as_os_str();
        let is_path = text.as_bytes().contains(&b'/') || text.as_bytes().starts_with(b".");
        if !is_first && subjects.iter().flat_map(|subject| &subject.packages).any(|package| subject::means(text, package)) {
            words.push(text);
        } else if is_first || is_path || failure.is_some() || subjects.len() > 1 {
            let absent = || Failure::failed(format!("cannot read {}: no such file or directory", shown(text.as_bytes())));
            broken.push((word.to_string_lossy().into_owned(), failure.unwrap_or_else(absent)));
        } else {
            unknown.push(text);
        }
    }
    if subjects.is_empty() && broken.len() == 1 {
        return Err(broken.remove(0).1);
    }
    if let Some(subject) = subjects.first().filter(|_| !unknown.is_empty()) {
        let is_json = arguments.format == ListFormat::Json;
        let format = if is_json { Format::Json } else { Format::Human };
        return Err(subject::unknown_packages(Path::new(&subject.name), &unknown, &subject.packages, format));
    }
    if !words.is_empty() {
        for subject in &mut subjects {
            subject.packages.retain(|package| words.iter().any(|word| subject::means(word, package)));
        }
    }
    Ok(Sorted { subjects, broken })
}

/// Returns the failure if some of the subjects cannot be opened.
fn of_broken(mut broken: Vec<(String, Failure)>, count: usize) -> Failure {
    if broken.len() == 1 {
        return Failure { code: Code::Failed, ..broken.remove(0).1 };
    }
    let failure = Failure::failed(format!("{} of {count} subjects cannot be listed", broken.len()));
    let told = |(name, why): &(String, Failure)| {
        if why.message.contains(name.as_str()) { why.message.clone() } else { format!("{name}: {}", why.message) }
    };
    broken.iter().map(told).fold(failure, Failure::detail)
}

#[cfg(feature = "parquet")]
fn table(subjects: &[Subject]) -> Result<Vec<u8>, Failure> {
    crate::audit::fleet::write(subjects, Vec::new()).map_err(|error| Failure::failed(error.to_string()))
}

#[cfg(not(feature = "parquet"))]
fn table(_: &[Subject]) -> Result<Vec<u8>, Failure> {
    Err(Failure::usage("this rootstrap was built without Parquet").hint("cargo build --features parquet"))
}

/// Writes the result to the requested file, if any.
fn to(file: Option<OutputFile>, result: Vec<u8>, run: &Run) -> Result<Vec<u8>, Failure> {
    let Some(file) = file else { return Ok(result) };
    run.write(file, &result)?;
    Ok(Vec::new())
}

fn sort(packages: &mut [PackageFacts], key: SortKey, reverse: bool) {
    packages.sort_by(|a, b| {
        let order = match key {
            SortKey::Name => std::cmp::Ordering::Equal,
            SortKey::Size => b.installed_size.cmp(&a.installed_size),
            SortKey::BuildTime => b.build_time.cmp(&a.build_time),
            SortKey::License => a.license.cmp(&b.license),
        };
        order.then_with(|| a.id.cmp(&b.id))
    });
    if reverse {
        packages.reverse();
    }
}

pub(super) fn is_listed(arguments: &ListArguments, name: &str) -> bool {
    arguments.patterns.is_empty() || arguments.patterns.iter().any(|pattern| matches(pattern, name))
}

/// Formats the packages of each subject. Several subjects are labeled with their names.
fn listed(arguments: &ListArguments, subjects: &[Subject], broken: &[(String, Failure)]) -> String {
    let is_json = arguments.format == ListFormat::Json;
    let by = arguments.sort;
    match subjects {
        [one] if is_json && broken.is_empty() => format!("{:#}\n", json!({"schema": 1, "packages": one.packages})),
        [one] if broken.is_empty() => human(&one.packages, by),
        several if is_json => {
            let of = |subject: &Subject| json!({"subject": subject.name, "packages": subject.packages});
            let failed = |(name, why): &(String, Failure)| json!({"subject": name, "error": why.message});
            let all: Vec<Value> = several.iter().map(of).chain(broken.iter().map(failed)).collect();
            format!("{:#}\n", json!({"schema": 1, "subjects": all}))
        }
        several => {
            let of = |subject: &Subject| format!("{}:\n{}", shown(subject.name.as_bytes()), human(&subject.packages, by));
            several.iter().map(of).collect::<Vec<_>>().join("\n")
        }
    }
}

fn available(arguments: &ListArguments, run: &Run) -> Result<String, Failure> {
    let known = known_by(run, &arguments.request, Wanted::default())?;
    let found = known.available().filter(|package| is_listed(arguments, package.name())).map(Solvable::id).collect();
    let found = known.newest(found);
    if arguments.format == ListFormat::Json {
        let packages: Vec<Value> = found.iter().map(|&id| known.json(id)).collect();
        return Ok(format!("{:#}\n", json!({"schema": 1, "packages": packages})));
    }
    let id_of = |&id: &SolvableId| shown(known.identity(id).id.as_bytes());
    let width = found.iter().map(|id| id_of(id).chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for id in &found {
        let package = known.pool.solvable(*id);
        let _ = writeln!(text, "{:<width$}  {:>10}  {}", id_of(id), bytes(package.installed_size()), package.repo_name());
    }
    Ok(text + &format!("{}\n", progress::packages(found.len() as u64)))
}

/// Returns the newest available upgrade of each installed package as text.
fn upgradable(arguments: &ListArguments, root: &Path, run: &Run) -> Result<String, Failure> {
    let wanted = Wanted { root: Some(root.to_owned()), ..Wanted::default() };
    let known = known_by(run, &arguments.request, wanted)?;
    let pool = &known.pool;
    let mut rows: Vec<(SolvableId, SolvableId)> = Vec::new();
    for old in pool.installed_solvables().filter(|package| is_listed(arguments, package.name())) {
        let named = pool.named(old.name_id()).iter().map(|&id| pool.solvable(id));
        let newer = named.filter(|new| {
            !new.is_installed()
                && new.arch_rank().is_some()
                && new.repo_tag().is_none()
                && new.version_rank() > old.version_rank()
                && (new.arch_id() == old.arch_id() || new.arch_rank() == Some(0) || old.arch_rank() == Some(0))
        });
        rows.extend(newer.max_by_key(|new| new.version_rank()).map(|new| (old.id(), new.id())));
    }
    rows.sort_by_key(|&(old, _)| pool.solvable(old).name());
    if arguments.format == ListFormat::Json {
        let row = |&(old, new): &(SolvableId, SolvableId)| {
            let mut value = known.json(new);
            value["installed"] = json!(known.identity(old).id);
            value
        };
        return Ok(format!("{:#}\n", json!({"schema": 1, "packages": rows.iter().map(row).collect::<Vec<_>>()})));
    }
    let mut text = String::new();
    for (old, new) in &rows {
        let (from, to) = (pool.solvable(*old).version(), pool.solvable(*new));
        let _ = writeln!(text, "{} {from} -> {} ({})", shown(to.name().as_bytes()), to.version(), to.repo_name());
    }
    Ok(text + &format!("{} upgradable\n", progress::packages(rows.len() as u64)))
}

fn human(packages: &[PackageFacts], by: SortKey) -> String {
    let rows: Vec<[String; 3]> = packages
        .iter()
        .map(|package| {
            let license = package.license.as_deref().unwrap_or_default();
            let license = shown(license.as_bytes());
            // The output shows the sort key.
            let last = match (by, package.build_time) {
                (SortKey::BuildTime, Some(built)) => format!("{}  {license}", time(built)),
                (SortKey::BuildTime, None) => format!("{:20}  {license}", ""),
                _ => license,
            };
            [shown(package.id.as_bytes()), bytes(package.installed_size), last]
        })
        .collect();
    let width = rows.iter().map(|[id, ..]| id.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for [id, size, license] in rows {
        text += format!("{id:<width$}  {size:>10}  {license}").trim_end();
        text.push('\n');
    }
    let total = packages.iter().fold(0u64, |sum, package| sum.saturating_add(package.installed_size));
    text + &format!("{}, {} installed\n", progress::packages(packages.len() as u64), bytes(total))
}
