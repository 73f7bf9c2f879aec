//! apk's rules, each tested on a universe of a few lines.

mod cases;

use super::*;
use crate::apk::dependency::read_world;
use crate::apk::universe;
use crate::ecosystem::Action;

/// Returns the effect of an operation on a root with `world`, as words: `+name-version`
/// installed, `-…` removed, `^old>new` upgraded or downgraded, `=…` reinstalled or
/// replaced, `@…` pinned to another tag.
fn plan(universe: &str, world: &str, operation: Operation) -> Result<String, SelectionError> {
    let request = Request { world: read_world(world).unwrap(), operation, ..Request::default() };
    plan_without(universe, &[], request)
}

/// Returns the effect of a request if these packages (`repository/name-version`) are hidden.
/// Packages of the first, unnamed repository begin with the slash.
fn plan_without(universe: &str, hidden: &[&str], request: Request) -> Result<String, SelectionError> {
    let pool = universe::parse(universe, "x86_64").unwrap();
    let id = |package: crate::pool::Solvable<'_>| format!("{}/{}-{}", package.repo_name(), package.name(), package.version());
    let hidden =
        pool.solvables().filter(|&package| hidden.contains(&id(package).as_str())).map(crate::pool::Solvable::id).collect();
    let chosen = select(&pool, &Request { hidden, ..request })?;
    let text = |id: Option<crate::pool::SolvableId>| {
        let solvable = pool.solvable(id.unwrap());
        format!("{}-{}", solvable.name(), solvable.version())
    };
    let step = |change: &Change| match change.action {
        Action::Install => format!("+{}", text(change.new)),
        Action::Erase => format!("-{}", text(change.old)),
        Action::Upgrade | Action::Downgrade => format!("^{}>{}", text(change.old), text(change.new)),
        Action::Reinstall | Action::Replace => format!("={}", text(change.new)),
        Action::Repin => format!("@{}", text(change.new)),
    };
    Ok(chosen.changes.iter().map(step).collect::<Vec<_>>().join(" "))
}

fn add(text: &str) -> Operation {
    Operation::Add(Add { constraints: read_world(text).unwrap(), ..Add::default() })
}

fn added(universe: &str, text: &str) -> String {
    plan(universe, "", add(text)).unwrap_or_else(|error| panic!("{error}"))
}

