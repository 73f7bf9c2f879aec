//! `rootstrap diff`: prints the differences between two sets of packages for people, programs and
//! pull requests.

mod markdown;

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::arguments::{DiffArguments, DiffFormat, RequestArguments};
use super::audit;
use super::failure::{Code, Failure};
use super::packaging::{Job, run_with};
use super::progress::{bytes, count, packages};
use super::run::Run;
use super::subject::{Wanted, open};
use super::terminal::shown;
use crate::audit::diff::{Advisories, Both, Change, Diff, Moved};
use crate::audit::{Finding, Subject};
use crate::ecosystem::Ecosystem;
use crate::output::oci::is_archive;

/// Maximum number of paths and names of each kind in the text output, unless all are requested.
const FEW: usize = 40;

/// Returns the differences as text.
pub(super) fn run(arguments: &DiffArguments) -> Result<String, Failure> {
    let run = Run::new(&arguments.how)?;
    let has_repositories = arguments.request.distro.is_some() || !arguments.request.repo.is_empty();
    let open_one = |place: Option<&Path>| {
        // The packages that a document lists are known without the repositories. Their provides are
        // not, so they are read only if repositories are named.
        let is_document = place.is_some_and(|place| place.is_file() && !is_archive(place));
        let wanted = Wanted { tree: true, dependencies: !is_document || has_repositories };
        open(place, &arguments.request, &run, wanted)
    };
    let from = open_one(Some(&arguments.from))?;
    let to = open_one(arguments.to.as_deref())?;
    let diff = between(&from, &to, &arguments.advisories, &arguments.request, &run)?;
    Ok(match arguments.format {
        DiffFormat::Json => format!("{:#}\n", told(&from, &to, &diff)),
        DiffFormat::Human => human(&from, &to, &diff, if arguments.all { usize::MAX } else { FEW }),
        DiffFormat::Markdown => markdown::page(&from, &to, &diff, if arguments.all { usize::MAX } else { FEW }),
    })
}

/// Returns the differences between two subjects, and the advisories that concern only one of them.
/// Advisories come from the given files or from the repositories.
pub(super) fn between(
    from: &Subject,
    to: &Subject,
    advisories: &[PathBuf],
    request: &RequestArguments,
    run: &Run,
) -> Result<Diff, Failure> {
    if from.packaging != to.packaging {
        return Err(Failure::usage(format!("{} and {} have packages of different kinds", from.name, to.name)));
    }
    run_with(from.packaging, Compare { advisories, request, run, from, to })
}

struct Compare<'a> {
    advisories: &'a [PathBuf],
    request: &'a RequestArguments,
    run: &'a Run,
    from: &'a Subject,
    to: &'a Subject,
}

impl Job for Compare<'_> {
    type Output = Result<Diff, Failure>;

    fn run<E: Ecosystem>(self, ecosystem: &E) -> Self::Output {
        let Self { advisories, request, run, from, to } = self;
        let mut diff = Diff::of(ecosystem, from, to).map_err(|error| {
            Failure::new(Code::Failed, format!("cannot read a file of {} or {}: {error}", from.name, to.name))
        })?;
        let findings = |subject: &Subject| -> Result<Option<Vec<Finding>>, Failure> {
            let said = audit::advisories(ecosystem, advisories, request, subject, run)?;
            Ok(said.map(|said| crate::audit::advisories(ecosystem, subject, &said)))
        };
        if !advisories.is_empty() || request.distro.is_some() || !request.repo.is_empty() {
            diff.advisories = match (findings(from)?, findings(to)?) {
                (Some(from), Some(to)) => Some(Advisories::of(from, to)),
                (known, _) if !advisories.is_empty() => {
                    let without = if known.is_none() { from } else { to };
                    return Err(Failure::not_looked_at(format!("no advisories about {} were read", without.name))
                        .detail("expected  advisories about the release of both sets, or no --advisories"));
                }
                _ => None,
            };
        }
        Ok(diff)
    }
}

pub(super) fn told(from: &Subject, to: &Subject, diff: &Diff) -> Value {
    let mut value = json!(diff);
    value["schema"] = json!(1);
    value["from"] = json!(from.name);
    value["to"] = json!(to.name);
    value["same"] = json!(diff.is_empty());
    value
}

/// Formats a difference of bytes with its sign.
fn growth(change: i64) -> String {
    format!("{}{}", if change < 0 { "-" } else { "+" }, bytes(change.unsigned_abs()))
}

