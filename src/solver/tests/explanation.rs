//! Tests of the explanations of unsolvable requests.

use super::*;

/// Returns the facts of each problem, as text.
fn told(text: &str, specs: &[&str]) -> Vec<Vec<String>> {
    let pool = pool(text);
    tell(&pool, &request(&pool, specs))
}

fn tell(pool: &Pool, asked: &Request) -> Vec<Vec<String>> {
    let name = |id| shown(pool, id);
    let word = |fact: &Fact| match *fact {
        Fact::Asked { job } => format!("ask {}", asked.jobs[job].text),
        Fact::OnlyBest { job } => format!("only the best {}", asked.jobs[job].text),
        Fact::NoCandidate { job } => format!("nothing is {}", asked.jobs[job].text),
        Fact::Requires { package, dependency } => format!("{} requires {}", name(package), pool.display(dependency)),
        Fact::NothingProvides { package, dependency } => format!("{} misses {}", name(package), pool.display(dependency)),
        Fact::Conflicts { package, dependency, other } => {
            format!("{} conflicts {} ({})", name(package), pool.display(dependency), other.map(name).unwrap_or_default())
        }
        Fact::Obsoletes { package, other, .. } => format!("{} obsoletes {}", name(package), name(other)),
        Fact::SameName { package, other } => format!("{} or {}", name(package), name(other)),
        Fact::Excluded { package } => format!("{} is excluded", name(package)),
        Fact::ForeignArchitecture { package } => format!("{} does not run here", name(package)),
        Fact::WorseArchitecture { package } => format!("{} has a worse architecture", name(package)),
        Fact::LockStep { package } => format!("{} comes beside a better architecture", name(package)),
        Fact::Kept { package } => format!("{} is kept", name(package)),
        Fact::OnlyBestUpdate { package } => format!("only the best update of {}", name(package)),
        Fact::Locked { package } => format!("{} is locked", name(package)),
        Fact::NotInRepositories { package } => format!("{} is in no repository", name(package)),
        Fact::Split { package, other } => format!("{} comes with {}", name(package), name(other)),
    };
    let Err(unsolvable) = Solver::new(pool).solve(asked) else { return Vec::new() };
    unsolvable.problems.iter().map(|problem| problem.facts.iter().map(word).collect()).collect()
}

#[test]
fn the_chain_to_what_is_missing() {
    let text = "a 1 requires b\nb 1 requires c\nc 1 requires nothing\nother 1";
    assert_eq!(told(text, &["other", "a"]), [["ask a", "a-1 requires b", "b-1 requires c", "c-1 misses nothing"]]);
}

#[test]
fn each_way_out_and_why_it_is_closed() {
    let text = "a 1 requires x\nb 1 provides x requires nothing\nc 1 provides x conflicts d\nd 1";
    let facts = &told(text, &["a", "d"])[0];
    let mut facts: Vec<&str> = facts.iter().map(String::as_str).collect();
    assert_eq!(facts[..2], ["ask a", "ask d"]);
    facts[2..].sort_unstable();
    assert_eq!(facts[2..], ["a-1 requires x", "b-1 misses nothing", "c-1 conflicts d (d-1)"]);
}

#[test]
fn what_is_asked_for_and_is_not_there() {
    assert_eq!(told("a 1", &["nothing"]), [["nothing is nothing"]]);
    assert_eq!(told("a 1\na 2", &["a-1", "a-2"]), [["ask a-1", "ask a-2", "a-1 or a-2"]]);
    assert_eq!(told("a 1 obsoletes b\nb 1", &["a", "b"]), [["ask a", "ask b", "a-1 obsoletes b-1"]]);
}

#[test]
fn all_independent_problems() {
    let text = "a 1 requires nothing\nb 1 requires nowhere\nc 1";
    assert_eq!(told(text, &["a", "b", "c", "d"]).len(), 3);
}

#[test]
fn what_the_system_provides_is_not_told_in_place_of_what_is_missing() {
    let text = "a 1 requires rpmlib(FileDigests) <= 4.6.0-1, rpmlib(Other), b";
    assert_eq!(told(text, &["a"])[0], ["ask a", "a-1 misses rpmlib(Other)"]);
    assert_eq!(told("a 1 requires rpmlib(FileDigests) <= 4.6.0-1, b", &["a"]), [["ask a", "a-1 misses b"]]);
}

#[test]
fn excluded_foreign_and_not_the_best() {
    let pool = pool("a 1 requires b\nb 1\nc 1 s390x\nd 1\nd 2 requires nothing");
    let mut asked = request(&pool, &["a"]);
    asked.excluded = spec::select_by_name(&pool, "b");
    assert_eq!(tell(&pool, &asked), [["ask a", "a-1 requires b", "b-1 is excluded"]]);
    let foreign = Request::new([Job::install("c", spec::select_by_name(&pool, "c"))]);
    assert_eq!(tell(&pool, &foreign), [["ask c", "c-1.s390x does not run here"]]);
    let mut best = request(&pool, &["d"]);
    best.jobs[0].best = true;
    assert_eq!(tell(&pool, &best), [["only the best d", "d-2 misses nothing"]]);
}

#[test]
fn rich_requirements_and_architectures() {
    let text = "a 1 requires (b if c)\nb 1 requires nothing\nc 1";
    assert_eq!(told(text, &["a", "c"]), [["ask a", "ask c", "a-1 requires (b if c)", "b-1 misses nothing"]]);
    let text = "a 1 requires lib\nb 1 i686 provides lib\nb 1 x86_64";
    let facts = told(text, &["a", "b.x86_64"]);
    assert_eq!(facts.len(), 1);
    assert!(facts[0].contains(&"b-1.i686 has a worse architecture".to_owned()) || facts[0].contains(&"ask b.x86_64".to_owned()));
}
