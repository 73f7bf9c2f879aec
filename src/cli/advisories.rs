//! `rootstrap list --advisories`: lists the advisories for updates that a root lacks, for updates
//! that it has, or all.

use std::cmp::Ordering;
use std::path::Path;

use rustc_hash::FxHashMap;
use serde_json::{Value, json};

use super::arguments::{ListArguments, ListFormat};
use super::failure::{Code, Failure};
use super::list::is_listed;
use super::packaging::{Job, run_with};
use super::progress::count;
use super::request::{Prepared, base};
use super::resolve::resolve_failure;
use super::run::Run;
use super::subject;
use super::terminal::shown;
use crate::bootstrap::{self, Keyrings};
use crate::ecosystem::Ecosystem;
use crate::metadata::{Advisory, AdvisoryPackage};
use crate::package::PackageFacts;
use crate::reporter::Reporter;

/// A listed advisory, with the packages for which it is listed.
struct Listed {
    repository: String,
    advisory: Advisory,
}

/// Returns the list as text.
pub(super) fn list(arguments: &ListArguments, root: Option<&Path>, run: &Run) -> Result<String, Failure> {
    if arguments.request.distro.is_none() && arguments.request.repo.is_empty() && root.is_none() {
        return Err(Failure::usage("nothing says which repositories")
            .hint("--distro NAME --release RELEASE (`rootstrap variants` lists them), or --repo NAME=URL|DIR"));
    }
    let (prepared, _) = base(&arguments.request, root)?;
    let installed = match root {
        Some(root) if !arguments.available => Some(Installed::new(&subject::installed(root)?)),
        _ => None,
    };
    let job = Read { arguments, prepared: &prepared, run, installed };
    let (listed, silent) = run_with(prepared.packaging, job)?;
    for repository in &silent {
        run.progress.warn(&format!("{repository} tells of no advisories"));
    }
    run.stats(&json!({"advisories": {"listed": listed.len()}}))?;
    Ok(match arguments.format {
        ListFormat::Human => human(&listed),
        _ => format!("{:#}\n", json!({"schema": 1, "advisories": listed.iter().map(data).collect::<Vec<_>>()})),
    })
}

/// Returns the failure for repositories without metadata about advisories.
fn tell_of_none(repositories: &[String]) -> Failure {
    Failure::not_looked_at("no advisories were looked at: repositories of this kind have none")
        .detail(format!("without advisories: {}", repositories.join(", ")))
        .hint("`rootstrap audit SUBJECT --advisories FILE|DIR` reads OSV, updateinfo.xml and Alpine's secdb")
}

/// The installed versions, by name and architecture.
struct Installed(FxHashMap<(String, String), Vec<String>>);

impl Installed {
    fn new(packages: &[PackageFacts]) -> Self {
        let mut versions: FxHashMap<_, Vec<String>> = FxHashMap::default();
        for package in packages {
            let mut version = package.epoch.filter(|&epoch| epoch > 0).map_or(String::new(), |epoch| format!("{epoch}:"));
            version += &package.version;
            if let Some(release) = &package.release {
                version += &format!("-{release}");
            }
            versions.entry((package.name.clone(), package.arch.clone().unwrap_or_default())).or_default().push(version);
        }
        Self(versions)
    }

    /// Compares the newest installed version of a package with the version that an advisory names.
    /// Returns `None` if the package is not installed.
    fn compare<E: Ecosystem>(&self, package: &AdvisoryPackage, ecosystem: &E) -> Option<Ordering> {
        let versions = self.0.get(&(package.name.clone(), package.arch.clone()))?;
        versions.iter().map(|version| ecosystem.version_scheme().compare(version, &package.version)).max()
    }
}

struct Read<'a> {
    arguments: &'a ListArguments,
    prepared: &'a Prepared,
    run: &'a Run,
    installed: Option<Installed>,
}

