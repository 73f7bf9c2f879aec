//! Tests of installed packages, one rule for each case. `+` marks packages from a repository.

use super::*;

fn after_with(text: &str, jobs: impl Fn(&Pool) -> Vec<Job>, set: impl Fn(&Pool, &mut Request)) -> Vec<String> {
    let pool = pool(&format!("repo system installed\n{}", text.replace("--", "repo base")));
    let mut request = Request::new(jobs(&pool));
    set(&pool, &mut request);
    let Ok(solution) = Solver::new(&pool).solve(&request) else { return vec!["no solution".to_owned()] };
    let mark = |id: SolvableId| if pool.solvable(id).is_installed() { "" } else { "+" };
    let mut all: Vec<String> = solution.packages.iter().map(|&id| shown(&pool, id) + mark(id)).collect();
    all.sort();
    all
}

fn after(text: &str, jobs: impl Fn(&Pool) -> Vec<Job>) -> Vec<String> {
    after_with(text, jobs, |_, _| {})
}

fn install(name: &'static str) -> impl Fn(&Pool) -> Vec<Job> {
    move |pool| vec![Job::install(name, spec::select(pool, name))]
}

fn erase(pool: &Pool, name: &str) -> Job {
    let mut packages = spec::select(pool, name);
    packages.retain(|&id| pool.solvable(id).is_installed());
    Job::erase(name, packages).pinned(Pinned::EXACT)
}

fn update_all(_: &Pool) -> Vec<Job> {
    vec![Job::update_all()]
}

#[test]
fn what_is_installed_stays_as_it_is() {
    assert_eq!(after("a 1\n--\na 2\nb 1", install("b")), ["a-1", "b-1+"]);
    assert_eq!(after("a 1\n--\na 2\nb 1 requires a", install("b")), ["a-1", "b-1+"]);
    assert_eq!(after("a 1\n--\na 2\nb 1 requires a >= 2", install("b")), ["a-2+", "b-1+"]);
}

#[test]
fn nothing_goes_for_what_comes_unless_it_may() {
    let text = "a 1\n--\nb 1 conflicts a";
    assert_eq!(after(text, install("b")), ["no solution"]);
    assert_eq!(after_with(text, install("b"), |_, request| request.allow_erasing = true), ["b-1+"]);
    let only = |pool: &Pool, request: &mut Request| request.erasable = spec::select(pool, "a");
    assert_eq!(after_with(text, install("b"), only), ["b-1+"]);
}

#[test]
fn broken_dependencies_of_what_is_installed_are_let_be() {
    assert_eq!(after("a 1 requires nothing\nc 1 conflicts a\n--\nb 1", install("b")), ["a-1", "b-1+", "c-1"]);
    assert_eq!(after("a 1 s390x\n--\nb 1 requires a", install("b")), ["a-1.s390x", "b-1+"]);
}

#[test]
fn updates_are_newer_and_of_the_same_architecture() {
    assert_eq!(after("a 2\n--\na 1", update_all), ["a-2"]);
    assert_eq!(after("a 1 i686\n--\na 2 x86_64", update_all), ["a-1.i686"]);
    assert_eq!(after("a 1 i686\n--\na 2 noarch", update_all), ["a-2+"]);
    let allowed = |_: &Pool, request: &mut Request| request.allow_downgrade = true;
    let needs_older = "a 2\n--\na 1\nb 1 requires a < 2";
    assert_eq!(after(needs_older, install("b")), ["no solution"]);
    assert_eq!(after_with(needs_older, install("b"), allowed), ["a-1+", "b-1+"]);
}

#[test]
fn updates_follow_obsoletes_and_splits() {
    assert_eq!(after("a 1\n--\nb 1 obsoletes a", update_all), ["b-1+"]);
    assert_eq!(after("a 1\n--\nb 1 obsoletes a < 2\nc 1 obsoletes a < 2", update_all), ["b-1+", "c-1+"]);
}

#[test]
fn one_is_updated_and_the_rest_stays() {
    let text = "a 1\nb 1\n--\na 2\nb 2";
    assert_eq!(after(text, |pool| vec![Job::update("a", spec::select(pool, "a"))]), ["a-2+", "b-1"]);
}

