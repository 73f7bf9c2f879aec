//! Documents as `createrepo_c`, older yum and other tools wrote them, and malformed ones.

use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;

use super::*;
use crate::compression::decompress;
use crate::digest::{Algorithm, Digest};
use crate::metadata::MetadataKind;
use crate::pool::{Architectures, Kind, Pool};
use crate::rpm::version::RpmVersions;

fn parse(document: &str) -> Result<Pool, IndexError> {
    let mut builder = PoolBuilder::new();
    let repo = builder.add_repo("test", 99, None);
    RpmMd.read_packages(&mut document.as_bytes(), &mut builder, repo)?;
    Ok(builder.build(&RpmVersions, &Architectures::any()).unwrap())
}

fn dependencies(pool: &Pool, kind: Kind) -> Vec<String> {
    let package = pool.solvables().next().unwrap();
    package.dependencies(kind).iter().map(|&dependency| pool.display(dependency)).collect()
}

/// Returns the offset and the description of the error.
fn malformed(document: &str) -> (u64, String) {
    match parse(document) {
        Err(IndexError::Malformed { offset, what }) => (offset, what),
        Err(error @ IndexError::Read { .. }) => panic!("{error}"),
        Ok(_) => panic!("it was read"),
    }
}

const BASH: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<metadata xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm" packages="1">
<package type="rpm">
  <name>bash</name>
  <arch>x86_64</arch>
  <version epoch="0" ver="5.1.8" rel="6.el9_1"/>
  <checksum type="sha256" pkgid="YES">0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9</checksum>
  <summary>The GNU Bourne Again shell</summary>
  <description>Sh &amp; more, <![CDATA[<b>]]>.</description>
  <packager/>
  <url>https://www.gnu.org/software/bash</url>
  <time file="1670000000" build="1669999999"/>
  <size package="1738587" installed="7738634" archive="7750000"/>
  <location href="Packages/bash-5.1.8-6.el9_1.x86_64.rpm"/>
  <format>
    <rpm:license>GPLv3+</rpm:license>
    <rpm:vendor>AlmaLinux</rpm:vendor>
    <rpm:group>Unspecified</rpm:group>
    <rpm:sourcerpm>bash-5.1.8-6.el9_1.src.rpm</rpm:sourcerpm>
    <rpm:header-range start="1" end="2"/>
    <rpm:provides>
      <rpm:entry name="/bin/sh"/>
      <rpm:entry name="bash" flags="EQ" epoch="0" ver="5.1.8" rel="6.el9_1"/>
      <rpm:entry name="config(bash)" flags="EQ" epoch="1" ver="5.1.8" rel="6.el9_1"/>
    </rpm:provides>
    <rpm:requires>
      <rpm:entry name="filesystem" flags="GE" epoch="0" ver="3" pre="1"/>
      <rpm:entry name="libc.so.6()(64bit)"/>
      <rpm:entry name="(a if b else c)"/>
      <rpm:entry name="(not rich" flags="LT" ver="2"/>
    </rpm:requires>
    <rpm:conflicts><rpm:entry name="filesystem" flags="LT" epoch="2" ver="3"/></rpm:conflicts>
    <rpm:obsoletes><rpm:entry name="bash2" flags="LE" ver="2" rel="1"></rpm:entry></rpm:obsoletes>
    <rpm:recommends><rpm:entry name="r"/></rpm:recommends>
    <rpm:suggests><rpm:entry name="s"/></rpm:suggests>
    <rpm:supplements><rpm:entry name="p"/></rpm:supplements>
    <rpm:enhances><rpm:entry name="e"/></rpm:enhances>
    <file>/etc/skel/.bashrc</file>
    <file type="dir">/usr/share/doc/a&amp;b</file>
    <file type="ghost">/var/log/&#x2F;x</file>
  </format>
</package>
</metadata>"#;

