//! `rootstrap list`: the packages of a root, of repositories, or those that could be newer.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};

use super::advisories;
use super::arguments::{ListArguments, ListFormat, SortKey};
use super::failure::Failure;
use super::progress::{self, bytes};
use super::repositories::{Wanted, known, matches};
use super::run::Run;
use super::subject;
use super::terminal::{shown, time};
use crate::audit::Subject;
use crate::package::PackageFacts;
use crate::pool::{Solvable, SolvableId};

/// The list as text.
pub(super) fn run(arguments: &ListArguments) -> Result<Vec<u8>, Failure> {
    let nothing = arguments.subjects.is_empty();
    if nothing && !arguments.available && arguments.request.distro.is_none() && arguments.request.repo.is_empty() {
        return Err(Failure::usage("say what to list the packages of: a root file system, an image, a lock file").hint(
            "or a request: --distro NAME --release RELEASE --variant VARIANT; `--available` lists what repositories have",
        ));
    }
    let of_subjects = !arguments.available && !arguments.upgradable && !arguments.advisories;
    if !of_subjects {
        if arguments.format == ListFormat::Parquet || arguments.subjects.len() > 1 {
            return Err(Failure::usage("several subjects, and tables of them, are of what is installed"));
        }
        return to(
            arguments,
            match arguments.root() {
                root if arguments.advisories => advisories::list(arguments, root)?.into_bytes(),
                Some(root) if arguments.upgradable => upgradable(arguments, root)?.into_bytes(),
                None if arguments.upgradable => return Err(Failure::usage("--upgradable needs a root file system")),
                _ => available(arguments)?.into_bytes(),
            },
        );
    }
    let run = Run::new(&arguments.output)?;
    let wanted = |dependencies| subject::Wanted { tree: false, dependencies };
    // Of plans and locks only repositories tell licences and times.
    let tells_more = arguments.format == ListFormat::Parquet || matches!(arguments.sort, SortKey::BuildTime | SortKey::License);
    let has_repositories = arguments.request.distro.is_some() || !arguments.request.repo.is_empty();
    let open = |place: Option<&Path>| {
        let mut subject = subject::open(place, &arguments.request, &run, wanted(tells_more && has_repositories))?;
        subject.packages.retain(|package| is_listed(arguments, &package.name));
        // Places in the set are those of all packages.
        subject.set = None;
        Ok(subject)
    };
    let mut subjects: Vec<Subject> = if nothing {
        vec![open(None)?]
    } else {
        arguments.subjects.iter().map(|place| open(Some(place))).collect::<Result<_, Failure>>()?
    };
    if arguments.format == ListFormat::Parquet {
        return to(arguments, table(&subjects)?);
    }
    for subject in &mut subjects {
        sort(&mut subject.packages, arguments.sort, arguments.reverse);
    }
    to(arguments, listed(arguments, &subjects).into_bytes())
}

#[cfg(feature = "parquet")]
fn table(subjects: &[Subject]) -> Result<Vec<u8>, Failure> {
    crate::audit::fleet::write(subjects, Vec::new()).map_err(|error| Failure::failed(error.to_string()))
}

#[cfg(not(feature = "parquet"))]
fn table(_: &[Subject]) -> Result<Vec<u8>, Failure> {
    Err(Failure::usage("this rootstrap was built without Parquet").hint("cargo build --features parquet"))
}

/// Where the result goes.
fn to(arguments: &ListArguments, result: Vec<u8>) -> Result<Vec<u8>, Failure> {
    let Some(path) = &arguments.to else { return Ok(result) };
    std::fs::write(path, result).map_err(|error| Failure::failed(format!("cannot write {}: {error}", path.display())))?;
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

/// The packages of each subject; of several with what each is called.
fn listed(arguments: &ListArguments, subjects: &[Subject]) -> String {
    let is_json = arguments.format == ListFormat::Json;
    let by = arguments.sort;
    match subjects {
        [one] if is_json => format!("{:#}\n", json!({"schema": 1, "packages": one.packages})),
        [one] => human(&one.packages, by),
        several if is_json => {
            let of = |subject: &Subject| json!({"subject": subject.name, "packages": subject.packages});
            format!("{:#}\n", json!({"schema": 1, "subjects": several.iter().map(of).collect::<Vec<_>>()}))
        }
        several => {
            let of = |subject: &Subject| format!("{}:\n{}", shown(subject.name.as_bytes()), human(&subject.packages, by));
            several.iter().map(of).collect::<Vec<_>>().join("\n")
        }
    }
}

fn available(arguments: &ListArguments) -> Result<String, Failure> {
    let known = known(&arguments.request, &arguments.output, Wanted::default())?;
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

/// Of each installed package the newest that would take its place.
fn upgradable(arguments: &ListArguments, root: &Path) -> Result<String, Failure> {
    let wanted = Wanted { root: Some(root.to_owned()), ..Wanted::default() };
    let known = known(&arguments.request, &arguments.output, wanted)?;
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
            // What it is sorted by is seen.
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
