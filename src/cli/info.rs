//! `rootstrap info`: what is known of packages, in a root or in package files.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::arguments::{Format, InfoArguments};
use super::failure::Failure;
use super::progress::{bytes, count};
use super::subject::{self, Described};
use super::terminal::{shown, time};
use crate::package::{PackageFacts, SignatureFacts};

/// What is known, as text.
pub(super) fn run(arguments: &InfoArguments) -> Result<Vec<u8>, Failure> {
    let packages = subject::packages(&arguments.subject, &arguments.packages, arguments.format)?;
    let text = match arguments.format {
        Format::Human => packages.iter().map(|package| human(&package.facts)).collect::<Vec<_>>().join("\n"),
        Format::Json => {
            let packages: Vec<Value> = packages.iter().map(described).collect();
            format!("{:#}\n", json!({"schema": 1, "packages": packages}))
        }
    };
    Ok(text.into_bytes())
}

/// The facts, and the name of the file that says them.
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