impl Job for Read<'_> {
    type Output = Result<(Vec<Listed>, Vec<String>), Failure>;

    fn run<E: Ecosystem>(self, ecosystem: &E) -> Self::Output {
        let request = &self.prepared.request;
        let keyring = Keyrings::new(ecosystem, request, &self.run.fetcher, &*self.run.progress)
            .map_err(|error| Failure::from_error(Code::Failed, &error))?;
        let architectures = ecosystem.architectures(&request.arch);
        let mut listed = Vec::new();
        let counts = |package: &AdvisoryPackage| {
            is_listed(self.arguments, &package.name)
                && match &self.installed {
                    None => architectures.rank(&package.arch).is_some(),
                    // The rule of dnf: an update is missing if an older version is installed, and
                    // present if the same or a newer version is installed.
                    Some(installed) => installed
                        .compare(package, ecosystem)
                        .is_some_and(|order| (order == Ordering::Less) != self.arguments.installed),
                }
        };
        let mut found = |repository: &str, mut advisory: Advisory| {
            if is_wanted(self.arguments, &advisory) {
                advisory.packages.retain(counts);
                if !advisory.packages.is_empty() {
                    listed.push(Listed { repository: repository.to_owned(), advisory });
                }
            }
        };
        let silent = bootstrap::advisories(ecosystem, request, &keyring, &self.run.fetcher, &*self.run.progress, &mut found)
            .map_err(|error| self.run.or_stopped(resolve_failure(error, self.prepared)))?;
        if !ecosystem.metadata().has_advisories() {
            return Err(tell_of_none(&silent));
        }
        Ok((listed, silent))
    }
}

/// Reports whether an advisory is of a requested kind.
fn is_wanted(arguments: &ListArguments, advisory: &Advisory) -> bool {
    let kinds = [
        (arguments.security, "security"),
        (arguments.bugfix, "bugfix"),
        (arguments.enhancement, "enhancement"),
        (arguments.newpackage, "newpackage"),
    ];
    let any_kind = kinds.iter().all(|(asked, _)| !asked);
    let is_one_of = |list: &[String], text: &str| list.iter().any(|one| one.eq_ignore_ascii_case(text));
    let names_cve = || {
        let cves = advisory.references.iter().filter(|reference| reference.kind.eq_ignore_ascii_case("cve"));
        cves.into_iter().any(|reference| is_one_of(&arguments.cve, &reference.id))
    };
    (any_kind || kinds.iter().any(|&(asked, kind)| asked && advisory.kind == kind))
        && (arguments.severity.is_empty() || is_one_of(&arguments.severity, &advisory.severity))
        && (arguments.cve.is_empty() || names_cve())
}

fn human(listed: &[Listed]) -> String {
    let kind = |advisory: &Advisory| match advisory.severity.as_str() {
        "" => shown(advisory.kind.as_bytes()),
        severity => shown(format!("{}/{severity}", advisory.kind).as_bytes()),
    };
    let rows: Vec<[String; 3]> = listed
        .iter()
        .flat_map(|Listed { advisory, .. }| {
            let row = |package: &AdvisoryPackage| [shown(advisory.id.as_bytes()), kind(advisory), shown(package.id.as_bytes())];
            advisory.packages.iter().map(row).collect::<Vec<_>>()
        })
        .collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let (first, second) = (width(0), width(1));
    let mut text = String::new();
    for [id, kind, package] in &rows {
        text += &format!("{id:<first$}  {kind:<second$}  {package}\n");
    }
    let noun = if listed.len() == 1 { "advisory" } else { "advisories" };
    text + &format!("{} {noun}\n", count(listed.len() as u64))
}

fn data(listed: &Listed) -> Value {
    let Listed { repository, advisory } = listed;
    let references: Vec<Value> = advisory
        .references
        .iter()
        .map(|one| json!({"type": one.kind, "id": one.id, "title": one.title, "href": one.href}))
        .collect();
    let package = |package: &AdvisoryPackage| match &package.module {
        Some(module) => json!({"id": package.id, "module": module}),
        None => json!({"id": package.id}),
    };
    let packages: Vec<Value> = advisory.packages.iter().map(package).collect();
    let mut value = json!({"id": advisory.id, "type": advisory.kind, "title": advisory.title, "issued": advisory.issued,
        "updated": advisory.updated, "repo": repository, "reboot": advisory.reboot, "references": references, "packages": packages});
    if !advisory.severity.is_empty() {
        value["severity"] = json!(advisory.severity);
    }
    value
}