#[test]
fn erasing_takes_what_requires_it() {
    let text = "a 1\nb 1 requires a\n--\na 1";
    let jobs = |pool: &Pool| vec![erase(pool, "a")];
    assert_eq!(after(text, jobs), ["no solution"]);
    assert_eq!(after_with(text, jobs, |_, request| request.allow_erasing = true), [""; 0]);
}

#[test]
fn erasing_cleans_up_what_nobody_needs() {
    let text = "a 1 requires lib recommends doc\nlib 1\ndoc 1\nshared 1\nb 1 requires shared\nc 1 requires d\nd 1";
    let clean = |pool: &Pool| vec![erase(pool, "a").clean(true)];
    assert_eq!(after(text, clean), ["b-1", "c-1", "d-1", "shared-1"]);
    let asked = |pool: &Pool, request: &mut Request| request.user_installed = spec::select(pool, "lib");
    assert_eq!(after_with(text, clean, asked), ["b-1", "c-1", "d-1", "lib-1", "shared-1"]);
}

#[test]
fn unneeded_is_what_nothing_asked_for_leads_to() {
    let pool = pool("repo system installed\na 1 requires b\nb 1 recommends c\nc 1\nd 1 supplements c\ne 1\nf 1 requires e");
    let unneeded = Solver::new(&pool).unneeded(&spec::select(&pool, "a"));
    assert_eq!(unneeded.iter().map(|&id| pool.solvable(id).name()).collect::<Vec<_>>(), ["e", "f"]);
}

#[test]
fn synchronizing_takes_what_the_repositories_hold() {
    let all = |_: &Pool| vec![Job::sync_all()];
    assert_eq!(after("a 3\nb 1\n--\na 2", all), ["a-2+", "b-1"]);
    assert_eq!(after("a 2\n--\na 2", all), ["a-2"]);
    assert_eq!(after("a 2 requires x\nx 1\n--\na 2", all), ["a-2+", "x-1"]);
}

#[test]
fn locks_hold() {
    let locked = |pool: &Pool, request: &mut Request| request.locked = spec::select(pool, "a");
    assert_eq!(after_with("a 1\n--\na 2", update_all, locked), ["a-1"]);
    assert_eq!(after_with("a 1\n--\na 2\nb 1 requires a >= 2", install("b"), locked), ["no solution"]);
}

#[test]
fn several_versions_of_what_is_install_only() {
    let kernels = |pool: &Pool, request: &mut Request| request.install_only = spec::select(pool, "kernel");
    assert_eq!(after_with("kernel 1\n--\nkernel 2", update_all, kernels), ["kernel-1", "kernel-2+"]);
    assert_eq!(after("kernel 1\n--\nkernel 2", update_all), ["kernel-2+"]);
}

#[test]
fn excluded_packages_do_not_come_but_may_stay() {
    let excluded = |pool: &Pool, request: &mut Request| request.excluded = spec::select(pool, "a");
    assert_eq!(after_with("a 1\n--\na 2", update_all, excluded), ["a-1"]);
}

#[test]
fn weak_dependencies_of_what_stays_are_not_followed_again() {
    let weak = |_: &Pool, request: &mut Request| request.weak_dependencies = true;
    assert_eq!(after_with("a 1 recommends b\n--\nb 1\nc 1", install("c"), weak), ["a-1", "c-1+"]);
    assert_eq!(after_with("a 1\n--\nb 1 supplements a\nc 1 recommends d\nd 1", install("c"), weak), ["a-1", "c-1+", "d-1+"]);
    assert_eq!(after_with("a 1\n--\na 2 recommends b\nb 1", update_all, weak), ["a-2+", "b-1+"]);
}

#[test]
fn what_is_installed_meets_a_choice() {
    assert_eq!(after("z 1 provides x\n--\na 1 requires x\nb 1 provides x\nz 1 provides x", install("a")), ["a-1+", "z-1"]);
    let text = "z 1\n--\na 1 requires x\nb 1 provides x\nz 2 provides x";
    assert_eq!(after(text, install("a")), ["a-1+", "z-2+"]);
}

#[test]
fn the_best_update_or_none() {
    let best = |_: &Pool| vec![Job::update_all().best(true)];
    assert_eq!(after("a 1\n--\na 2\na 3 requires nothing", update_all), ["a-2+"]);
    assert_eq!(after("a 1\n--\na 2\na 3 requires nothing", best), ["no solution"]);
}
