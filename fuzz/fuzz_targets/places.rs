//! Locations in requests and indexes: a name in an index stays below its directory or on its
//! server, or is an error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rootstrap::fetch::Location;
use rootstrap::repo::Repository;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for base in ["https://example.org/repo/", "/srv/repo/"] {
        let place = Location::parse(base).expect("a place");
        if let Ok(file) = place.join(text) {
            let file = file.to_string();
            let widest = if place.is_remote() { "https://example.org/" } else { base };
            let below = file.strip_prefix(widest);
            assert!(below.is_some_and(|path| path.split('/').all(|part| part != "..")), "{text} is {file}");
        }
    }
    let _ = (Location::parse(text), Repository::parse(text));
});
