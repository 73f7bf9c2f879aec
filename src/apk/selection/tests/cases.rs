//! Solver cases of the real data: the behavior of apk with small repositories.

use std::path::Path;

use serde_json::Value;

use super::super::*;
use crate::apk::dependency::{Constraint, read_world};
use crate::apk::index::ApkIndex;
use crate::apk::installed::Installed;
use crate::apk::version::ApkVersions;
use crate::ecosystem::Action;
use crate::metadata::MetadataFormat;
use crate::pool::{Architectures, Pool, PoolBuilder, RepoId, SolvableId};

fn strings(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(|item| item.as_str().map(str::to_owned)).collect()
}

fn read_repo(builder: &mut PoolBuilder, file: &Path, repo: RepoId) {
    let bytes = std::fs::read(file).unwrap();
    ApkIndex.read_packages(&mut flate2::read::MultiGzDecoder::new(&bytes[..]), builder, repo).unwrap();
}

/// The request of a case's command line.
struct Asked {
    request: Request,
    virtual_package: Option<VirtualPackage>,
}

fn asked(command: &[String], installed: &Installed) -> Result<Asked, String> {
    let (mut flags, mut words, mut verb) = (Vec::new(), Vec::new(), String::new());
    let (mut virtual_name, mut preupgrade) = (None, Vec::new());
    let mut args = command.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "-t" | "--virtual" => virtual_name = args.next(),
            "--preupgrade-depends" => preupgrade.push(Constraint::parse(args.next().unwrap()).map_err(|e| e.to_string())?),
            flag if flag.starts_with('-') => flags.push(flag.to_owned()),
            word if verb.is_empty() => word.clone_into(&mut verb),
            word => words.push(word.to_owned()),
        }
    }
    let has = |flag: &str, short: &str| flags.iter().any(|known| known == flag || known == short);
    let mut virtual_package = None;
    let operation = match verb.as_str() {
        "add" => {
            let mut constraints = Vec::new();
            if let Some(name) = virtual_name {
                let depends: Vec<&str> = words.iter().map(String::as_str).collect();
                let made = VirtualPackage::new(name, &depends, "20240101.000000").map_err(|error| error.to_string())?;
                constraints.push(made.constraint());
                virtual_package = Some(made);
            } else {
                for word in &words {
                    constraints.push(Constraint::parse(word).map_err(|error| error.to_string())?);
                }
            }
            Operation::Add(Add { constraints, upgrade: has("--upgrade", "-u"), latest: has("--latest", "-l") })
        }
        "del" => Operation::Delete(Delete { names: words, recursive: has("--rdepends", "-r") }),
        "upgrade" => Operation::Upgrade(Upgrade {
            names: words,
            ignore: has("--ignore", ""),
            available: has("--available", "-a"),
            latest: has("--latest", "-l"),
            prune: has("--prune", ""),
            preupgrade_only: has("--preupgrade-only", "--self-upgrade-only"),
            preupgrade_depends: preupgrade,
            package_manager: installed.package_manager().map(str::to_owned),
        }),
        "fix" => Operation::Fix(Fix {
            names: words,
            broken: installed.broken(),
            depends: has("--depends", "-d"),
            reinstall: has("--reinstall", "-r"),
            upgrade: has("--upgrade", "-u"),
        }),
        other => panic!("{other}"),
    };
    let force_broken_world = has("--force-broken-world", "");
    let request = Request { operation, installed_tags: installed.tags(), force_broken_world, ..Request::default() };
    Ok(Asked { request, virtual_package })
}

fn id(pool: &Pool, solvable: Option<SolvableId>) -> String {
    let solvable = pool.solvable(solvable.unwrap());
    format!("{}-{}", solvable.name(), solvable.version())
}

