//! A catalog file on top of the built-in catalog. An invalid file changes nothing. With a valid
//! file, each listed variant can be looked up as an image.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use rootstrap::catalog::Catalog;
use rootstrap_fuzz::file;

fuzz_target!(|data: &[u8]| {
    static BUILTIN: LazyLock<Catalog> = LazyLock::new(|| {
        let catalog = Catalog::builtin();
        // Load lazily parsed parts now, so that the text of the catalog does not change later.
        assert!(catalog.distros().is_ok());
        catalog
    });
    static BUILTIN_TEXT: LazyLock<String> = LazyLock::new(|| format!("{:?}", *BUILTIN));
    let mut catalog = BUILTIN.clone();
    if catalog.extend(&file("catalog.toml", data)).is_err() {
        assert_eq!(format!("{catalog:?}"), *BUILTIN_TEXT);
        return;
    }
    for distro in catalog.distros().unwrap() {
        for release in distro.releases() {
            for variant in release.variants() {
                for architecture in variant.architectures() {
                    let found = catalog.find(distro.name(), release.name(), variant.name(), &architecture.name);
                    assert_eq!(
                        format!("{:?}", found.map_err(|error| error.to_string())),
                        format!("{:?}", variant.image(&architecture.name).map_err(|error| error.to_string()))
                    );
                }
            }
        }
    }
});
