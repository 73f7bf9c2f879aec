//! `rootstrap cache`: lists, prunes and verifies the cached downloads and metadata.

use std::io;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::arguments::{CacheArguments, CacheCommand, Format};
use super::failure::{Code, Failure};
use super::progress::{bytes, count};
use super::run::cache_directory;
use crate::fetch::Store;
use crate::repo::{Cache, CacheEntry, CacheKind, Cleaned, Cleaning, Damage, Verified};

/// Performs the action and returns its result as text.
pub(super) fn run(arguments: &CacheArguments) -> Result<String, Failure> {
    let store = Store::new(&cache_directory(arguments.cache_dir.as_deref())?);
    let cache = Cache::new(&store);
    let failed = |error: io::Error| {
        Failure::failed(format!("cannot use the cache in {}: {error}", store.root().display()))
            .hint("another one: --cache-dir DIR")
    };
    match arguments.command {
        CacheCommand::List => Ok(listed(store.root(), &cache.entries().map_err(failed)?, arguments.format)),
        CacheCommand::Clean { max_size, pools, files, inflated } => {
            let asked = [(pools, CacheKind::Pool), (files, CacheKind::File), (inflated, CacheKind::Inflated)];
            let kind = asked.into_iter().find_map(|(is_asked, kind)| is_asked.then_some(kind));
            let cleaned = cache.clean(Cleaning { kind, max_size }).map_err(failed)?;
            Ok(told_of_cleaning(store.root(), &cleaned, arguments.format))
        }
        CacheCommand::Verify => told_of_damage(store.root(), &cache.verify(&|_| {}).map_err(failed)?, arguments.format),
    }
}

fn size(entries: &[CacheEntry]) -> u64 {
    entries.iter().fold(0, |sum, entry| sum.saturating_add(entry.size))
}

/// Returns the number of entries and their total size.
fn amount(entries: &[CacheEntry]) -> Value {
    json!({"count": entries.len(), "bytes": size(entries)})
}

fn files(entries: &[CacheEntry]) -> String {
    let noun = if entries.len() == 1 { "file" } else { "files" };
    format!("{} {noun}, {}", count(entries.len() as u64), bytes(size(entries)))
}

fn listed(root: &Path, entries: &[CacheEntry], format: Format) -> String {
    let of = |kind| entries.iter().filter(|entry| entry.kind == kind).cloned().collect::<Vec<_>>();
    if format == Format::Json {
        let kinds: Map<String, Value> =
            CacheKind::ALL.map(|kind| (kind.name().to_owned(), amount(&of(kind)))).into_iter().collect();
        let mut value = json!({"schema": 1, "directory": root.to_string_lossy(), "total": amount(entries)});
        if let Some(value) = value.as_object_mut() {
            value.extend(kinds);
        }
        return format!("{value:#}\n");
    }
    let row = |name: &str, entries: &[CacheEntry]| {
        format!("{name:<10}  {:>7}  {:>10}\n", count(entries.len() as u64), bytes(size(entries)))
    };
    let rows: String = CacheKind::ALL.into_iter().map(|kind| row(kind.name(), &of(kind))).collect();
    format!("{}\n{rows}{}", root.display(), row("total", entries))
}

fn told_of_cleaning(root: &Path, cleaned: &Cleaned, format: Format) -> String {
    let Cleaned { removed, left } = cleaned;
    if format == Format::Json {
        let value = json!({"schema": 1, "directory": root.to_string_lossy(), "removed": amount(removed), "left": amount(left)});
        return format!("{value:#}\n");
    }
    let mut text = format!("removed {}; {} left\n", files(removed), files(left));
    let written = left.iter().filter(|entry| entry.kind == CacheKind::Unfinished).count();
    if written > 0 {
        text += &format!("{} unfinished may still be written by another process: those go a day later\n", count(written as u64));
    }
    text
}

fn told_of_damage(root: &Path, verified: &Verified, format: Format) -> Result<String, Failure> {
    let Verified { whole, foreign, damaged } = verified;
    let shown = |entry: &CacheEntry| entry.path.strip_prefix(root).unwrap_or(&entry.path).display().to_string();
    let one = |(entry, damage): &(CacheEntry, Damage)| json!({"file": shown(entry), "problem": damage.to_string()});
    let value = json!({
        "schema": 1, "directory": root.to_string_lossy(), "whole": amount(whole), "other_versions": amount(foreign),
        "damaged": damaged.iter().map(one).collect::<Vec<_>>(),
    });
    if damaged.is_empty() {
        return Ok(if format == Format::Json { format!("{value:#}\n") } else { format!("{} whole\n", files(whole)) });
    }
    let is_one = damaged.len() == 1;
    let what = if is_one {
        "1 file of the cache was damaged and is removed".to_owned()
    } else {
        format!("{} files of the cache were damaged and are removed", count(damaged.len() as u64))
    };
    let mut failure = Failure::new(Code::Verification, what);
    for (entry, damage) in damaged {
        failure = failure.detail(format!("{}: {damage}", shown(entry)));
    }
    failure = failure.detail(format!("{} whole", files(whole)));
    failure.problems = Some(value);
    Err(failure.hint("what is needed is got again; if it happens again, the disk may be at fault"))
}
