//! Tests of the choice among several candidates.

use super::*;

fn chosen(text: &str) -> Vec<String> {
    let mut all = install(text, &["a"]);
    all.retain(|name| !name.starts_with("a-"));
    all
}

#[test]
fn the_best_version() {
    assert_eq!(chosen("a 1 requires b\nb 1\nb 3\nb 2"), ["b-3"]);
    assert_eq!(chosen("a 1 requires b\nb 2\nb 1:1"), ["b-1:1"]);
    assert_eq!(chosen("a 1 requires b\nb 2~rc1\nb 1.9"), ["b-2~rc1"]);
}

#[test]
fn the_repository_of_the_highest_priority_even_if_older() {
    let text = "a 1 requires b\nrepo near priority=10\nb 1\nrepo far priority=50\nb 2";
    assert_eq!(chosen(text), ["b-1"]);
}

#[test]
fn the_best_architecture_even_if_older() {
    assert_eq!(chosen("a 1 requires b\nb 2 i686\nb 1 x86_64"), ["b-1.x86_64"]);
    assert_eq!(chosen("a 1 requires b\nb 2 s390x\nb 1 x86_64"), ["b-1.x86_64"]);
    assert_eq!(chosen("a 1 requires b\nb 2 noarch\nb 1 x86_64"), ["b-2"]);
}

#[test]
fn not_what_another_candidate_obsoletes() {
    assert_eq!(chosen("a 1 requires x\nb 1 provides x\nc 1 provides x obsoletes b"), ["c-1"]);
    assert_eq!(chosen("a 1 requires x\nb 1 provides x\nc 1 provides x obsoletes b\nd 1 provides x obsoletes c"), ["d-1"]);
    let circle = "a 1 requires x\nb 1 provides x obsoletes c\nc 1 provides x obsoletes b\nd 1 provides x";
    assert_eq!(chosen(circle), ["b-1"]);
}

#[test]
fn by_name_where_nothing_else_decides() {
    assert_eq!(chosen("a 1 requires x\nc 1 provides x\nb 1 provides x"), ["b-1"]);
}

#[test]
fn the_newest_of_what_they_all_provide() {
    assert_eq!(chosen("a 1 requires x\nb 1 provides x, y = 1\nc 1 provides x, y = 2"), ["c-1"]);
}

#[test]
fn an_outdated_package_last() {
    assert_eq!(chosen("a 1 requires x\nb 1 provides x\nb 2\nc 1 provides x"), ["c-1"]);
}

#[test]
fn what_is_recommended_or_supplements_already() {
    assert_eq!(chosen("a 1 requires x recommends c\nb 1 provides x\nc 1 provides x"), ["c-1"]);
    assert_eq!(chosen("a 1 requires x\nb 1 provides x\nc 1 provides x supplements a"), ["c-1"]);
    assert_eq!(chosen("a 1 requires x suggests c\nb 1 provides x\nc 1 provides x"), ["c-1"]);
    assert_eq!(chosen("a 1 requires x\nb 1 provides x\nc 1 provides x enhances a"), ["c-1"]);
}

#[test]
fn what_is_there_anyway_needs_no_choice() {
    assert_eq!(chosen("a 1 requires x, c\nb 1 provides x\nc 1 provides x"), ["c-1"]);
    assert_eq!(chosen("a 1 requires x, y\nb 1 provides x\nc 1 provides x\nd 1 provides y requires c"), ["c-1", "d-1"]);
}

#[test]
fn a_choice_that_became_needless_is_taken_back() {
    let text = "a 1 requires x, y\nb 1 provides x\nc 1 provides x\nd 1 provides y requires c\ne 1 provides y requires c";
    assert_eq!(chosen(text), ["c-1", "d-1"]);
}

#[test]
fn a_worse_architecture_of_a_reachable_name_is_out() {
    let text = "a 1 requires lib.so\nb 1 i686 provides lib.so\nb 1 x86_64 provides lib64.so\nc 1 requires lib64.so";
    assert_eq!(install(text, &["a"]), ["a-1", "b-1.i686"]);
    assert_eq!(install(text, &["a", "c"]), ["no solution"]);
}

#[test]
fn only_the_best_will_do() {
    let pool = pool("a 2 requires nothing\na 1");
    let mut asked = request(&pool, &["a"]);
    assert_eq!(solve(&pool, &asked), Some(vec!["a-1".to_owned()]));
    asked.jobs[0].best = true;
    assert_eq!(solve(&pool, &asked), None);
}

#[test]
fn reasons_are_the_shortest_ways() {
    let pool = pool("a 1 requires b, c\nb 1 requires c\nc 1 recommends d\nd 1\ne 1 supplements b");
    let mut asked = request(&pool, &["a"]);
    asked.weak_dependencies = true;
    let solution = Solver::new(&pool).solve(&asked).unwrap();
    let who = |id| pool.solvable(id).name();
    let reasons: Vec<(&str, &str, &str)> = (solution.packages.iter().zip(solution.reasons(&pool)))
        .map(|(&id, reason)| match reason {
            Reason::Requested { .. } => (who(id), "requested", ""),
            Reason::Dependency { by, .. } => (who(id), "dependency", who(by)),
            Reason::Weak { by, .. } => (who(id), "weak", who(by)),
        })
        .collect();
    let expected =
        [("a", "requested", ""), ("b", "dependency", "a"), ("c", "dependency", "a"), ("d", "weak", "c"), ("e", "weak", "e")];
    assert_eq!(reasons, expected);
}
