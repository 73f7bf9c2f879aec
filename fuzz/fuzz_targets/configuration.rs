//! Repository configuration of dnf and apk: an error names an existing line, and every repository
//! has a name.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rootstrap::apk::Apk;
use rootstrap::ecosystem::{Ecosystem, Variables};
use rootstrap::rpm::Rpm;

fn read<E: Ecosystem>(ecosystem: &E, text: &str) {
    let variables = [("releasever", "9"), ("basearch", "x86_64"), ("empty", "")];
    match ecosystem.configured(text, &Variables::from_iter(variables)) {
        Ok(repositories) => assert!(repositories.iter().all(|repository| !repository.name.is_empty())),
        Err(error) => assert!((1..=text.lines().count()).contains(&error.line), "{error}"),
    }
}

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    read(&Rpm, text);
    read(&Apk, text);
});
