//! Dependencies as text, plain and rich, and apk's constraints: parsing, writing and parsing again
//! gives the same result.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rootstrap::apk::dependency::Constraint;
use rootstrap::pool::{Architectures, Kind, Package, PoolBuilder};
use rootstrap::rpm::dependency;
use rootstrap::rpm::version::RpmVersions;

/// Returns the text of a dependency in a pool. Building the pool also looks up its providers.
fn written(text: &str) -> Option<String> {
    let mut builder = PoolBuilder::new();
    let repo = builder.add_repo("fuzz", 99, None);
    let dependency = dependency::intern(&mut builder, text).ok()?;
    builder.add_dependency(Kind::Requires, dependency);
    let package = Package {
        name: builder.intern("fuzz"),
        version: builder.intern("1"),
        arch: builder.intern("noarch"),
        ..Package::default()
    };
    builder.finish_package(repo, package);
    let pool = builder.build(&RpmVersions, &Architectures::any()).expect("one package");
    let text = pool.solvables().next()?.dependencies(Kind::Requires).first().map(|&dependency| pool.display(dependency));
    text
}

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    // An operator without spaces is an operator in a plain dependency, but part of a name in a rich
    // one. Such a text is ambiguous.
    let is_clear = |text: &str| {
        text.split_whitespace().all(|word| !word.contains(['<', '>', '=']) || word.chars().all(|c| "<>=".contains(c)))
    };
    if let Some(first) = written(text).filter(|first| is_clear(first)) {
        // A chain of operators is written as a tree, which may exceed the depth limit of the
        // parser.
        let depth = first.bytes().filter(|&byte| byte == b'(').count();
        match written(&first) {
            Some(second) => assert_eq!(first, second, "{text}"),
            None => assert!(depth > 60, "{text} is written {first}"),
        }
    }
    if let Ok(constraint) = Constraint::parse(text) {
        assert_eq!(Constraint::parse(&constraint.to_string()), Ok(constraint), "{text}");
    }
});
