use std::path::Path;

use super::*;
use crate::apk::version::ApkVersions;
use crate::pool::{Architectures, Op, Pool};

fn read(text: &str) -> Result<Pool, IndexError> {
    let mut builder = PoolBuilder::new();
    let repo = builder.add_repo("main", 99, None);
    read_records(&mut text.as_bytes(), &mut builder, repo)?;
    Ok(builder.build(&ApkVersions, &Architectures::any()).unwrap())
}

const RECORD: &str = "C:Q1ZOq7HDWye1QKpmzQJ63IBu2Gg0E=\nP:busybox\nV:1.35.0-r29\nA:aarch64\nS:521312\nI:925696\nT:Size optimized\n\
    U:https://busybox.net/\nL:GPL-2.0-only\no:busybox\nm:A <a@b>\nt:1675160000\nc:0123\nk:100\nD:so:libc.musl-aarch64.so.1 !old>1 musl~1.2\n\
    p:/bin/sh cmd:busybox=1.35.0-r29\np:more\ni:a !b\nr:old\n\n";

#[test]
fn every_field_finds_its_place() {
    let pool = read(RECORD).unwrap();
    let package = pool.solvables().next().unwrap();
    assert_eq!((package.name(), package.version(), package.arch()), ("busybox", "1.35.0-r29", "aarch64"));
    assert_eq!((package.size(), package.installed_size(), package.build_time()), (521_312, 925_696, 1_675_160_000));
    assert_eq!((package.license(), package.source(), package.vendor()), ("GPL-2.0-only", "busybox", "A <a@b>"));
    assert_eq!((package.provider_priority(), package.location()), (100, "busybox-1.35.0-r29.apk"));
    assert_eq!(package.checksum().unwrap().bytes[..3], [0x64, 0xea, 0xbb]);
    let list = |kind| package.dependencies(kind).iter().map(|&id| pool.display(id)).collect::<Vec<_>>();
    assert_eq!(list(Kind::Requires), ["so:libc.musl-aarch64.so.1", "musl ~ 1.2"]);
    assert_eq!(list(Kind::Conflicts), ["old > 1"]);
    assert_eq!(list(Kind::Ordered), ["so:libc.musl-aarch64.so.1", "!old > 1", "musl ~ 1.2"]);
    assert_eq!(list(Kind::Provides), ["/bin/sh", "cmd:busybox = 1.35.0-r29", "more", "busybox = 1.35.0-r29"]);
    assert_eq!(list(Kind::InstallIf), ["a", "!b"]);
    assert_eq!(list(Kind::Replaces), ["old"]);
}

#[test]
fn malformed_fields_are_told_with_their_line() {
    for (line, wrong) in [
        (1, "C:Q1ZOq7"),
        (1, "C:X1ZOq7HDWye1QKpmzQJ63IBu2Gg0E="),
        (5, "S:many"),
        (6, "I:-1"),
        (12, "t:12x"),
        (14, "k:"),
        (2, "busybox"),
    ] {
        let text: Vec<&str> =
            RECORD.lines().enumerate().map(|(place, text)| if place + 1 == line { wrong } else { text }).collect();
        let error = read(&text.join("\n")).unwrap_err().to_string();
        assert!(error.contains(&format!("line {line}:")), "{wrong}: {error}");
    }
    for gone in ["P:busybox\n", "V:1.35.0-r29\n"] {
        let error = read(&RECORD.replace(gone, "")).unwrap_err().to_string();
        assert!(error.contains("has no"), "{error}");
    }
    assert!(read("\n\n").unwrap().is_empty());
}

#[test]
fn a_dependency_that_makes_no_sense_spoils_its_package_only() {
    let pool = read("P:a\nV:1\nD:b@tag c=x =\n\nP:b\nV:1\nX:new\n\nP:c\nV:1\ni:a b=x\n").unwrap();
    let invalid: Vec<usize> = (pool.solvables())
        .map(|package| {
            let is_invalid =
                |id| matches!(pool.dependency(id), crate::pool::Dependency::Plain { op, .. } if op.contains(Op::INVALID));
            package.requires().iter().filter(|&&id| is_invalid(id)).count()
        })
        .collect();
    assert_eq!(invalid, [3, 1, 0]);
    assert!(pool.solvables().nth(2).unwrap().dependencies(Kind::InstallIf).is_empty());
}

#[test]
fn lines_are_whole_wherever_buffers_end() {
    let text = RECORD.repeat(400);
    assert_eq!(read(&text).unwrap().len(), 400);
    assert_eq!(read(text.trim_end()).unwrap().len(), 400);
}

use crate::pool::Kind;

#[test]
fn the_real_index_is_read() {
    let data = std::env::var_os("ROOTSTRAP_DATA").unwrap_or_else(|| "../shared".into());
    let path = Path::new(&data).join("alpine/index/3.17-main-aarch64/APKINDEX.tar.gz");
    let Ok(bytes) = std::fs::read(path) else {
        eprintln!("skipped: no real data");
        return;
    };
    let mut builder = PoolBuilder::new();
    let repo = builder.add_repo("main", 99, None);
    let mut inflated = flate2::read::MultiGzDecoder::new(&bytes[..]);
    ApkIndex.read_packages(&mut inflated, &mut builder, repo).unwrap();
    assert_eq!(builder.len(), 5004);
}
