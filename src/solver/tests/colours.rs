//! Tests of packages of two colors: those for a second architecture beside those for the first.

use super::*;

const LIB: &str = "lib 1 x86_64\nlib 1 i686 provides lib32\nlib 2 x86_64\napp 1 requires lib32";
const NO: [&str; 1] = ["no solution"];

/// Returns the packages after an installation, an update of everything, or both, on a machine with
/// two colors.
fn coloured(text: &str, specs: &[&str], weak: bool) -> Vec<String> {
    let pool = pool(text);
    let mut request = request(&pool, specs);
    if specs.is_empty() {
        request.jobs.push(Job::update_all());
    }
    request.weak_dependencies = weak;
    request.second_colour = architecture::second_colour("x86_64").into_iter().filter_map(|arch| pool.find(arch)).collect();
    solve(&pool, &request).unwrap_or_else(|| vec!["no solution".to_owned()])
}

#[test]
fn without_colours_only_the_best_architecture_will_do() {
    assert_eq!(install(LIB, &["app", "lib-1"]), NO);
}

#[test]
fn another_colour_stands_beside_the_same_version() {
    assert_eq!(coloured(LIB, &["app"], false), ["app-1", "lib-1.i686", "lib-1.x86_64"]);
    assert_eq!(coloured(LIB, &["app", "lib-2"], false), NO);
    assert_eq!(coloured(LIB, &["lib"], false), ["lib-2.x86_64"]);
    // Versions of one color exclude each other as usual.
    assert_eq!(coloured("a 1 i686\na 2 i686\na 2 x86_64", &["a-1", "a-2"], false), NO);
}

#[test]
fn what_is_noarch_is_of_every_colour() {
    let text = "lib 1 noarch\nlib 2 i686 provides lib32\napp 1 requires lib32\nother 1 requires lib = 1";
    assert_eq!(coloured(text, &["app"], false), ["app-1", "lib-2.i686"]);
    assert_eq!(coloured(text, &["app", "other"], false), NO);
}

#[test]
fn both_are_updated_in_step() {
    let installed = "repo system installed\nlib 1 x86_64\nlib 1 i686\nrepo base\n";
    let both = format!("{installed}lib 2 x86_64\nlib 2 i686");
    assert_eq!(coloured(&both, &[], false), ["lib-2.i686", "lib-2.x86_64"]);
    let one = format!("{installed}lib 2 x86_64");
    assert_eq!(coloured(&one, &[], false), ["lib-1.i686", "lib-1.x86_64"]);
}

#[test]
fn another_architecture_of_what_is_there_does_not_come_to_supplement() {
    let text = "a 1 x86_64\na 1 i686 supplements b\nb 1";
    assert_eq!(coloured(text, &["b", "a.x86_64"], true), ["a-1.x86_64", "b-1"]);
    // If the worse one comes first, it pulls in the better one.
    assert_eq!(coloured(text, &["b"], true), ["a-1.i686", "a-1.x86_64", "b-1"]);
}

#[test]
fn the_explanation_tells_the_step() {
    let pool = pool(LIB);
    let mut request = request(&pool, &["app", "lib-2"]);
    request.second_colour = pool.find("i686").into_iter().collect();
    let unsolvable = Solver::new(&pool).solve(&request).unwrap_err();
    let is_step = |fact: &Fact| matches!(*fact, Fact::LockStep { package } if shown(&pool, package) == "lib-1.i686");
    assert!(unsolvable.problems[0].facts.iter().any(is_step), "{unsolvable:?}");
}
