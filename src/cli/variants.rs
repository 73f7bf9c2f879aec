//! `rootstrap variants`: lists the content of the catalog.

use serde_json::json;

use super::arguments::{Format, VariantsArguments};
use super::failure::Failure;
use super::load_catalog;
use crate::catalog::Distro;

/// Returns the list as text.
pub(super) fn run(arguments: &VariantsArguments) -> Result<String, Failure> {
    let catalog = load_catalog(&arguments.catalog)?;
    let distros = match &arguments.distro {
        Some(name) => vec![catalog.distro(name)?],
        None => catalog.distros()?,
    };
    Ok(match arguments.format {
        Format::Human => distros.iter().map(|&distro| human(distro)).collect(),
        Format::Json => json_text(&distros),
    })
}

fn human(distro: Distro<'_>) -> String {
    let mut text = String::new();
    for release in distro.releases() {
        let architectures: Vec<String> = release.architectures().iter().map(ToString::to_string).collect();
        let minors =
            if release.has_minors() { format!(" (and its minor releases, {}.N)", release.name()) } else { String::new() };
        text += &format!("{} {}{minors}\n  for {}\n", distro.name(), release.name(), architectures.join(", "));
        for variant in release.variants() {
            text += &format!("  {:<10} {}\n", variant.name(), variant.description());
        }
        text.push('\n');
    }
    text
}

fn json_text(distros: &[Distro<'_>]) -> String {
    let names = |list: Vec<crate::catalog::Architecture>| list.into_iter().map(|arch| arch.name).collect::<Vec<_>>();
    let distros: Vec<_> = distros
        .iter()
        .map(|distro| {
            let releases: Vec<_> = distro
                .releases()
                .iter()
                .map(|release| {
                    let variants: Vec<_> = release
                        .variants()
                        .iter()
                        .map(|variant| {
                            json!({"name": variant.name(), "description": variant.description(),
                                "architectures": names(variant.architectures())})
                        })
                        .collect();
                    json!({"name": release.name(), "title": release.title(), "aliases": release.aliases(),
                        "minor_releases": release.has_minors(), "architectures": names(release.architectures()),
                        "variants": variants})
                })
                .collect();
            json!({"name": distro.name(), "title": distro.title(), "releases": releases})
        })
        .collect();
    format!("{:#}\n", json!({"schema": 1, "distros": distros}))
}