#[test]
fn all_of_a_package() {
    let pool = parse(BASH).unwrap();
    assert_eq!(pool.len(), 1);
    let bash = pool.solvables().next().unwrap();
    assert_eq!((bash.name(), bash.version(), bash.arch()), ("bash", "5.1.8-6.el9_1", "x86_64"));
    assert_eq!(bash.location(), "Packages/bash-5.1.8-6.el9_1.x86_64.rpm");
    assert_eq!((bash.size(), bash.installed_size(), bash.build_time()), (1_738_587, 7_738_634, 1_669_999_999));
    assert_eq!((bash.license(), bash.vendor(), bash.source()), ("GPLv3+", "AlmaLinux", "bash-5.1.8-6.el9_1.src.rpm"));
    let checksum = bash.checksum().unwrap();
    assert_eq!((checksum.kind.name(), &checksum.bytes[..3], checksum.bytes.len()), ("sha256", &[0x0a, 0x1b, 0x2c][..], 32));
    assert_eq!(dependencies(&pool, Kind::Provides), ["/bin/sh", "bash = 5.1.8-6.el9_1", "config(bash) = 1:5.1.8-6.el9_1"]);
    assert_eq!(dependencies(&pool, Kind::Requires), ["libc.so.6()(64bit)", "(a if b else c)", "(not rich < 2"]);
    assert_eq!(dependencies(&pool, Kind::PreRequires), ["filesystem >= 3"]);
    assert_eq!(dependencies(&pool, Kind::Conflicts), ["filesystem < 2:3"]);
    assert_eq!(dependencies(&pool, Kind::Obsoletes), ["bash2 <= 2-1"]);
    for (kind, name) in [(Kind::Recommends, "r"), (Kind::Suggests, "s"), (Kind::Supplements, "p"), (Kind::Enhances, "e")] {
        assert_eq!(dependencies(&pool, kind), [name]);
    }
    let files: Vec<&str> = bash.files().iter().map(|&path| pool.text(path)).collect();
    assert_eq!(files, ["/etc/skel/.bashrc", "/usr/share/doc/a&b", "/var/log//x"]);
}

