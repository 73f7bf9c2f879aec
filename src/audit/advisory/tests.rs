use super::*;
use crate::apk::Apk;
use crate::rpm::Rpm;

fn package(name: &str, version: &str, source: &str) -> PackageFacts {
    let (epoch, version) = version.split_once(':').map_or((0, version), |(epoch, rest)| (epoch.parse().unwrap(), rest));
    let (version, release) = version.split_once('-').unwrap();
    PackageFacts {
        id: format!("{name}-{epoch}:{version}-{release}.x86_64"),
        name: name.to_owned(),
        epoch: Some(epoch),
        version: version.to_owned(),
        release: Some(release.to_owned()),
        arch: Some("x86_64".to_owned()),
        source: Some(source.to_owned()),
        ..PackageFacts::default()
    }
}

fn apk(name: &str, version: &str, origin: &str) -> PackageFacts {
    let id = format!("{name}-{version}");
    PackageFacts { id, epoch: None, version: version.to_owned(), release: None, ..package(name, "0-0", origin) }
}

fn release(id: &str, version: &str) -> Release {
    Release { id: id.to_owned(), version: Some(version.to_owned()), ..Release::default() }
}

/// Writes a document to a file and reads it.
fn documents<E: Ecosystem>(ecosystem: &E, name: &str, text: &str) -> Vec<Advisory> {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join(name), text).unwrap();
    read(ecosystem, directory.path(), &|_| true).unwrap().advisories
}

fn osv(id: &str, title: &str, ecosystem: &str, name: &str, events: &str) -> String {
    format!(
        r#"{{"id":"{id}","summary":"{title}","modified":"2024-01-01T00:00:00Z","related":["CVE-2024-2","CVE-2024-1"],
        "affected":[{{"package":{{"ecosystem":"{ecosystem}","name":"{name}"}},"ranges":[{{"type":"ECOSYSTEM","events":[{events}]}}]}}],
        "references":[{{"type":"ADVISORY","url":"https://other/1"}},{{"type":"ADVISORY","url":"https://own/{id}.html"}}]}}"#
    )
}

/// Returns the packages that the advisories apply to, each with its fixed version.
fn applying<E: Ecosystem>(ecosystem: &E, advisories: &[Advisory], release: &Release, packages: &[PackageFacts]) -> Vec<String> {
    let told = |package: &PackageFacts| {
        let fixed = advisories.iter().filter_map(|advisory| applies(ecosystem, Some(release), advisory, package));
        fixed.map(|found| format!("{} {}", package.id, found.fixed.unwrap_or("-"))).collect::<Vec<_>>()
    };
    packages.iter().flat_map(told).collect()
}

