//! Lua scriptlets: any script stops within the interpreter's limits and leaves a valid tree.
#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use rootstrap::package::Content;
use rootstrap::rpm::lua::{CommandResult, Environment, Limits, Script, run};
use rootstrap::tree::Tree;
use rootstrap_fuzz::check_tree;

fuzz_target!(|data: &[u8]| {
    let mut tree = Tree::new();
    tree.write(b"/etc/passwd", Content::from(b"root:x:0:0:root:/root:/bin/sh\n".to_vec()), 0o644).expect("an empty tree");
    let mut environment = Environment::new("x86_64", 0);
    environment.limits =
        Limits { steps: 200_000, memory: 16 << 20, output: 1 << 16, written: 1 << 20, forks: 8, time: Duration::from_secs(10) };
    let script = Script {
        name: "fuzz".into(),
        text: data.to_vec(),
        arguments: vec![1],
        files: vec![b"/etc/passwd".to_vec()],
        ..Script::default()
    };
    let _ = run(&mut tree, &script, &environment, &mut |_, _| CommandResult::Done { status: 0, output: b"out".to_vec() });
    check_tree(&tree);
});
