//! Tests of packages that must, or must not, be installed together.

use super::*;

const NO: [&str; 1] = ["no solution"];

#[test]
fn requirements_are_followed() {
    let text = "a 1 requires b\nb 1 requires c >= 2\nc 1\nc 2\nd 1";
    assert_eq!(install(text, &["a"]), ["a-1", "b-1", "c-2"]);
    assert_eq!(install("a 1 requires nothing", &["a"]), NO);
    assert_eq!(install("a 1 requires b > 1\nb 1", &["a"]), NO);
}

#[test]
fn what_a_package_provides_itself_it_need_not_find() {
    assert_eq!(install("a 1 requires x provides x", &["a"]), ["a-1"]);
    assert_eq!(install("a 1 requires a = 1", &["a"]), ["a-1"]);
}

#[test]
fn a_feature_that_the_program_has_no_package_need_provide() {
    assert_eq!(install("a 1 requires rpmlib(CompressedFileNames) <= 3.0.4-1", &["a"]), ["a-1"]);
    assert_eq!(install("a 1 requires rpmlib(CompressedFileNames) < 3.0.4-1", &["a"]), NO);
    assert_eq!(install("a 1 requires rpmlib(ShortCircuited) <= 4.9.0-1", &["a"]), NO);
}

#[test]
fn files_are_provided_by_who_has_them() {
    assert_eq!(install("a 1 requires /bin/sh\nbash 1 files /bin/sh", &["a"]), ["a-1", "bash-1"]);
    assert_eq!(install("a 1 requires /bin/sh\nbash 1 provides /bin/sh", &["a"]), ["a-1", "bash-1"]);
}

#[test]
fn an_unversioned_provide_meets_any_version() {
    assert_eq!(install("a 1 requires x >= 5\nb 1 provides x", &["a"]), ["a-1", "b-1"]);
    assert_eq!(install("a 1 requires x >= 5\nb 1 provides x = 4", &["a"]), NO);
}

#[test]
fn one_version_of_a_name() {
    let text = "a 1\na 2\nb 1 requires a = 1\nc 1 requires a = 2";
    assert_eq!(install(text, &["b"]), ["a-1", "b-1"]);
    assert_eq!(install(text, &["b", "c"]), NO);
    assert_eq!(install("a 1 x86_64\na 1 i686\nb 1 requires a", &["a.x86_64", "a.i686"]), NO);
}

#[test]
fn conflicts_keep_apart_whoever_provides_them() {
    let text = "a 1 conflicts x\nb 1 provides x = 1\nc 1 requires b";
    assert_eq!(install(text, &["a", "c"]), NO);
    assert_eq!(install("a 1 conflicts x < 1\nb 1 provides x = 1", &["a", "b"]), ["a-1", "b-1"]);
    assert_eq!(install("a 1 conflicts x provides x", &["a"]), ["a-1"]);
}

#[test]
fn obsoletes_mean_names_of_packages_not_what_they_provide() {
    assert_eq!(install("a 2 obsoletes b\nb 1", &["a", "b"]), NO);
    assert_eq!(install("a 2 obsoletes b < 1\nb 1", &["a", "b"]), ["a-2", "b-1"]);
    assert_eq!(install("a 2 obsoletes x\nb 1 provides x", &["a", "b"]), ["a-2", "b-1"]);
}

#[test]
fn excluded_packages_are_not_installed() {
    let pool = pool("a 1 requires x\nb 2 provides x\nc 1 provides x\nd 1 requires b");
    let mut asked = request(&pool, &["a"]);
    asked.excluded = spec::select_by_name(&pool, "b");
    assert_eq!(solve(&pool, &asked), Some(vec!["a-1".to_owned(), "c-1".to_owned()]));
    asked.jobs = request(&pool, &["d"]).jobs;
    assert_eq!(solve(&pool, &asked), None);
}

#[test]
fn rich_requirements() {
    let text = "b 1\nc 1\nd 1\nboth 1 requires (b and c)\neither 1 requires (nothing or c)\n\
                if 1 requires (b if c)\nelse 1 requires (b if d else c)\nunless 1 requires (b unless c)\n\
                with 1 requires (x with y)\nwithout 1 requires (x without y)\nx 1 provides x, y\nz 1 provides x";
    assert_eq!(install(text, &["both"]), ["b-1", "both-1", "c-1"]);
    assert_eq!(install(text, &["either"]), ["c-1", "either-1"]);
    assert_eq!(install(text, &["if"]), ["if-1"]);
    assert_eq!(install(text, &["if", "c"]), ["b-1", "c-1", "if-1"]);
    assert_eq!(install(text, &["else"]), ["c-1", "else-1"]);
    assert_eq!(install(text, &["else", "d"]), ["b-1", "d-1", "else-1"]);
    assert_eq!(install(text, &["unless"]), ["b-1", "unless-1"]);
    assert_eq!(install(text, &["unless", "c"]), NO);
    assert_eq!(install(text, &["with"]), ["with-1", "x-1"]);
    assert_eq!(install(text, &["without"]), ["without-1", "z-1"]);
}

#[test]
fn rich_conflicts() {
    let text = "a 1 conflicts (b and c)\nb 1\nc 1\nd 1 conflicts (b if c)";
    assert_eq!(install(text, &["a", "b"]), ["a-1", "b-1"]);
    assert_eq!(install(text, &["a", "b", "c"]), NO);
    assert_eq!(install(text, &["d", "b"]), NO);
    assert_eq!(install(text, &["d", "c"]), ["c-1", "d-1"]);
}

#[test]
fn the_search_comes_back_from_a_dead_end() {
    let text = "a 1 requires x, y\np 2 provides x conflicts r\nq 1 provides x\nr 1 provides y";
    assert_eq!(install(text, &["a"]), ["a-1", "q-1", "r-1"]);
}

#[test]
fn a_solver_remembers_nothing_of_the_last_request() {
    let pool = pool("a 1 requires b\nb 1 recommends c\nc 1\nd 1 conflicts a\ne 1 requires nothing");
    let mut solver = Solver::new(&pool);
    let mut fresh = Vec::new();
    for specs in [&["a"][..], &["d"], &["a", "d"], &["e"], &["b", "c"], &["a"]] {
        let asked = request(&pool, specs);
        let answer = Solver::new(&pool).solve(&asked);
        assert_eq!(solver.solve(&asked), answer, "{specs:?}");
        fresh.push(answer.is_ok());
    }
    assert_eq!(fresh, [true, true, false, false, true, true]);
}
