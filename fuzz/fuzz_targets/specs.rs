//! Package specs of a request, and dependencies as text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rootstrap::apk::dependency::Constraint;
use rootstrap::pool::PoolBuilder;
use rootstrap::rpm::modules::ModuleSpec;
use rootstrap::rpm::{architecture, dependency, spec, universe};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut builder = PoolBuilder::new();
    let _ = dependency::intern(&mut builder, text);
    let _ = (ModuleSpec::parse(text).name, Constraint::parse(text));
    if let Ok(pool) =
        universe::parse("bash 1:5.1-6 x86_64 provides sh = 5\nbash-doc 5.1-6 noarch\n", &architecture::compatible("x86_64"))
    {
        let _ = spec::select(&pool, text);
    }
    let _ = universe::parse(text, &architecture::compatible("x86_64"));
});
