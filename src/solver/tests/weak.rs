//! Tests of weak dependencies.

use super::*;

fn installed(text: &str) -> Vec<String> {
    let pool = pool(text);
    let mut asked = request(&pool, &["a"]);
    assert_eq!(solve(&pool, &asked).unwrap().len(), 1, "without weak dependencies");
    asked.weak_dependencies = true;
    solve(&pool, &asked).unwrap()
}

#[test]
fn recommendations_are_installed_where_possible() {
    assert_eq!(installed("a 1 recommends b\nb 1 recommends c\nc 1"), ["a-1", "b-1", "c-1"]);
    assert_eq!(installed("a 1 recommends b\nb 1 requires nothing"), ["a-1"]);
    assert_eq!(installed("a 1 recommends b conflicts b\nb 1"), ["a-1"]);
}

#[test]
fn supplements_come_with_what_they_supplement() {
    assert_eq!(installed("a 1\nb 1 supplements a"), ["a-1", "b-1"]);
    assert_eq!(installed("a 1\nb 1 supplements c\nc 1"), ["a-1"]);
    assert_eq!(installed("a 1\nb 1 supplements (a and c)\nc 1 supplements a"), ["a-1", "b-1", "c-1"]);
    // A condition that does not hold installs nothing.
    assert_eq!(installed("a 1\nb 1 supplements (c if d)\nc 1\nd 1"), ["a-1"]);
}

#[test]
fn suggestions_and_enhancements_are_not_installed() {
    assert_eq!(installed("a 1 suggests b\nb 1\nc 1 enhances a"), ["a-1"]);
}

#[test]
fn a_recommendation_that_is_met_brings_nothing() {
    assert_eq!(installed("a 1 recommends x provides x\nb 1 provides x"), ["a-1"]);
}

#[test]
fn the_best_candidate_of_a_recommendation() {
    assert_eq!(installed("a 1 recommends b\nb 1\nb 2"), ["a-1", "b-2"]);
    assert_eq!(installed("a 1 recommends (b if a)\nb 1"), ["a-1", "b-1"]);
}
