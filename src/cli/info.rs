//! `rootstrap info`: prints information about packages in a root, in package files or in
//! repositories.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};

use super::arguments::{Format, InfoArguments};
use super::failure::Failure;
use super::owner;
use super::progress::{bytes, count};
use super::repositories::{self, Known, known};
use super::run::Run;
use super::subject::{self, Described, Wanted};
use super::terminal::{shown, time};
use crate::package::{PackageFacts, SignatureFacts};
use crate::pool::{Kind, Solvable, SolvableId};

/// Returns the information as text.
pub(super) fn run(arguments: &InfoArguments) -> Result<Vec<u8>, Failure> {
    if !arguments.who_owns.is_empty() {
        return owner::run(&arguments.subject, &arguments.who_owns, arguments.output.format);
    }
    if arguments.request.distro.is_some() || !arguments.request.repo.is_empty() {
        return of_repositories(arguments).map(String::into_bytes);
    }
    let open = |place: &Path| {
        let run = Run::new(&arguments.output)?;
        let subject = subject::open(Some(place), &arguments.request, &run, Wanted::default())?;
        if !subject.kind.lists_files() && arguments.packages.iter().any(|word| word.as_encoded_bytes().starts_with(b"/")) {
            return Err(Failure::not_looked_at(format!("{} does not list the files of its packages", subject.name))
                .hint("name packages in place of paths"));
        }
        Ok(subject.packages)
    };
    let packages = subject::packages(&arguments.subject, &arguments.packages, arguments.output.format, &open)?;
    let text = match arguments.output.format {
        Format::Human => packages.iter().map(|package| human(&package.facts)).collect::<Vec<_>>().join("\n"),
        Format::Json => {
            let packages: Vec<Value> = packages.iter().map(described).collect();
            format!("{:#}\n", json!({"schema": 1, "packages": packages}))
        }
    };
    Ok(text.into_bytes())
}

/// Returns the information of repositories about packages, and the packages that require them.
fn of_repositories(arguments: &InfoArguments) -> Result<String, Failure> {
    let words: Vec<String> = std::iter::once(arguments.subject.as_os_str())
        .chain(arguments.packages.iter().map(OsString::as_os_str))
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    let known =
        known(&arguments.request, &arguments.output, repositories::Wanted { texts: true, ..repositories::Wanted::default() })?;
    let found = known.newest(known.meant(&words)?);
    if arguments.output.format == Format::Json {
        let one = |&id: &SolvableId| {
            let mut value = known.json(id);
            let depends =
                |kind| known.pool.solvable(id).dependencies(kind).iter().map(|&of| known.pool.display(of)).collect::<Vec<_>>();
            value["requires"] = known.pool.solvable(id).requires().iter().map(|&of| known.pool.display(of)).collect();
            value["provides"] = depends(Kind::Provides).into();
            if arguments.rdepends {
                value["required_by"] = requiring(&known, id).into();
            }
            value
        };
        let packages: Vec<Value> = found.iter().map(one).collect();
        return Ok(format!("{:#}\n", json!({"schema": 1, "packages": packages})));
    }
    let mut texts = Vec::new();
    for &id in &found {
        let (package, said) = (known.pool.solvable(id), known.texts(id).cloned().unwrap_or_default());
        let lines = [
            ("Name", package.name().to_owned()),
            ("Version", package.version().to_owned()),
            ("Architecture", package.arch().to_owned()),
            ("Repository", package.repo_name().to_owned()),
            ("Summary", said.summary),
            ("License", package.license().to_owned()),
            ("Size", format!("{} to download, {} installed", bytes(package.size()), bytes(package.installed_size()))),
            ("Source", package.source().to_owned()),
            ("Vendor", package.vendor().to_owned()),
            ("URL", said.url),
            ("Built", if package.build_time() > 0 { time(package.build_time()) } else { String::new() }),
        ];
        let mut text = String::new();
        for (label, value) in lines.iter().filter(|(_, value)| !value.is_empty()) {
            let _ = writeln!(text, "{label:<12}  {}", shown(value.as_bytes()));
        }
        let mut list = |label: &str, items: Vec<String>| {
            if !items.is_empty() {
                let _ = writeln!(text, "{label}");
                for item in items {
                    let _ = writeln!(text, "  {}", shown(item.as_bytes()));
                }
            }
        };
        list("Description", said.description.trim().lines().map(str::to_owned).collect());
        list("Requires", package.requires().iter().map(|&of| known.pool.display(of)).collect());
        if arguments.rdepends {
            list("Required by", requiring(&known, id));
        }
        texts.push(text);
    }
    Ok(texts.join("\n"))
}

/// Returns the packages with requirements that a package may satisfy, sorted.
fn requiring(known: &Known, id: SolvableId) -> Vec<String> {
    let serves = |package: &Solvable<'_>| {
        package.id() != id && package.requires().iter().any(|&of| known.pool.candidates(of).binary_search(&id).is_ok())
    };
    let mut found: Vec<String> =
        known.available().filter(serves).map(|package| known.identity(package.id()).id.clone()).collect();
    found.sort_unstable();
    found
}

/// Returns the facts, and the name of their file.
fn described(package: &Described) -> Value {
    let mut value = json!(package.facts);
    value["file_count"] = package.facts.files.len().into();
    if !package.installed {
        value["file"] = package.label.to_string_lossy().into();
    }
    value
}

fn human(package: &PackageFacts) -> String {
    let PackageFacts { name, version, release, .. } = package;
    let epoch = package.epoch.filter(|&epoch| epoch != 0).map(|epoch| format!("{epoch}:")).unwrap_or_default();
    let release = release.as_ref().map(|release| format!("-{release}")).unwrap_or_default();
    let files = count(package.files.len() as u64);
    let signature = match package.signatures.as_slice() {
        [] => "none".to_owned(),
        signatures => format!("{} (not checked)", signatures.iter().map(signed).collect::<Vec<_>>().join("; ")),
    };
    let lines = [
        ("Name", Some(name.clone())),
        ("Version", Some(format!("{epoch}{version}{release}"))),
        ("Architecture", package.arch.clone()),
        ("Summary", package.summary.clone()),
        ("License", package.license.clone()),
        ("Size", Some(format!("{} installed, {files} files", bytes(package.installed_size)))),
        ("Source", package.source.clone()),
        ("Vendor", package.vendor.clone()),
        ("URL", package.url.clone()),
        ("Built", package.build_time.map(time)),
        ("Installed", package.install_time.map(time)),
        ("Signature", Some(signature)),
    ];
    let mut text = String::new();
    for (label, value) in lines {
        if let Some(value) = value {
            let _ = writeln!(text, "{label:<12}  {}", shown(value.as_bytes()));
        }
    }
    if let Some(description) = &package.description {
        text += "Description\n";
        for line in description.trim_end().lines() {
            text += format!("  {}", shown(line.as_bytes())).trim_end();
            text.push('\n');
        }
    }
    text
}

fn signed(signature: &SignatureFacts) -> String {
    let SignatureFacts { key, algorithm, hash, created } = signature;
    let (Some(algorithm), Some(hash)) = (algorithm, hash) else { return "unreadable".into() };
    let key = key.as_deref().unwrap_or("a key that it does not name");
    let created = created.map(|created| format!(", {}", time(created))).unwrap_or_default();
    format!("{algorithm}/{hash} by {key}{created}")
}