fn refusal(universe: &str, text: &str) -> Unsatisfiable {
    match plan(universe, "", add(text)) {
        Err(SelectionError::Unsatisfiable(refusal)) => *refusal,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_needed_comes_before_what_needs_it() {
    let universe = "app 1 requires lib, so:c.so=1\nlib 2 requires c\nlib 1\nc 1 provides so:c.so=1";
    assert_eq!(added(universe, "app"), "+c-1 +lib-2 +app-1");
    assert_eq!(added(universe, "lib<2 app"), "+lib-1 +c-1 +app-1");
}

#[test]
fn a_name_without_a_version_must_be_chosen_or_wanted() {
    let universe = "mta-a 1 provides mta\nmta-b 1 provides mta\napp 1 requires mta";
    assert_eq!(added(universe, "app mta-b"), "+mta-b-1 +app-1");
    let refusal = refusal(universe, "app");
    assert!(
        matches!(&refusal.problems[..], [Problem::Ambiguous { name, provided_by, .. }] if name == "mta" && provided_by.len() == 2)
    );
    let wanted = "mta-a 1 provides mta priority 1\nmta-b 1 provides mta priority 2\napp 1 requires mta";
    assert_eq!(added(wanted, "app"), "+mta-b-1 +app-1");
}

#[test]
fn a_versioned_name_has_one_provider_the_newest() {
    let universe = "a 1 provides name=1\nb 1 provides name=2\napp 1 requires name";
    assert_eq!(added(universe, "app"), "+b-1 +app-1");
    assert!(refusal(universe, "a b").to_string().contains("cannot be beside"));
}

#[test]
fn packages_come_by_themselves_with_others() {
    let universe = "app 1\ndocs 1\napp-docs 1 requires more install_if app=1, docs\nmore 1";
    assert_eq!(added(universe, "app docs"), "+app-1 +docs-1 +more-1 +app-docs-1");
    assert_eq!(added(universe, "app"), "+app-1");
    let installed =
        format!("installed\napp 1\ndocs 1\nmore 1\napp-docs 1 requires more install_if app=1, docs\nrepo main\n{universe}");
    let delete = Operation::Delete(Delete { names: vec!["docs".to_owned()], recursive: false });
    assert_eq!(plan(&installed, "app docs", delete).unwrap(), "-app-docs-1 -more-1 -docs-1");
}

#[test]
fn what_is_installed_stays_unless_it_is_upgraded() {
    let universe = "installed\napp 1 requires lib\nlib 1\nrepo main\napp 1 requires lib\nlib 1\napp 2 requires lib\nlib 2\nother 1 requires lib";
    assert_eq!(plan(universe, "app", add("other")).unwrap(), "+other-1");
    assert_eq!(plan(universe, "app", Operation::Upgrade(Upgrade::default())).unwrap(), "^lib-1>lib-2 ^app-1>app-2");
    let one = Upgrade { names: vec!["li*".to_owned()], ..Upgrade::default() };
    assert_eq!(plan(universe, "app", Operation::Upgrade(one)).unwrap(), "^lib-1>lib-2");
    let ignore = Upgrade { names: vec!["lib".to_owned()], ignore: true, ..Upgrade::default() };
    assert_eq!(plan(universe, "app", Operation::Upgrade(ignore)).unwrap(), "^app-1>app-2");
    let fix = Operation::Fix(Fix { names: vec!["lib".to_owned()], ..Fix::default() });
    assert_eq!(plan(universe, "app", fix).unwrap(), "=lib-1");
}

#[test]
fn what_no_repository_has_gives_way_only_where_that_is_asked_for() {
    let universe = "installed\napp 3\ngone 1\nrepo main\napp 2";
    assert_eq!(plan(universe, "app gone", Operation::Upgrade(Upgrade::default())).unwrap(), "");
    let upgrade = Upgrade { available: true, prune: true, ..Upgrade::default() };
    assert_eq!(plan(universe, "app gone", Operation::Upgrade(upgrade)).unwrap(), "-gone-1 ^app-3>app-2");
}

#[test]
fn tagged_repositories_are_entered_by_their_tag_only() {
    let universe = "repo main\napp 1 requires lib\nlib 1\nrepo edge tag=edge\napp 2 requires lib>=2\nlib 2\nnew 1";
    assert_eq!(added(universe, "app"), "+lib-1 +app-1");
    assert_eq!(added(universe, "app@edge"), "+lib-2 +app-2");
    let refusal = refusal(universe, "new");
    assert!(matches!(&refusal.problems[..], [Problem::Package { masked_in, .. }] if *masked_in == ["@edge"]), "{refusal}");
    assert!(matches!(plan(universe, "", add("app@nowhere")), Err(SelectionError::NoSuchTag { .. })));
}

#[test]
fn refusals_tell_who_asks_and_what_there_is() {
    let universe = "app 1 requires lib>1\nlib 1\nlib 2\nold 1 requires lib<2\nforeign 1 s390x\nbad 1 requires x=y";
    let text = refusal(universe, "app old").to_string();
    assert!(text.contains("lib-") && text.contains("lib<2"), "{text}");
    let lines = refusal(universe, "ap").apk_lines();
    assert_eq!(lines[1..], ["  ap (no such package):", "    required by: world[ap]"]);
    assert!(refusal(universe, "ap").to_string().contains("there is app"));
    assert!(refusal(universe, "foreign").to_string().contains("built for s390x"));
    assert!(refusal(universe, "bad").to_string().contains("x=y"));
    let pool = universe::parse(universe, "x86_64").unwrap();
    let request = Request { force_broken_world: true, world: read_world("nothing lib").unwrap(), ..Request::default() };
    let chosen = select(&pool, &request).unwrap();
    assert_eq!((chosen.changes.len(), chosen.warnings.len(), chosen.world.len()), (1, 1, 2));
}

#[test]
fn hidden_packages_are_not_chosen() {
    let universe = "repo main\napp 1 requires lib\nlib 1\nlib 2\nlib 3\nrepo more\nlib 3";
    let asked = |operation| Request { operation, ..Request::default() };
    let hiding = |hidden: &[&str]| plan_without(universe, hidden, asked(add("app")));
    assert_eq!(hiding(&[]).unwrap(), "+lib-3 +app-1");
    assert_eq!(hiding(&["main/lib-3"]).unwrap(), "+lib-3 +app-1", "the other repository has it");
    assert_eq!(hiding(&["main/lib-3", "more/lib-3"]).unwrap(), "+lib-2 +app-1");
    assert_eq!(hiding(&["main/lib-3", "more/lib-3", "main/lib-2"]).unwrap(), "+lib-1 +app-1");
    let none = hiding(&["main/lib-3", "more/lib-3", "main/lib-2", "main/lib-1"]);
    let Err(SelectionError::Unsatisfiable(refusal)) = none else { panic!("{none:?}") };
    assert!(matches!(&refusal.problems[..], [Problem::Package { masked_in, .. }] if *masked_in == [EXCLUDED]), "{refusal}");
    // An installed package stays although it is hidden in its repository, but is not upgraded.
    let root = "installed\nlib 1\nrepo main\nlib 1\nlib 2";
    let upgrade = || Request { world: read_world("lib").unwrap(), ..asked(Operation::Upgrade(Upgrade::default())) };
    assert_eq!(plan_without(root, &[], upgrade()).unwrap(), "^lib-1>lib-2");
    assert_eq!(plan_without(root, &["main/lib-2"], upgrade()).unwrap(), "");
    assert_eq!(plan_without(root, &["main/lib-1", "main/lib-2"], upgrade()).unwrap(), "");
}

#[test]
fn nothing_new_comes_by_itself_where_that_is_not_wanted() {
    let universe = "repo main\napp 1\ndocs 1\nother 1\napp-docs 1 install_if app=1, docs\nother-docs 1 install_if other, docs";
    let without = |root: &str, world: &str, asked: &str| {
        let request =
            Request { world: read_world(world).unwrap(), operation: add(asked), no_install_if: true, ..Request::default() };
        plan_without(&format!("{root}{universe}"), &[], request).unwrap()
    };
    assert_eq!(added(universe, "app docs"), "+app-1 +docs-1 +app-docs-1");
    assert_eq!(without("", "", "app docs"), "+app-1 +docs-1");
    assert_eq!(without("", "", "app docs app-docs"), "+app-1 +app-docs-1 +docs-1", "unless it is asked for");
    let root = "installed\napp 1\ndocs 1\napp-docs 1 install_if app=1, docs\n";
    assert_eq!(without(root, "app docs", "other"), "+other-1", "what came before stays");
}

#[test]
fn a_conflict_keeps_packages_out() {
    let universe = "app 1 requires !old, tool\nold 1 provides tool priority 9\nnew 1 provides tool priority 1";
    assert_eq!(added(universe, "app"), "+new-1 +app-1");
    assert!(refusal(universe, "app old").to_string().contains("!old"));
    assert_eq!(added("a 1\na 2", "a !a>1").as_str(), "");
}

#[test]
fn the_world_keeps_its_order_and_one_constraint_a_name() {
    let pool = universe::parse("b 1\nB 1\na 1\nc 1", "x86_64").unwrap();
    let request = Request { world: read_world("c b=1").unwrap(), operation: add("B a b"), ..Request::default() };
    let chosen = select(&pool, &request).unwrap();
    assert_eq!(crate::apk::dependency::write_world(&chosen.world), "a\nB\nb\nc\n");
}

#[test]
fn a_virtual_package_holds_its_constraints() {
    let mut builder = crate::pool::PoolBuilder::new();
    let made = VirtualPackage::new(".build=1", &["a", "!b"], "").unwrap();
    let repo = builder.add_repo("virtual", 99, None);
    made.intern(&mut builder, repo);
    let main = builder.add_repo("main", 99, None);
    crate::apk::index::read_records(&mut &b"P:a\nV:1\nI:1\n\nP:b\nV:1\nI:1\n\n"[..], &mut builder, main).unwrap();
    let pool = builder.build(&crate::apk::version::ApkVersions, &crate::pool::Architectures::any()).unwrap();
    let request = Request { repositories: vec![(repo, RepositoryKind::Virtual)], ..Request::add(vec![made.constraint()]) };
    let chosen = select(&pool, &request).unwrap();
    let names: Vec<&str> = chosen.incoming().map(|id| pool.solvable(id).name()).collect();
    assert_eq!((names, chosen.world[0].to_string()), (vec!["a", ".build"], ".build=1".to_owned()));
    for bad in [".x=y", "!x", "x>1", "x@edge"] {
        assert!(VirtualPackage::new(bad, &[], "1").is_err(), "{bad}");
    }
    assert!(VirtualPackage::new("x", &["a@edge"], "1").is_err());
}

#[test]
fn long_chains_and_cycles_do_not_overflow() {
    let mut universe = String::new();
    for place in 0..50_000 {
        universe.push_str(&format!("p{place} 1 requires p{}\n", (place + 1) % 50_000));
    }
    assert_eq!(added(&universe, "p0").split(' ').count(), 50_000);
}
