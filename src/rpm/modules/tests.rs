//! Tests with small repositories: which streams are active, and which packages they hide.

use super::{Active, Hider, ModuleError, Modules};
use crate::pool::{Pool, Solvable};
use crate::rpm::{architecture, universe};

/// Returns a stream from one line: `nodejs:20 5 requires platform:el9, perl:5.26|5.30 packages
/// nodejs-1:20-1.x86_64, npm-1-1.x86_64`.
fn stream(line: &str) -> String {
    let (head, packages) = line.split_once(" packages ").unwrap_or((line, ""));
    let (head, requires) = head.split_once(" requires ").unwrap_or((head, ""));
    let (name, version) = head.split_once(' ').unwrap_or((head, "1"));
    let (name, stream) = name.split_once(':').unwrap();
    let of = |requires: &str| {
        let (module, streams) = requires.split_once(':').unwrap_or((requires, ""));
        format!("        {module}: [{}]\n", streams.replace('|', ", "))
    };
    let list = |text: &str, line: &dyn Fn(&str) -> String| -> String {
        text.split(", ").filter(|one| !one.is_empty()).map(line).collect::<Vec<_>>().concat()
    };
    let (requires, packages) = (list(requires, &of), list(packages, &|package| format!("      - {package}\n")));
    format!(
        "---\ndocument: modulemd\nversion: 2\ndata:\n  name: {name}\n  stream: \"{stream}\"\n  version: {version}\n  context: c{version}\n  \
         arch: x86_64\n  dependencies:\n    - requires:\n{requires}        platform: [el9]\n  artifacts:\n    rpms:\n{packages}...\n"
    )
}

fn default(module: &str, stream: &str) -> String {
    format!("---\ndocument: modulemd-defaults\nversion: 1\ndata:\n  module: {module}\n  stream: \"{stream}\"\n...\n")
}

fn modules(streams: &[&str], defaults: &[(&str, &str)]) -> Modules {
    let mut text: String = streams.iter().copied().map(stream).collect();
    text.extend(defaults.iter().map(|(module, stream)| default(module, stream)));
    let mut modules = Modules::default();
    modules.read("r", &mut text.as_bytes()).unwrap();
    assert!(modules.warnings.is_empty(), "{:?}", modules.warnings);
    modules
}

fn activate(modules: &Modules, enable: &[&str]) -> Result<Active, ModuleError> {
    let enable: Vec<String> = enable.iter().copied().map(str::to_owned).collect();
    modules.activate(&enable, Some("platform:el9"), &architecture::compatible("x86_64"))
}

/// Returns the active streams with their versions.
fn active(modules: &Modules, enable: &[&str]) -> Vec<String> {
    let active = activate(modules, enable).unwrap();
    let mut streams: Vec<String> = (modules.builds.iter().zip(&active.builds))
        .filter(|&(_, &active)| active)
        .map(|(build, _)| format!("{} {}", build.name_stream(), build.version))
        .collect();
    streams.sort();
    streams
}

#[test]
fn defaults_are_active_and_what_is_enabled_takes_their_place() {
    let modules = modules(&["nodejs:18", "nodejs:20", "php:8.1"], &[("nodejs", "18")]);
    assert_eq!(active(&modules, &[]), ["nodejs:18 1"]);
    assert_eq!(active(&modules, &["nodejs:20"]), ["nodejs:20 1"]);
    assert_eq!(active(&modules, &["nodejs:20", "php:8.1"]), ["nodejs:20 1", "php:8.1 1"]);
    // A module with one stream, or with a default, needs no stream in the spec.
    assert_eq!(active(&modules, &["php"]), ["nodejs:18 1", "php:8.1 1"]);
    assert_eq!(active(&modules, &["nodejs"]), ["nodejs:18 1"]);
}

#[test]
fn all_versions_of_one_configuration_are_active_together() {
    let modules = modules(&["nodejs:18 1", "nodejs:18 2", "nodejs:18 3 requires perl:5"], &[("nodejs", "18")]);
    // The newest version lacks perl:5, so its configuration is not available.
    assert_eq!(active(&modules, &[]), ["nodejs:18 1", "nodejs:18 2"]);
}

#[test]
fn what_a_stream_requires_comes_with_it() {
    let modules = modules(&["app:1 requires perl:5.26|5.30", "perl:5.24", "perl:5.30"], &[]);
    assert_eq!(active(&modules, &["app:1"]), ["app:1 1", "perl:5.30 1"]);
    assert!(matches!(activate(&modules, &["app:1", "perl:5.24"]), Err(ModuleError::Unsolvable { .. })));
}

#[test]
fn a_default_that_lacks_something_is_left_out_and_told() {
    let modules = modules(&["app:1 requires perl:5", "tool:1"], &[("app", "1"), ("tool", "1")]);
    assert_eq!(active(&modules, &[]), ["tool:1 1"]);
    let warnings = activate(&modules, &[]).unwrap().warnings;
    assert!(warnings[0].contains("app:1 requires module(perl:5)"), "{warnings:?}");
}

