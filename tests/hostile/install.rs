//! Opens and installs packages like the main job, through the ecosystem trait: from files to a
//! finished tree.

use std::path::Path;
use std::sync::{Arc, LazyLock};

use rootstrap::apk::Apk;
use rootstrap::cancel::Cancel;
use rootstrap::catalog::{Catalog, Image, Key, Langs};
use rootstrap::ecosystem::{Ecosystem, FileOptions, InstallOptions, Scriptlets, Trust};
use rootstrap::fetch::Store;
use rootstrap::finish::owners;
use rootstrap::package::{Content, Entry, EntryKind, Spool};
use rootstrap::repo::Inflated;
use rootstrap::reporter::Silent;
use rootstrap::rpm::Rpm;
use rootstrap::tree::Tree;

use crate::case::Kind;
use crate::{apk, rpm};

/// Default image definitions of both kinds.
pub(crate) static IMAGES: LazyLock<[Image; 2]> = LazyLock::new(|| {
    let catalog = Catalog::builtin();
    [catalog.find("almalinux", "9", "micro", "x86_64").unwrap(), catalog.find("alpine", "3.20", "minirootfs", "x86_64").unwrap()]
});

/// Returns the tree of these package files, or the error.
pub(crate) fn install(kind: Kind, files: &[Vec<u8>], spool: &Path) -> Result<Tree, String> {
    match kind {
        Kind::Rpm => with(&Rpm, &IMAGES[0], Key { name: "key.asc".into(), data: rpm::certificate().into() }, files, spool),
        Kind::Apk => with(&Apk, &IMAGES[1], Key { name: apk::KEY_NAME.into(), data: apk::KEY.into() }, files, spool),
    }
}

/// Returns all properties and contents of entries.
fn all(entries: &[Entry]) -> Vec<(String, Vec<u8>)> {
    let content = |entry: &Entry| match &entry.kind {
        EntryKind::File(content) => content.bytes().unwrap().into_owned(),
        _ => Vec::new(),
    };
    entries.iter().map(|entry| (format!("{entry:?}"), content(entry))).collect()
}

fn with<E: Ecosystem>(ecosystem: &E, image: &Image, key: Key, files: &[Vec<u8>], spool: &Path) -> Result<Tree, String> {
    let keyring = ecosystem.keyring(&[key], &rootstrap::catalog::SignaturePolicy::default()).unwrap();
    // Little in memory, so that contents lie in files too.
    let kept = tempfile::tempdir().unwrap();
    let spool = Spool::new(2 << 20, spool).with_inflated(Arc::new(Inflated::new(Store::new(kept.path())).with_room(0)));
    let options = FileOptions { docs: true, langs: Langs::All };
    let mut packages = Vec::new();
    for file in files {
        let content = Content::from(&file[..]);
        // What lists package files reads them before anybody trusts them.
        let _ = ecosystem.facts(&content);
        let open = || {
            let opened = ecosystem.open(&content, None, Trust::Keys(&keyring), &options, &spool);
            opened.map_err(|error| format!("not used: {error}"))
        };
        let opened = open();
        // What was kept of it makes no other package of it.
        let seen = |opened: &Result<E::Package, String>| {
            opened.as_ref().map(|package| all(&ecosystem.entries(package))).map_err(Clone::clone)
        };
        assert_eq!(seen(&open()), seen(&opened));
        packages.push(opened?);
    }
    let mut tree = Tree::new();
    let options = InstallOptions {
        arch: image.arch.clone(),
        database: Some(image.database.clone()),
        epoch: 1_700_000_000,
        scriptlets: Some(Scriptlets::Native),
    };
    let world =
        packages.iter().map(|package| ecosystem.id(package)).map(|id| id.split('-').next().unwrap_or_default().to_owned());
    let world: Vec<String> = world.collect();
    ecosystem.install(&mut tree, &packages, &world, &options, &Silent, &Cancel::new()).map_err(|error| error.to_string())?;
    let _ = owners::resolve(&mut tree);
    // What reads a finished tree must stand it too.
    let _ = ecosystem.inventory(&tree);
    let _ = ecosystem.verify_files(&tree);
    Ok(tree)
}