fn grown(both: Both) -> i64 {
    i64::try_from(i128::from(both.to) - i128::from(both.from)).unwrap_or_default()
}

/// Describes the change of a path in a few words. Digests are omitted because they do not help a
/// person.
fn change(change: &Change) -> String {
    match change.what.as_str() {
        "content" => "content".to_owned(),
        "size" => format!("size {}", growth(size(&change.to) - size(&change.from))),
        what => format!("{what} {} -> {}", change.from, change.to),
    }
}

fn size(text: &str) -> i64 {
    text.parse().unwrap_or_default()
}

fn human(from: &Subject, to: &Subject, diff: &Diff, most: usize) -> String {
    let mut text = String::new();
    let safe = |name: &str| shown(name.as_bytes());
    let mut lines = |title: &str, lines: Vec<String>| {
        if lines.is_empty() {
            return;
        }
        text += &format!("{title} ({})\n", count(lines.len() as u64));
        for line in lines.iter().take(most) {
            text += &format!("  {line}\n");
        }
        if lines.len() > most {
            text += &format!("  and {} more (--all)\n", count((lines.len() - most) as u64));
        }
    };
    let listed = |list: &[crate::audit::diff::Listed]| {
        list.iter().map(|package| format!("{}  {}", safe(&package.id), bytes(package.installed_size))).collect()
    };
    let moved = |moved: &[Moved]| {
        let line = |moved: &Moved| {
            format!("{} {} -> {}  {}", safe(&moved.name), safe(&moved.from), safe(&moved.to), growth(moved.growth))
        };
        moved.iter().map(line).collect()
    };
    if let Some(advisories) = &diff.advisories {
        let finding = |finding: &Finding| {
            let [id, package] = [&finding.id, &finding.package].map(|text| safe(text.as_deref().unwrap_or_default()));
            format!("{id} ({}) {package}  {}", finding.severity.name(), safe(&finding.cves.join(" ")))
        };
        lines("Advisories introduced", advisories.introduced.iter().map(finding).collect());
        lines("Advisories fixed", advisories.fixed.iter().map(finding).collect());
    }
    lines("Packages added", listed(&diff.packages.added));
    lines("Packages removed", listed(&diff.packages.removed));
    lines("Packages upgraded", moved(&diff.packages.upgraded));
    lines("Packages downgraded", moved(&diff.packages.downgraded));
    lines("Packages built again", diff.packages.rebuilt.iter().map(|id| safe(id)).collect());
    if let Some(files) = &diff.files {
        let risk = |file: &crate::audit::diff::RiskyFile| {
            let package = file.package.as_ref().map(|id| format!("  ({})", safe(id))).unwrap_or_default();
            format!("{} {}  {}{package}", file.mode, safe(&file.path), file.risk.text())
        };
        lines("Risky now and not before", files.new_risks.iter().map(risk).collect());
        lines("Risky no more", files.gone_risks.iter().map(risk).collect());
        lines("Files added", files.added.iter().map(|file| safe(&file.path)).collect());
        lines("Files removed", files.removed.iter().map(|file| safe(&file.path)).collect());
        let changed = |file: &crate::audit::diff::ChangedFile| {
            format!("{}  {}", safe(&file.path), file.changes.iter().map(change).collect::<Vec<_>>().join(", "))
        };
        lines("Files changed", files.changed.iter().map(changed).collect());
    }
    if let Some(names) = &diff.capabilities {
        lines("Capabilities that appeared", names.added.iter().map(|name| safe(name)).collect());
        lines("Capabilities that went", names.removed.iter().map(|name| safe(name)).collect());
    }
    if diff.is_empty() {
        text += "nothing is different\n";
    }
    text + &summary(from, to, diff)
}

/// Describes the sizes, and the parts that were not compared.
fn summary(from: &Subject, to: &Subject, diff: &Diff) -> String {
    let sizes = &diff.sizes;
    let mut text = format!(
        "{} -> {}; {} -> {} installed ({})\n",
        packages(sizes.packages.from),
        packages(sizes.packages.to),
        bytes(sizes.installed.from),
        bytes(sizes.installed.to),
        growth(grown(sizes.installed))
    );
    if let Some(files) = sizes.files {
        text += &format!("files: {} -> {} ({})\n", bytes(files.from), bytes(files.to), growth(grown(files)));
    }
    for without in [from, to].into_iter().filter(|subject| subject.tree.is_none()) {
        text += &format!("{} has no files of its own: files are not compared\n", shown(without.name.as_bytes()));
    }
    text
}