#[test]
fn another_platform_has_none() {
    let modules = modules(&["nodejs:18"], &[("nodejs", "18")]);
    let none = modules.activate(&[], Some("platform:el8"), &architecture::compatible("x86_64")).unwrap();
    assert_eq!(none.builds, [false]);
}

#[test]
fn what_cannot_be_enabled() {
    let modules = modules(&["nodejs:18", "nodejs:20"], &[]);
    let several = ["nodejs:18", "nodejs:20"].map(str::to_owned).to_vec();
    let unknown = |spec: &str, known| ModuleError::Unknown { spec: spec.to_owned(), known };
    assert_eq!(activate(&modules, &["nodejs:22"]), Err(unknown("nodejs:22", several.clone())));
    assert_eq!(activate(&modules, &["nodesj:18"]), Err(unknown("nodesj:18", vec!["nodejs".to_owned()])));
    assert_eq!(activate(&modules, &["nodejs"]), Err(ModuleError::Several { module: "nodejs".to_owned(), streams: several }));
    assert!(matches!(activate(&modules, &["nodejs:18", "nodejs:20"]), Err(ModuleError::TwoStreams { .. })));
}

const PACKAGES: &str = "
    nodejs 1:20.1-1 x86_64
    nodejs 1:18.1-1 x86_64
    nodejs 1:16.0-1 x86_64
    nodejs-libs 1:16.0-1 x86_64 provides npm
    npm 1-1 x86_64
    php 1-1 x86_64
    bash 1-1 x86_64
    hotfix 1-1 x86_64 provides nodejs
";

/// Returns the hidden packages, each with the reason. The spared package is never hidden.
fn hidden(modules: &Modules, enable: &[&str]) -> Vec<String> {
    let pool: Pool = universe::parse(PACKAGES, &architecture::compatible("x86_64")).unwrap();
    let hidden = modules.hidden(&activate(modules, enable).unwrap(), &pool, |package| package.name() == "hotfix");
    let told = |package: Solvable<'_>| {
        let by = match hidden.by(package.id())? {
            Hider::NotActive(stream) => format!("{stream} is not active"),
            Hider::Masked(stream) => format!("{stream} has it"),
            Hider::Repository => unreachable!("no module does that"),
        };
        Some(format!("{}-{}: {by}", package.name(), package.version()))
    };
    pool.solvables().filter_map(told).collect()
}

#[test]
fn packages_of_other_streams_and_ordinary_ones_of_the_names_are_hidden() {
    let streams = [
        "nodejs:18 packages nodejs-1:18.1-1.x86_64, npm-1-1.x86_64",
        "nodejs:20 packages nodejs-1:20.1-1.x86_64, nodejs-1:20.1-1.src",
        "php:8 packages php-0:1-1.x86_64",
    ];
    let modules = modules(&streams, &[("nodejs", "18")]);
    assert_eq!(
        hidden(&modules, &[]),
        [
            "nodejs-1:20.1-1: nodejs:20 is not active",
            "nodejs-1:16.0-1: nodejs:18 has it",
            "nodejs-libs-1:16.0-1: nodejs:18 has it",
            "php-1-1: php:8 is not active",
        ]
    );
    assert_eq!(
        hidden(&modules, &["nodejs:20", "php:8"]),
        ["nodejs-1:18.1-1: nodejs:18 is not active", "nodejs-1:16.0-1: nodejs:20 has it", "npm-1-1: nodejs:18 is not active"]
    );
}

#[test]
fn later_defaults_count_and_contradictions_cancel_each_other() {
    let streams = ["nodejs:18", "nodejs:20"];
    assert_eq!(active(&modules(&streams, &[("nodejs", "18"), ("nodejs", "20")]), &[]), [""; 0]);
    let later = default("nodejs", "20").replace("  module:", "  modified: 202001010000\n  module:");
    let mut both = modules(&streams, &[("nodejs", "18")]);
    both.read("other", &mut later.as_bytes()).unwrap();
    assert_eq!(active(&both, &[]), ["nodejs:20 1"]);
}

#[test]
fn broken_documents() {
    let mut modules = Modules::default();
    let lacking = "---\ndocument: modulemd\nversion: 2\ndata:\n  name: x\n...\n";
    modules.read("r", &mut lacking.as_bytes()).unwrap();
    assert!(modules.is_empty() && modules.warnings.len() == 1);
    let bomb = format!("---\ndata: {}", "[".repeat(100_000));
    assert!(modules.read("r", &mut bomb.as_bytes()).is_err() || modules.is_empty());
    assert!(modules.read("r", &mut &b"---\n\tx: [1"[..]).is_err());
    // Future kinds are ignored.
    modules.read("r", &mut &b"---\ndocument: modulemd-v9\nversion: 9\ndata: [1, {a: b}]\n...\n"[..]).unwrap();
}
