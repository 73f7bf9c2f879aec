use super::*;
use crate::pool::Solvable;
use crate::rpm::{architecture, universe};

const SET: &str = "
    app     1 requires sh, libz, (tz if clock)
    bash    5 provides sh requires libtinfo, libc recommends man
    ncurses 6 provides libtinfo requires libc
    zlib    1 provides libz requires libc
    glibc   2 provides libc requires common
    common  2 requires libc
    man     1
    extra   1 requires libz
    busy    1 provides sh";

fn pool() -> Pool {
    universe::parse(SET, &architecture::compatible("x86_64")).unwrap()
}

/// Returns all packages of the universe except `busy`, which only the repositories have.
fn members(pool: &Pool) -> Vec<Option<SolvableId>> {
    pool.solvables().filter(|package| package.name() != "busy").map(|package| Some(package.id())).collect()
}

fn place(pool: &Pool, name: &str) -> usize {
    pool.solvables().position(|package| package.name() == name).unwrap()
}

fn name<'p>(graph: &Graph<'p>, place: usize) -> &'p str {
    graph.pool().solvable(graph.member(place).unwrap()).name()
}

fn told(graph: &Graph<'_>, target: &str) -> Vec<String> {
    let chains = graph.chains(place(graph.pool(), target), 100);
    assert_eq!(chains.total, chains.chains.len() as u64);
    let step = |edge: &&Edge| format!(" -{}-> {}", graph.pool().display(edge.by[0]), name(graph, edge.to));
    chains
        .chains
        .iter()
        .map(|chain| name(graph, chain.from).to_owned() + &chain.steps.iter().map(step).collect::<String>())
        .collect()
}

#[test]
fn every_shortest_chain_from_each_beginning() {
    let pool = pool();
    let graph = Graph::new(&pool, &members(&pool), Some(vec![place(&pool, "app")]));
    assert_eq!(told(&graph, "glibc"), ["app -sh-> bash -libc-> glibc", "app -libz-> zlib -libc-> glibc"]);
    assert_eq!(told(&graph, "app"), ["app"]);
    assert_eq!(told(&graph, "man"), ["app -sh-> bash -man-> man"]);
    assert_eq!(graph.chains(place(&pool, "glibc"), 1).total, 2);
    assert_eq!(told(&graph, "extra"), Vec::<String>::new());
    assert_eq!(graph.unneeded(), [place(&pool, "extra")]);
}

#[test]
fn without_a_request_what_nothing_requires_is_the_beginning() {
    let pool = pool();
    let graph = Graph::new(&pool, &members(&pool), None);
    let names: Vec<&str> = graph.roots().iter().map(|&root| name(&graph, root)).collect();
    assert_eq!((names, graph.is_told()), (vec!["app", "extra"], false));
    assert_eq!(told(&graph, "zlib"), ["app -libz-> zlib", "extra -libz-> zlib"]);
    // A cycle that nothing leads to is a root.
    let circle: Vec<Option<SolvableId>> =
        ["glibc", "common"].map(|name| pool.solvables().find(|package| package.name() == name).map(Solvable::id)).to_vec();
    assert_eq!(Graph::new(&pool, &circle, None).roots(), [0, 1]);
}

#[test]
fn what_goes_with_a_package() {
    let pool = pool();
    let graph = Graph::new(&pool, &members(&pool), Some(vec![place(&pool, "app"), place(&pool, "extra")]));
    let names = |places: &[usize]| places.iter().map(|&place| name(&graph, place)).collect::<Vec<_>>();
    let removal = graph.without(&[place(&pool, "bash")]);
    assert_eq!(removal.broken.iter().map(|&(place, _)| name(&graph, place)).collect::<Vec<_>>(), ["app"]);
    // zlib is still needed by extra, and glibc by zlib.
    assert_eq!(names(&removal.unneeded), ["ncurses", "man"]);
    let nothing = graph.without(&[place(&pool, "man")]);
    assert!(nothing.broken.is_empty() && nothing.unneeded.is_empty());
    assert_eq!(graph.without(&[place(&pool, "glibc")]).broken.len(), 6);
}

#[test]
fn who_could_take_the_place() {
    let pool = pool();
    let graph = Graph::new(&pool, &members(&pool), Some(vec![place(&pool, "app")]));
    let found = graph.alternatives(place(&pool, "bash"));
    let [sh] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((pool.display(sh.dependency).as_str(), sh.by.as_slice()), ("sh", &[place(&pool, "app")][..]));
    let [busy] = sh.candidates.as_slice() else { panic!("{sh:?}") };
    assert_eq!(pool.solvable(busy.package).name(), "busy");
    // The set is app, busy, zlib, glibc, common.
    assert_eq!(busy.set.map(|(packages, _)| packages), Some(5));
}