#[test]
fn prefixes_and_the_order_of_attributes_are_free() {
    let other = BASH
        .replace("xmlns=", "xmlns:c=")
        .replace("xmlns:rpm", "xmlns:r")
        .replace("<rpm:", "<r:")
        .replace("</rpm:", "</r:")
        .replace(r#"epoch="1" ver="5.1.8" rel="6.el9_1""#, r#"rel = '6.el9_1' x="y" ver='5.1.8'  epoch = "1""#)
        .replace(
            r#"name="filesystem" flags="GE" epoch="0" ver="3" pre="1""#,
            r#"pre="1" ver="3" flags="GE" name="file&#115;ystem""#,
        )
        .replace("<name>bash</name>", "<!-- a shell --><name>\n  ba<![CDATA[s]]>&#104;\n</name>")
        .replace("<metadata", "<c:metadata")
        .replace("</metadata", "</c:metadata");
    let (one, two) = (parse(BASH).unwrap(), parse(&other).unwrap());
    for kind in [Kind::Provides, Kind::Requires, Kind::PreRequires, Kind::Conflicts, Kind::Obsoletes] {
        assert_eq!(dependencies(&one, kind), dependencies(&two, kind));
    }
    assert_eq!(two.solvables().next().unwrap().name(), "bash");
}

#[test]
fn what_is_missing_or_unknown_is_passed_over() {
    let pool = parse(
        r#"<metadata><future><package type="rpm"><name>no</name></package></future>
        <package type="rpm"><name>a</name><version ver="1:2"/><extra><name>b</name><arch>src</arch></extra>
          <format><unknown><entry name="x"/></unknown><requires><entry/><entry name="y" flags="GE"/><entry name="z" flags="??" ver="1"/></requires>
          </format></package>
        <package type="rpm"><arch>noarch</arch><version ver="1"/></package>
        <package type="rpm"><name>a</name><arch>src</arch><format><provides><entry name="q"/></provides></format></package>
        <package type="pattern"><name>p</name><arch>noarch</arch><version ver="1"/></package>
        <package><name>b</name><format/></package></metadata>"#,
    )
    .unwrap();
    let packages: Vec<_> = pool.solvables().map(|s| (s.name(), s.version(), s.arch(), s.checksum().is_some())).collect();
    assert_eq!(packages, [("a", "0:1:2", "noarch", false), ("b", "", "noarch", false)]);
    assert_eq!(dependencies(&pool, Kind::Requires), ["y", "z"]);
}

#[test]
fn a_location_with_a_base_is_a_whole_one() {
    let document = r#"<metadata><package><name>a</name><location xml:base="http://host/os/" href="a.rpm"/></package></metadata>"#;
    assert_eq!(parse(document).unwrap().solvables().next().unwrap().location(), "http://host/os/a.rpm");
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    assert_eq!(malformed(""), (0, "the document is empty".to_owned()));
    assert!(malformed("<html><body/></html>").1.contains("expected <metadata>, found <html>"));
    assert!(malformed("<metadata><package></metadata>").1.contains("package"));
    assert_eq!(malformed("<metadata><package>").0, 19);
    assert!(malformed("<metadata>\u{0}<").0 >= 10);
    assert!(malformed("<metadata><package><name>&bomb;</name></package></metadata>").1.contains("bomb"));
    let bad = "<metadata><package><checksum type='sha256'>00</checksum></package></metadata>";
    assert!(malformed(bad).1.contains("`00` is not a sha256 checksum"));
    let deep = format!("<metadata>{}", "<a>".repeat(1000));
    assert!(malformed(&deep).1.contains("too deeply"));
    let entity =
        r#"<!DOCTYPE m [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><metadata><package><name>&b;</name></package></metadata>"#;
    assert!(malformed(entity).1.contains("`&b;`"));
}

#[test]
fn a_name_without_end_does_not_fill_the_memory() {
    let endless = b"<metadata><package><name>".chain(std::io::repeat(b'x'));
    let mut builder = PoolBuilder::new();
    let repo = builder.add_repo("test", 99, None);
    let error = RpmMd.read_packages(&mut { endless }, &mut builder, repo).unwrap_err();
    assert!(matches!(&error, IndexError::Malformed { what, .. } if what.contains("16 MiB")), "{error}");
}

#[test]
fn invalid_text_is_an_error_and_not_a_guess() {
    let mut builder = PoolBuilder::new();
    let repo = builder.add_repo("test", 99, None);
    let error = RpmMd.read_packages(&mut &b"<metadata><package><name>\xff\xfe</name>"[..], &mut builder, repo).unwrap_err();
    assert!(matches!(error, IndexError::Malformed { offset: 25, .. }), "{error:?}");
}

#[test]
fn repomd_lists_the_files() {
    let document = r#"<?xml version="1.0"?><r:repomd xmlns:r="http://linux.duke.edu/metadata/repo"><r:revision>1</r:revision>
      <r:tags><r:data type="primary"/></r:tags>
      <r:data type="primary"><r:checksum type="sha">da39a3ee5e6b4b0d3255bfef95601890afd80709</r:checksum>
        <r:open-checksum type="md5">d41d8cd98f00b204e9800998ecf8427e</r:open-checksum>
        <r:location href="repodata/primary.xml.gz"/><r:size> 12 </r:size><r:open-size>345</r:open-size><r:timestamp>1.5</r:timestamp></r:data>
      <r:data type="modules"><r:checksum type="crc32">00</r:checksum><r:location xml:base="http://host/" href="m.yaml"/></r:data>
    </r:repomd>"#;
    let files = RpmMd.files(document.as_bytes()).unwrap();
    assert_eq!(files.len(), 2);
    assert_eq!((files[0].kind, files[0].location.as_deref()), (MetadataKind::Packages, Some("repodata/primary.xml.gz")));
    assert_eq!((files[0].size, files[0].open_size), (Some(12), Some(345)));
    assert_eq!(files[0].digest, Some(Digest::of(Algorithm::Sha1, b"")));
    assert_eq!(files[0].open_digest, Some(Digest::of(Algorithm::Md5, b"")));
    assert_eq!((files[1].kind, files[1].location.as_deref()), (MetadataKind::Modules, Some("http://host/m.yaml")));
    assert_eq!((files[1].digest.clone(), files[1].size), (None, None));
    for (wrong, what) in [("12", "x"), ("da39", "zz39"), ("</r:repomd>", "")] {
        assert!(RpmMd.files(document.replace(wrong, what).as_bytes()).is_err(), "{wrong} as {what}");
    }
    assert!(RpmMd.files(b"").is_err());
    assert!(RpmMd.files(b"<html/>").is_err());
}

#[test]
fn filelists_tell_only_what_is_asked_for() {
    let checksum = "0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d";
    let document = format!(
        r#"<filelists xmlns="http://linux.duke.edu/metadata/filelists" packages="1">
        <package pkgid="{checksum}" name="a" arch="noarch"><version epoch="0" ver="1" rel="1"/>
          <file>/usr/bin/a</file><file type="dir">/usr/share/a&amp;b</file><file>/usr/bin/c</file></package>
        <package pkgid="none" name="b" arch="noarch"><file>/usr/bin/a</file></package></filelists>"#
    );
    let mut found = Vec::new();
    let wanted = |path: &str| path != "/usr/bin/c";
    RpmMd
        .read_files(&mut document.as_bytes(), &wanted, &mut |of, path| {
            assert_eq!((of.kind.name(), of.bytes.len(), of.bytes[0]), ("sha1", 20, 0x0a));
            found.push(path.to_owned());
        })
        .unwrap();
    assert_eq!(found, ["/usr/bin/a", "/usr/share/a&b"]);
    found.clear();
    let document = document.replace("<file>/usr/bin/c", "<file type=\"ghost\">/usr/bin/c");
    RpmMd.read_contents(&mut document.as_bytes(), &mut |_, path| found.push(path.to_owned())).unwrap();
    assert_eq!(found, ["/usr/bin/a"]);
    assert!(RpmMd.read_files(&mut &document.as_bytes()[..300], &wanted, &mut |_, _| {}).is_err());
}

proptest! {
    #[test]
    fn what_is_cut_or_flipped_never_panics(cut in 0..BASH.len(), place in 0..BASH.len(), byte: u8) {
        prop_assume!(BASH.is_char_boundary(cut));
        prop_assert!(parse(&BASH[..cut]).is_err(), "cut at {}", cut);
        let mut flipped = BASH.as_bytes().to_vec();
        flipped[place] = byte;
        let mut builder = PoolBuilder::new();
        let repo = builder.add_repo("test", 99, None);
        let _ = RpmMd.read_packages(&mut &flipped[..], &mut builder, repo);
        let _ = RpmMd.files(&flipped);
        let _ = RpmMd.read_files(&mut &flipped[..], &|_| true, &mut |_, _| {});
    }

    #[test]
    fn any_version_is_the_same_in_any_order(epoch in "[0-9]{0,2}", ver in "[0-9a-z.~^]{1,6}", rel in "[0-9a-z.]{0,6}", turn in 0usize..3) {
        let mut attributes = [format!("epoch='{epoch}'"), format!("ver='{ver}'"), format!("rel='{rel}'")];
        let read = |attributes: &[String; 3]| {
            let document = format!("<metadata><package><name>a</name><version {}/></package></metadata>", attributes.join(" "));
            parse(&document).unwrap().solvables().next().unwrap().version().to_owned()
        };
        let straight = read(&attributes);
        attributes.rotate_left(turn);
        prop_assert_eq!(&read(&attributes), &straight);
        let release = if rel.is_empty() { String::new() } else { format!("-{rel}") };
        let epoch = if epoch.is_empty() || epoch == "0" { String::new() } else { format!("{epoch}:") };
        prop_assert_eq!(straight, format!("{epoch}{ver}{release}"));
    }
}

/// Returns the directory with real data, or `None` if there is none.
fn real_data() -> Option<PathBuf> {
    let data = PathBuf::from(std::env::var_os("ROOTSTRAP_DATA").unwrap_or_else(|| "../shared".into()));
    if data.join("repodata").is_dir() {
        return Some(data);
    }
    println!("skipped: no real data");
    None
}

#[test]
fn real_repositories_are_read_whole() {
    let Some(data) = real_data() else { return };
    for (directory, packages) in [
        ("repodata/cs9-appstream", 17_649),
        ("repodata/cs9-baseos", 4_572),
        ("repodata/k1om", 1_959),
        ("repodata/opensuse-10.3", 6_354),
        ("almalinux/9/BaseOS/aarch64/os", 22),
        ("almalinux/9/AppStream/aarch64/os", 8),
    ] {
        let directory = data.join(directory);
        let files = RpmMd.files(&fs::read(directory.join(RpmMd.root_document())).unwrap()).unwrap();
        let primary = files.iter().find(|file| file.kind == MetadataKind::Packages).unwrap();
        let compressed = fs::read(directory.join(primary.location.as_deref().unwrap())).unwrap();
        assert_eq!(Some(compressed.len() as u64), primary.size);
        assert_eq!(primary.digest, Some(Digest::of(Algorithm::Sha256, &compressed)));
        let mut builder = PoolBuilder::new();
        let repo = builder.add_repo("real", 99, None);
        let (_, mut input) = decompress(&compressed[..]).unwrap();
        RpmMd.read_packages(&mut input, &mut builder, repo).unwrap();
        assert_eq!(builder.len(), packages, "{}", directory.display());
    }
}
