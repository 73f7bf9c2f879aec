//! `rootstrap list`: the packages of a root.

use serde_json::json;

use super::arguments::{Format, ListArguments};
use super::failure::Failure;
use super::progress::{self, bytes};
use super::subject;
use super::terminal::shown;
use crate::package::PackageFacts;

/// The list as text.
pub(super) fn run(arguments: &ListArguments) -> Result<Vec<u8>, Failure> {
    let packages = subject::installed(&arguments.root)?;
    let text = match arguments.format {
        Format::Human => human(&packages),
        Format::Json => format!("{:#}\n", json!({"schema": 1, "packages": packages})),
    };
    Ok(text.into_bytes())
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
