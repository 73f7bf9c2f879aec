//! `rootstrap search` and `rootstrap provides`: find packages in the repositories.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::arguments::{Format, ProvidesArguments, SearchArguments};
use super::failure::Failure;
use super::repositories::{Known, Wanted, known, matches};
use super::terminal::shown;
use crate::pool::{Kind, Solvable, SolvableId};

/// Returns the packages whose names, or descriptions, match all words.
pub(super) fn search(arguments: &SearchArguments) -> Result<String, Failure> {
    let texts = arguments.description || arguments.output.verbose || arguments.output.format == Format::Json;
    let known = known(&arguments.request, &arguments.output, Wanted { texts, ..Wanted::default() })?;
    let fits = |word: &String, package: Solvable<'_>| {
        let name = package.name();
        let by_name = if arguments.exact { matches(word, name) } else { matches(&around(word), name) };
        let said = known.texts(package.id()).filter(|_| arguments.description);
        let lower = word.trim_matches('*').to_lowercase();
        by_name
            || said
                .is_some_and(|texts| [&texts.summary, &texts.description].iter().any(|text| text.to_lowercase().contains(&lower)))
    };
    let all = |package: &Solvable<'_>| arguments.patterns.iter().all(|word| fits(word, *package));
    let mut found: Vec<SolvableId> = known.available().filter(all).map(Solvable::id).collect();
    if arguments.all {
        found.sort_by_key(|&id| (known.pool.solvable(id).name(), known.pool.solvable(id).version_rank(), id));
    } else {
        found = known.newest(found);
    }
    Ok(told(&known, &found, arguments.output.format, arguments.output.verbose))
}

/// Returns a pattern that matches a word anywhere in a name; a pattern stays unchanged.
fn around(word: &str) -> String {
    if word.contains(['*', '?', '[']) { word.to_owned() } else { format!("*{word}*") }
}

/// The directories in which a bare word is looked up as a program.
const PROGRAMS: [&str; 4] = ["/bin/", "/sbin/", "/usr/bin/", "/usr/sbin/"];

/// Returns the packages that own a file; or else provide a capability; or else own a program of
/// that name (dnf's `Base.provides`).
pub(super) fn provides(arguments: &ProvidesArguments) -> Result<String, Failure> {
    let may_be_path = |what: &&String| what.starts_with(['/', '*', '?', '[']);
    let paths = arguments.what.iter().filter(may_be_path).cloned().collect();
    let known = known(&arguments.request, &arguments.output, Wanted { paths, ..Wanted::default() })?;
    let found = arguments.what.iter().flat_map(|what| providers(&known, what)).collect::<BTreeSet<_>>();
    let found = known.newest(found.into_iter().collect());
    if found.is_empty() {
        return Err(known.nothing_has(&arguments.what));
    }
    Ok(told(&known, &found, arguments.output.format, false))
}

/// Returns the packages that match one word of `provides`.
fn providers(known: &Known, what: &str) -> Vec<SolvableId> {
    let pool = &known.pool;
    let owners = |paths: &[String]| -> Vec<SolvableId> {
        let owns =
            |package: &Solvable<'_>| package.files().iter().any(|&file| paths.iter().any(|path| matches(path, pool.text(file))));
        known.available().filter(owns).map(Solvable::id).collect()
    };
    let is_meant = |text: &str| {
        matches(what, text) || text.split_once([' ', '=', '<', '>', '~']).is_some_and(|(name, _)| matches(what, name))
    };
    let gives =
        |package: &Solvable<'_>| package.dependencies(Kind::Provides).iter().any(|&provided| is_meant(&pool.display(provided)));
    let capability = || known.available().filter(gives).map(Solvable::id).collect();
    let program = || if what.contains('/') { Vec::new() } else { owners(&PROGRAMS.map(|directory| directory.to_owned() + what)) };
    let ways: [&dyn Fn() -> Vec<SolvableId>; 3] = [&|| owners(&[what.to_owned()]), &capability, &program];
    ways.into_iter().map(|way| way()).find(|found| !found.is_empty()).unwrap_or_default()
}

fn told(known: &Known, found: &[SolvableId], format: Format, verbose: bool) -> String {
    if format == Format::Json {
        let packages: Vec<Value> = found.iter().map(|&id| known.json(id)).collect();
        return format!("{:#}\n", json!({"schema": 1, "packages": packages}));
    }
    let mut text = String::new();
    for &id in found {
        let name = shown(known.identity(id).id.as_bytes());
        let _ = match known.texts(id).filter(|_| verbose) {
            Some(texts) => writeln!(text, "{name} - {}", shown(texts.summary.as_bytes())),
            None => writeln!(text, "{name}"),
        };
    }
    text
}
