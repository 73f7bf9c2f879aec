//! Solves textual universes one after the other, and prints the installed packages.
//!
//! Each universe begins with a line `@solve OPTION… JOB…`, followed by the lines of
//! [`rootstrap::rpm::universe`].
//!
//! - An option is one of `weak`, `erasing`, `downgrade`.
//! - A job is `ACTION/NAME[/FLAG…]` or `ACTION/*`. The action is `install`, `update`,
//!   `sync`, `erase`, `exclude`, `lock`, `favor`, `disfavor`, `install-only`, `user` or
//!   `unneeded`. A flag is `best`, `clean` or `installed`.
//!
//! The answer is a line: the packages, or `no solution`.

use std::io::{Read, Write};

use rootstrap::pool::{Pool, SolvableId};
use rootstrap::rpm::{architecture, spec, universe};
use rootstrap::solver::{Job, Pinned, Request, Solver};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    let mut out = std::io::stdout().lock();
    for part in text.split("@solve ").skip(1) {
        let (asked, packages) = part.split_once('\n').unwrap_or((part, ""));
        let pool = universe::parse(packages, &architecture::compatible("x86_64"))?;
        writeln!(out, "{}", answer(&pool, asked))?;
    }
    Ok(())
}

fn answer(pool: &Pool, asked: &str) -> String {
    let mut solver = Solver::new(pool);
    let mut request = Request::default();
    for word in asked.split_whitespace() {
        match word {
            "weak" => request.weak_dependencies = true,
            "erasing" => request.allow_erasing = true,
            "downgrade" => request.allow_downgrade = true,
            "unneeded" => {
                let users = request.user_installed.clone();
                return shown(pool, &solver.unneeded(&users));
            }
            _ => add_job(pool, &mut request, word),
        }
    }
    match solver.solve(&request) {
        Ok(solution) => shown(pool, &solution.packages),
        Err(_) => "no solution".to_owned(),
    }
}

fn add_job(pool: &Pool, request: &mut Request, word: &str) {
    let mut parts = word.split('/');
    let (action, name) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let flags: Vec<&str> = parts.collect();
    let mut packages = spec::select(pool, name);
    if flags.contains(&"installed") {
        packages.retain(|&id| pool.solvable(id).is_installed());
    }
    if flags.contains(&"available") {
        packages.retain(|&id| !pool.solvable(id).is_installed());
    }
    if let Some(version) = flags.iter().find_map(|flag| flag.strip_prefix("v=")) {
        packages.retain(|&id| pool.solvable(id).version() == version);
    }
    let job = match action {
        "install" => Job::install(name, packages),
        "update" if name == "*" => Job::update_all(),
        "update" => Job::update(name, packages),
        "updatenot" => Job { targeted: false, ..Job::update(name, packages) },
        "sync" if name == "*" => Job::sync_all(),
        "sync" => Job::sync(name, packages),
        "erase" => Job::erase(name, packages),
        "exclude" => return request.excluded.extend(packages),
        "lock" => return request.locked.extend(packages),
        "favor" => return request.favored.extend(packages),
        "disfavor" => return request.disfavored.extend(packages),
        "install-only" => return request.install_only.extend(packages),
        _ => return request.user_installed.extend(packages),
    };
    let pinned = if flags.contains(&"exact") { Pinned::EXACT } else { Pinned::NAME };
    request.jobs.push(job.best(flags.contains(&"best")).clean(flags.contains(&"clean")).pinned(pinned));
}

/// Formats the packages, sorted.
fn shown(pool: &Pool, packages: &[SolvableId]) -> String {
    let shown = |id: &SolvableId| {
        let package = pool.solvable(*id);
        format!("{}-{}.{}{}", package.name(), package.version(), package.arch(), if package.is_installed() { "@" } else { "" })
    };
    let mut all: Vec<String> = packages.iter().map(shown).collect();
    all.sort();
    all.join(" ")
}
