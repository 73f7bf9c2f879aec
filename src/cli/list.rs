//! `rootstrap list`: the packages of a root, of repositories, or those that could be newer.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};

use super::advisories;
use super::arguments::{Format, ListArguments};
use super::failure::Failure;
use super::progress::{self, bytes};
use super::repositories::{Wanted, known, matches};
use super::run::Run;
use super::subject;
use super::terminal::shown;
use crate::package::PackageFacts;
use crate::pool::{Solvable, SolvableId};

/// The list as text.
pub(super) fn run(arguments: &ListArguments) -> Result<Vec<u8>, Failure> {
    let text = match &arguments.root {
        root if arguments.advisories => advisories::list(arguments, root.as_deref())?,
        Some(root) if arguments.upgradable => upgradable(arguments, root)?,
        Some(root) if !arguments.available => installed(arguments, root)?,
        _ => available(arguments)?,
    };
    Ok(text.into_bytes())
}

pub(super) fn is_listed(arguments: &ListArguments, name: &str) -> bool {
    arguments.patterns.is_empty() || arguments.patterns.iter().any(|pattern| matches(pattern, name))
}

fn installed(arguments: &ListArguments, root: &Path) -> Result<String, Failure> {
    let run = Run::new(&arguments.output)?;
    let mut packages = subject::open(Some(root), &arguments.request, &run, subject::Wanted::default())?.packages;
    packages.retain(|package| is_listed(arguments, &package.name));
    Ok(match arguments.output.format {
        Format::Human => human(&packages),
        Format::Json => format!("{:#}\n", json!({"schema": 1, "packages": packages})),
    })
}

fn available(arguments: &ListArguments) -> Result<String, Failure> {
    let known = known(&arguments.request, &arguments.output, Wanted::default())?;
    let found = known.available().filter(|package| is_listed(arguments, package.name())).map(Solvable::id).collect();
    let found = known.newest(found);
    if arguments.output.format == Format::Json {
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
    if arguments.output.format == Format::Json {
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

fn human(packages: &[PackageFacts]) -> String {
    let rows: Vec<[String; 3]> = packages
        .iter()
        .map(|package| {
            let license = package.license.as_deref().unwrap_or_default();
            [shown(package.id.as_bytes()), bytes(package.installed_size), shown(license.as_bytes())]
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
