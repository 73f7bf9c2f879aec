//! apk's database of a root (`installed`, `scripts.tar` and `triggers` as parts of the input) and
//! its world: parsing, writing and parsing again gives the same result.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rootstrap::apk::database::{Backend, Database, DatabaseFile};
use rootstrap::apk::dependency::{read_world, write_world};
use rootstrap::apk::installed::Installed;
use rootstrap::apk::version::ApkVersions;
use rootstrap::pool::{Architectures, PoolBuilder};

fn content(files: &[DatabaseFile], name: &str) -> Vec<u8> {
    let file = files.iter().find(|file| file.name == name);
    file.map(|file| file.content.bytes().expect("in memory").into_owned()).unwrap_or_default()
}

fuzz_target!(|data: &[u8]| {
    let mut parts = data.splitn(3, |&byte| byte == 0xff);
    let [installed, triggers, scripts] = [(); 3].map(|()| parts.next().unwrap_or_default());
    if let Ok(database) = Database::read(installed, scripts, triggers) {
        let files = database.files(Backend::Apk212).expect("a kind of apk");
        let again = Database::read(&content(&files, "installed"), &content(&files, "scripts.tar"), &content(&files, "triggers"));
        // Triggers and scripts do not distinguish two packages of the same identity.
        let mut identities: Vec<String> = database.records.iter().map(|record| record.checksum.hex()).collect();
        identities.sort();
        if identities.windows(2).all(|pair| pair[0] != pair[1]) && !data.contains(&b'\r') {
            let again = again.unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(
                format!("{:?}", again.records.iter().map(|record| &record.directories).collect::<Vec<_>>()),
                format!("{:?}", database.records.iter().map(|record| &record.directories).collect::<Vec<_>>())
            );
            assert!(again.records.iter().map(|record| record.id()).eq(database.records.iter().map(|record| record.id())));
        }
    }
    if let Ok(installed) = Installed::read(installed) {
        let mut builder = PoolBuilder::new();
        let repo = builder.add_installed_repo("fuzz");
        if installed.intern(&mut builder, repo).is_ok() {
            rootstrap_fuzz::is_image(&builder.build(&ApkVersions, &Architectures::any()).expect("few packages"));
        }
        let _ = (installed.tags(), installed.broken(), installed.package_manager().map(str::len));
    }
    if let Ok(world) = std::str::from_utf8(data).map_err(drop).and_then(|text| read_world(text).map_err(drop)) {
        assert_eq!(read_world(&write_world(&world)), Ok(world));
    }
});
