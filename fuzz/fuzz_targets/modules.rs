//! `modules.yaml`: the result does not depend on the pieces in which it is read, and every build
//! and default has a name.
#![no_main]

use std::io::Read;

use libfuzzer_sys::fuzz_target;
use rootstrap::rpm::modules::{ModuleSpec, Modules};
use rootstrap_fuzz::{Pieces, piece};

fn modules(input: &mut dyn Read) -> Option<Modules> {
    let mut modules = Modules::default();
    modules.read("fuzz", input).ok().map(|()| modules)
}

fuzz_target!(|data: &[u8]| {
    let whole = modules(&mut &*data);
    assert_eq!(format!("{whole:?}"), format!("{:?}", modules(&mut Pieces::new(data, piece(data)))));
    let Some(modules) = whole else { return };
    for build in &modules.builds {
        let _ = (build.name_stream(), ModuleSpec::parse(&build.name).means(build));
        let _ = modules.default_profiles(&build.name, &build.stream);
    }
    for (name, defaults) in &modules.defaults {
        assert_eq!(modules.default_stream(name), defaults.stream.as_deref());
    }
});