#[test]
fn epochs_and_tildes_count_as_rpm_has_them() {
    let text = osv("A-1", "Important: x", "AlmaLinux:9", "x", r#"{"introduced":"0"},{"fixed":"1:2.0~rc2-3.el9"}"#);
    let advisories = documents(&Rpm, "a.json", &text);
    let versions = ["9.0-1.el9", "1:1.9-1.el9", "1:2.0~rc1-9.el9", "1:2.0~rc2-2.el9", "1:2.0~rc2-3.el9", "1:2.0-1.el9", "2:0-1"];
    let packages = versions.map(|version| package("x", version, "x-1-1.src.rpm"));
    let affected = applying(&Rpm, &advisories, &release("almalinux", "9.3"), &packages);
    let ids: Vec<String> = packages[..4].iter().map(|package| format!("{} 1:2.0~rc2-3.el9", package.id)).collect();
    assert_eq!(affected, ids);
    assert_eq!(
        (advisories[0].severity, &advisories[0].cves[..]),
        (Some(Severity::Important), &["CVE-2024-1".into(), "CVE-2024-2".into()][..])
    );
    assert_eq!(advisories[0].url.as_deref(), Some("https://own/A-1.html"));
}

#[test]
fn an_advisory_is_of_its_release_and_its_distribution() {
    let text = osv("A-1", "x", "AlmaLinux:9", "x", r#"{"introduced":"0"},{"fixed":"2-1"}"#);
    let advisories = documents(&Rpm, "a.json", &text);
    let packages = [package("x", "1-1", "y-1-1.src.rpm"), package("y", "1-1", "x-1-1.src.rpm")];
    for (id, version, count) in [("almalinux", "9.3", 1), ("almalinux", "9", 1), ("almalinux", "8.9", 0), ("rocky", "9.3", 0)] {
        assert_eq!(applying(&Rpm, &advisories, &release(id, version), &packages).len(), count, "{id} {version}");
    }
    let scope = |distribution: &str, of: &str| Scope { distribution: distribution.to_owned(), release: Some(of.to_owned()) };
    for (scope, own, fits) in [
        (scope("Rocky Linux", "9"), release("rocky", "9.4"), true),
        (scope("Red Hat", "enterprise_linux:9::baseos"), release("rhel", "9.4"), true),
        (scope("Alpine", "v3.1"), release("alpine", "3.10.4"), false),
        (scope("Alpine", "v3.10"), release("alpine", "3.10.4"), true),
        (scope("Alpine", "edge"), release("alpine", "3.23_alpha20251016"), true),
        (scope("Alpine", "edge"), release("alpine", "3.22.1"), false),
    ] {
        assert_eq!(scope.is_of(&own), fits, "{scope:?} {own:?}");
    }
    // Rocky's advisories use the names of source packages.
    let text = osv("R-1", "x", "Rocky Linux:9", "x", r#"{"introduced":"0"},{"fixed":"2-1"}"#);
    assert_eq!(applying(&Rpm, &documents(&Rpm, "a.json", &text), &release("rocky", "9.3"), &packages).len(), 2);
}

#[test]
fn ranges_begin_and_end() {
    let events =
        r#"{"introduced":"1.0-1"},{"fixed":"1.5-1"},{"introduced":"2.0-1"},{"last_affected":"2.5-1"},{"introduced":"3.0-1"}"#;
    let advisories = documents(&Rpm, "a.json", &osv("A-1", "x", "AlmaLinux:9", "x", events));
    let packages = ["0.9-1", "1.0-1", "1.5-1", "2.5-1", "2.5-2", "4.0-1"].map(|version| package("x", version, ""));
    assert_eq!(
        applying(&Rpm, &advisories, &release("almalinux", "9"), &packages),
        ["x-0:1.0-1.x86_64 1.5-1", "x-0:2.5-1.x86_64 -", "x-0:4.0-1.x86_64 -"]
    );
    let withdrawn =
        osv("A-1", "x", "AlmaLinux:9", "x", r#"{"introduced":"0"}"#).replace("\"id\"", "\"withdrawn\":\"2024\",\"id\"");
    assert!(documents(&Rpm, "a.json", &withdrawn).is_empty());
}

#[test]
fn what_is_of_a_module_is_of_its_packages_alone() {
    let fixed = r#"{"introduced":"0"},{"fixed":"1:20.9-1.module_el9.3.0+1+abc"}"#;
    let advisories =
        documents(&Rpm, "a.json", &osv("A-1", "Moderate: nodejs:20 security update", "AlmaLinux:9", "nodejs", fixed));
    let plain = package("nodejs", "1:16.1-1.el9", "");
    let modular = |stream: Option<&str>| PackageFacts {
        module: stream.map(str::to_owned),
        ..package("nodejs", "1:18.2-1.module_el9.1.0+5+def", "")
    };
    let count = |package: PackageFacts| applying(&Rpm, &advisories, &release("almalinux", "9"), &[package]).len();
    assert_eq!(
        [count(plain), count(modular(Some("nodejs:18"))), count(modular(Some("nodejs:20"))), count(modular(None))],
        [0, 0, 1, 1]
    );
    // An advisory without a module does not apply to module packages.
    let text =
        osv("A-2", "Moderate: nodejs security update", "AlmaLinux:9", "nodejs", r#"{"introduced":"0"},{"fixed":"1:19-1.el9"}"#);
    let advisories = documents(&Rpm, "a.json", &text);
    let packages = [package("nodejs", "1:16.1-1.el9", ""), modular(Some("nodejs:18"))];
    assert_eq!(applying(&Rpm, &advisories, &release("almalinux", "9"), &packages).len(), 1);
    // updateinfo states the stream itself.
    let text = r#"<updates><update type="security"><id>U</id><severity>Low</severity><pkglist><collection><module name="php" stream="8.1"/>
        <package name="php" epoch="0" version="8.1.9" release="1.module_el9+1" arch="x86_64"/></collection></pkglist></update></updates>"#;
    let advisories = documents(&Rpm, "updateinfo.xml", text);
    let of = |stream: &str| PackageFacts { module: Some(stream.to_owned()), ..package("php", "8.0.1-1.module_el9+1", "") };
    assert_eq!(applying(&Rpm, &advisories, &release("almalinux", "9"), &[of("php:8.0"), of("php:8.1")]).len(), 1);
}

const SECDB: &str = "---\ndistroversion: v3.20\nreponame: main\nurlprefix: https://dl-cdn.alpinelinux.org/alpine\npackages:\n\
    - pkg:\n      name: openssl\n      secfixes:\n        3.3.2-r0:\n          - CVE-2024-6119 GHSA-x\n        \"0\":\n          - CVE-2022-1\n\
    - pkg:\n      name: zlib\n      secfixes:\n        0:\n          - CVE-2023-45853\n        1.2.11-r4:\n          - CVE-2018-25032\n";

#[test]
fn alpines_fixes_are_of_source_packages_and_nought_is_never() {
    let advisories = documents(&Apk, "main.yaml", SECDB);
    let packages = [
        apk("libcrypto3", "3.3.1-r0", "openssl"),
        apk("libssl3", "3.3.2-r0", "openssl"),
        apk("openssl", "3.3.2_rc1-r0", "openssl"),
        apk("zlib", "1.2.11-r4", "zlib"),
        apk("zlib-dev", "1.2.11-r3", "zlib"),
        apk("musl", "1-r0", "musl"),
    ];
    let own = release("alpine", "3.20.3");
    assert_eq!(
        applying(&Apk, &advisories, &own, &packages),
        ["libcrypto3-3.3.1-r0 3.3.2-r0", "openssl-3.3.2_rc1-r0 3.3.2-r0", "zlib-dev-1.2.11-r3 1.2.11-r4"]
    );
    assert!(applying(&Apk, &advisories, &release("alpine", "3.19.1"), &packages).is_empty());
    assert_eq!((advisories[0].id.as_str(), &advisories[0].cves[..]), ("CVE-2024-6119", &["CVE-2024-6119".to_owned()][..]));
    let json = r#"{"distroversion":"v3.20","urlprefix":"https://dl-cdn.alpinelinux.org/alpine","packages":[{"pkg":{"name":"openssl",
        "secfixes":{"3.3.2-r0":["CVE-2024-6119"],"0":["CVE-1"]}}}]}"#;
    assert_eq!(applying(&Apk, &documents(&Apk, "main.json", json), &own, &packages).len(), 2);
}

#[test]
fn what_is_no_document_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let told = |name: &str, bytes: &[u8]| {
        let path = directory.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        read(&Rpm, &path, &|_| true).map(|found| found.count).unwrap_err().to_string()
    };
    assert!(told("a.json", b"").contains("empty"));
    assert!(told("b.json", b"{\"id\":\"x\",\"affected\":3}").contains("b.json"));
    assert!(told("c.xml", b"<metadata/>").contains("expected <updates>"));
    assert!(told("d.yaml", b"a: b\n").contains("neither OSV"));
    assert!(told("e.zip", b"PK\x03\x04garbage").contains("e.zip"));
    assert!(read(&Rpm, &directory.path().join("none"), &|_| true).is_err());
}
