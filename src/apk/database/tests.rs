use super::*;
use crate::apk::package::testing::data;

fn files(database: &Database, backend: Backend) -> Vec<(&'static str, Vec<u8>)> {
    let files = database.files(backend).unwrap();
    files.into_iter().map(|file| (file.name, file.content.bytes().unwrap().into_owned())).collect()
}

/// Parses files that apk wrote, and checks that they are written again byte for byte.
#[test]
fn real_databases_come_back() {
    let Some(data) = data() else { return };
    for id in ["3.20-x86_64", "3.20-aarch64"] {
        let read = |name: &str| std::fs::read(data.join(format!("expected/{id}.apk-db/{name}"))).unwrap();
        let database = Database::read(&read("installed"), &read("scripts.tar"), &read("triggers")).unwrap();
        assert_eq!(database.records.len(), 14);
        let written = files(&database, Backend::Apk214);
        assert_eq!(String::from_utf8_lossy(&written[0].1), String::from_utf8_lossy(&read("installed")));
        assert_eq!(written[2], ("triggers", read("triggers")));
        // The scripts are in the order of the installation, which the database does not store.
        assert_eq!(written[1].1.len(), read("scripts.tar").len());
        let again = Database::read(&written[0].1, &written[1].1, &written[2].1).unwrap();
        assert_eq!(files(&again, Backend::Apk214), written);
        let busybox = again.records.iter().find(|record| record.info.name == "busybox").unwrap();
        assert_eq!(busybox.scripts.len(), 3);
        let gzipped = files(&database, Backend::Apk3);
        let again = Database::read(&gzipped[0].1, &gzipped[1].1, &gzipped[2].1).unwrap();
        assert_eq!(files(&again, Backend::Apk3), gzipped);
    }
}

#[test]
fn every_field_is_kept() {
    let text = "C:Q1ZOq7HDWye1QKpmzQJ63IBu2Gg0E=\nP:a\nV:1-r0\nA:x86\nS:1\nI:2\nT:\nU:u\nL:l\no:o\nm:m\nt:3\nc:c\nk:4\nD:b !c\np:d=1\ni:e f\nr:g\nq:5\n\
                s:edge\nf:fs\nF:\nR:top\nF:bin\nM:1:2:1777:Q1ZOq7HDWye1QKpmzQJ63IBu2Gg0E=\nR:x\na:0:0:755\nZ:Q1ZOq7HDWye1QKpmzQJ63IBu2Gg0E=\n\n";
    let database = Database::read(text.as_bytes(), b"", b"").unwrap();
    for backend in [Backend::Apk212, Backend::Apk214, Backend::Apk3] {
        assert_eq!(String::from_utf8_lossy(&files(&database, backend)[0].1), text);
    }
    assert!(matches!(database.files(Backend::Sqlite), Err(DatabaseError::Foreign(Backend::Sqlite))));
    // A file that was cut off before the empty line at the end gives the same result.
    assert_eq!(read_installed(text.trim_end().as_bytes()).unwrap().len(), 1);
}

#[test]
fn old_apk_kept_the_order_of_the_installation() {
    let package = |name: &str| format!("C:Q1ZOq7HDWye1QKpmzQJ63IBu2Gg0E=\nP:{name}\nV:1\nS:0\nI:0\nT:\nU:\nL:\n\n");
    let text = package("b") + &package("a");
    let database = Database::read(text.as_bytes(), b"", b"").unwrap();
    assert_eq!(String::from_utf8_lossy(&files(&database, Backend::Apk212)[0].1), text);
    assert_eq!(String::from_utf8_lossy(&files(&database, Backend::Apk214)[0].1), package("a") + &package("b"));
}

#[test]
fn a_broken_database_is_told_with_its_line() {
    let line = |text: &str| read_installed(text.as_bytes()).unwrap_err().to_string();
    assert_eq!(line("C:Q1\n"), "installed, line 1: not a checksum");
    assert_eq!(line("P:a\nV:1\n\n"), "installed, line 3: a package without `C:`");
    assert_eq!(line("P:a\nR:x\n"), "installed, line 2: a file before its directory");
    assert_eq!(line("P:a\nF:x\nZ:Q1ZOq7HDWye1QKpmzQJ63IBu2Gg0E=\n"), "installed, line 3: a file's field before the file");
    assert_eq!(line("P:a\nF:x\nM:0:0:79\n"), "installed, line 3: not `uid:gid:mode`");
    assert_eq!(line("nonsense\n"), "installed, line 1: not a field: `X:value`");
    assert_eq!(line("X:new\n"), "installed, line 1: a field that is not known");
    assert!(Database::read(b"", b"nonsense", b"").is_err());
    assert!(Database::read(b"", b"", b"nonsense").is_err());
}

#[test]
fn scripts_with_long_names() {
    let mut database = Database::read(
        format!("C:Q1ZOq7HDWye1QKpmzQJ63IBu2Gg0E=\nP:{}\nV:1\nS:0\nI:0\nT:\nU:\nL:\n\n", "n".repeat(120)).as_bytes(),
        b"",
        b"",
    )
    .unwrap();
    let kind = crate::apk::package::ScriptKind::Trigger;
    database.records[0].scripts.push(crate::apk::package::Script { kind, text: b"#!/bin/sh\n".as_slice().into() });
    let written = files(&database, Backend::Apk214);
    let again = Database::read(&written[0].1, &written[1].1, b"").unwrap();
    assert_eq!(&*again.records[0].scripts[0].text.bytes().unwrap(), b"#!/bin/sh\n");
}

#[test]
fn the_world_is_sorted() {
    let constraints = ["zlib>1", "busybox", "Apk-tools@edge"].map(|text| Constraint::parse(text).unwrap());
    assert_eq!(world(&constraints), b"Apk-tools@edge\nbusybox\nzlib>1\n");
    assert_eq!(world(&[]), b"\n");
}
