use super::*;
use crate::apk::version::ApkVersions;
use crate::pool::{Architectures, Kind};

const DATABASE: &str = "C:Q1ZOq7HDWye1QKpmzQJ63IBu2Gg0E=\nP:apk-tools\nV:2.14.4-r0\nA:x86_64\nS:1\nI:2\nT:The tool\nU:u\nL:GPL\no:apk-tools\nm:A\n\
    t:7\nc:0\nD:musl !x\nr:old\nq:3\ns:edge\nf:fx\nF:\nR:file\nF:sbin\nM:0:0:1777\nR:apk\na:1:2:755\nZ:Q1ZOq7HDWye1QKpmzQJ63IBu2Gg0E=\n\n";

#[test]
fn a_database_is_read_whole() {
    let installed = Installed::read(DATABASE.as_bytes()).unwrap();
    let [package] = &installed.packages[..] else { panic!("{installed:?}") };
    assert_eq!((package.info.name.as_str(), package.tag.as_deref(), package.is_broken()), ("apk-tools", Some("edge"), true));
    assert_eq!(installed.package_manager(), Some("apk-tools"));
    assert_eq!((installed.broken(), installed.tags().len()), (vec!["apk-tools".to_owned()], 1));
    let facts = package.facts();
    let files: Vec<(String, u16, &str, bool)> = (facts.files.iter())
        .map(|file| (String::from_utf8_lossy(&file.path).into_owned(), file.mode, &*file.group, file.digest.is_some()))
        .collect();
    let expected =
        [("/file", 0o100_644, "root", false), ("/sbin", 0o041_777, "root", false), ("/sbin/apk", 0o100_755, "2", true)];
    assert_eq!(files, expected.map(|(path, mode, group, digest)| (path.to_owned(), mode, group, digest)));
    assert_eq!(
        (facts.id.as_str(), facts.summary.as_deref(), facts.build_time),
        ("apk-tools-2.14.4-r0", Some("The tool"), Some(7))
    );

    let mut builder = PoolBuilder::new();
    let repo = builder.add_installed_repo("installed");
    installed.intern(&mut builder, repo).unwrap();
    let pool = builder.build(&ApkVersions, &Architectures::any()).unwrap();
    let solvable = pool.installed_solvables().next().unwrap();
    assert_eq!(
        (solvable.name(), solvable.dependencies(Kind::Ordered).len(), solvable.dependencies(Kind::Replaces).len()),
        ("apk-tools", 2, 1)
    );
}

#[test]
fn a_root_without_apk_has_nothing_installed() {
    let root = tempfile::tempdir().unwrap();
    assert!(Installed::open(root.path()).unwrap().packages.is_empty());
    std::fs::create_dir_all(root.path().join("etc/apk")).unwrap();
    std::fs::write(root.path().join(WORLD), "b\na=x\n").unwrap();
    assert!(matches!(Installed::open(root.path()), Err(InstalledError::World { .. })));
}