/// Formats a change set like the cases: one line for each kind of change.
fn plan(pool: &Pool, chosen: &ChangeSet) -> Vec<(&'static str, Vec<String>)> {
    let mut plan: Vec<(&'static str, Vec<String>)> = Vec::new();
    for change in &chosen.changes {
        let moved = || format!("{} -> {}", id(pool, change.old), pool.solvable(change.new.unwrap()).version());
        let (kind, text) = match change.action {
            Action::Install => ("install", id(pool, change.new)),
            Action::Erase => ("erase", id(pool, change.old)),
            Action::Upgrade => ("upgrade", moved()),
            Action::Downgrade => ("downgrade", moved()),
            Action::Reinstall => ("reinstall", id(pool, change.new)),
            Action::Replace => ("replace", id(pool, change.new)),
            Action::Repin => continue,
        };
        match plan.iter_mut().find(|known| known.0 == kind) {
            Some(known) => known.1.push(text),
            None => plan.push((kind, vec![text])),
        }
    }
    plan.sort();
    plan
}

fn wanted(expect: &Value) -> Vec<(&'static str, Vec<String>)> {
    let mut plan = Vec::new();
    for kind in ["downgrade", "erase", "install", "reinstall", "replace", "upgrade"] {
        let items: Vec<String> = (expect[kind].as_array().into_iter().flatten())
            .map(|item| {
                let moved = |key: &str| item[key].as_str().unwrap();
                let name = item.as_str().map(str::to_owned);
                name.unwrap_or_else(|| format!("{}-{} -> {}", moved("name"), moved("from"), moved("to")))
            })
            .collect();
        if !items.is_empty() {
            plan.push((kind, items));
        }
    }
    plan
}

fn run(directory: &Path) -> Result<(), String> {
    let case: Value = serde_json::from_str(&std::fs::read_to_string(directory.join("case.json")).unwrap()).unwrap();
    let expect = &case["expect"];
    let is_refused = expect["outcome"] == "unsat";
    let mut builder = PoolBuilder::new();
    let mut installed = Installed::default();
    if let Some(root) = case["installed"].as_str() {
        installed = Installed::open(&directory.join(root)).unwrap();
        let repo = builder.add_installed_repo("installed");
        installed.intern(&mut builder, repo).unwrap();
    }
    let mut asked = match asked(&strings(&case["argv"]), &installed) {
        Ok(asked) => asked,
        Err(_) if is_refused => return Ok(()),
        Err(error) => return Err(error),
    };
    for repo in case["repos"].as_array().into_iter().flatten() {
        let tag = repo["tag"].as_str().map(|tag| tag.trim_start_matches('@'));
        let id = builder.add_repo(repo["name"].as_str().unwrap(), 99, tag);
        read_repo(&mut builder, &directory.join(repo["dir"].as_str().unwrap()).join("APKINDEX.tar.gz"), id);
    }
    if let Some(made) = &asked.virtual_package {
        let repo = builder.add_repo("virtual", 99, None);
        made.intern(&mut builder, repo);
        asked.request.repositories.push((repo, RepositoryKind::Virtual));
    }
    let pool = builder.build(&ApkVersions, &Architectures::new(["x86_64"], Some("noarch"))).unwrap();
    asked.request.world = read_world(&strings(&case["world"]).join("\n")).unwrap();
    let chosen = select(&pool, &asked.request);
    let report = expect["report"].as_str().unwrap_or_default();
    match (chosen, is_refused) {
        (Err(_), true) => Ok(()),
        (Err(error), false) => Err(format!("refused: {error}")),
        (Ok(chosen), true) => Err(format!("not refused: {:?}, apk: {report}", plan(&pool, &chosen))),
        (Ok(chosen), false) => {
            let (ours, apks) = (plan(&pool, &chosen), wanted(expect));
            if ours == apks { Ok(()) } else { Err(format!("ours {ours:?}, apk {apks:?}")) }
        }
    }
}

fn data() -> Option<std::path::PathBuf> {
    let data = std::env::var_os("ROOTSTRAP_DATA").unwrap_or_else(|| "../shared".into());
    let data = std::path::PathBuf::from(data);
    if data.join("solver-cases/apk").is_dir() {
        return Some(data);
    }
    eprintln!("skipped: no real data");
    None
}

#[test]
fn cases_are_solved_as_apk_solves_them() {
    let Some(data) = data() else { return };
    let mut cases: Vec<_> =
        std::fs::read_dir(data.join("solver-cases/apk")).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.retain(|case| case.join("case.json").is_file());
    cases.sort();
    let failed: Vec<String> = (cases.iter())
        .filter_map(|case| Some(format!("{}: {}", case.file_name().unwrap().display(), run(case).err()?)))
        .collect();
    assert!(failed.is_empty(), "{} of {} differ:\n{}", failed.len(), cases.len(), failed.join("\n"));
    assert!(cases.len() >= 40);
}

#[test]
fn worlds_are_solved_as_apk_solves_them_in_its_order() {
    let Some(data) = data() else { return };
    let index = data.join("alpine/index/3.17-main-aarch64");
    let mut builder = PoolBuilder::new();
    let repo = builder.add_repo("main", 99, None);
    read_repo(&mut builder, &index.join("APKINDEX.tar.gz"), repo);
    let pool = builder.build(&ApkVersions, &Architectures::new(["aarch64"], Some("noarch"))).unwrap();
    let (mut failed, mut count) = (Vec::new(), 0);
    for line in std::fs::read_to_string(index.join("solve.tsv")).unwrap().lines().skip(1) {
        let columns: Vec<&str> = line.split('\t').collect();
        let [world, status, packages, ..] = columns[..] else { panic!("{line}") };
        count += 1;
        let request = Request::add(read_world(world).unwrap());
        match select(&pool, &request) {
            Ok(chosen) if status == "0" => {
                let order: Vec<String> = chosen.incoming().map(|solvable| id(&pool, Some(solvable))).collect();
                let wanted: Vec<&str> = packages.split(' ').collect();
                if order != wanted {
                    failed.push(format!("{world}:\n  ours {}\n  apk  {packages}", order.join(" ")));
                }
            }
            Err(_) if status != "0" => {}
            Ok(_) => failed.push(format!("{world}: not refused")),
            Err(error) => failed.push(format!("{world}: {error}")),
        }
    }
    assert!(failed.is_empty(), "{} of {count} differ:\n{}", failed.len(), failed.join("\n"));
}
