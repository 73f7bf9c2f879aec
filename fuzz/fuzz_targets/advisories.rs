//! Advisory documents of all formats: OSV's JSON (one or a list), Alpine's secdb, `updateinfo.xml`,
//! compressed, or in a zip archive. Filtering by package must not change the number of documents
//! read, and may only reduce the advisories.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rootstrap::apk::Apk;
use rootstrap::audit::advisory::read;
use rootstrap::rpm::Rpm;
use rootstrap_fuzz::file;

fuzz_target!(|data: &[u8]| {
    let path = file("advisories.json", data);
    let is_wanted = |name: &str| name.len() % 2 == 0;
    let all = read(&Rpm, &path, &|_| true).map_err(|error| error.to_string());
    let some = read(&Rpm, &path, &is_wanted).map_err(|error| error.to_string());
    assert_eq!(
        all.as_ref().map(|all| all.count).map_err(String::as_str),
        some.as_ref().map(|some| some.count).map_err(String::as_str)
    );
    if let (Ok(all), Ok(some)) = (all, some) {
        assert!(some.advisories.len() <= all.advisories.len());
    }
    let _ = read(&Apk, &path, &|_| true);
});
