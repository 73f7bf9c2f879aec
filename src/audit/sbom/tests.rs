use super::*;
use crate::digest::Algorithm;

fn facts(name: &str) -> PackageFacts {
    PackageFacts {
        id: format!("{name}-2:5.1-6.el9.aarch64"),
        name: name.to_owned(),
        epoch: Some(2),
        version: "5.1".to_owned(),
        release: Some("6.el9".to_owned()),
        arch: Some("aarch64".to_owned()),
        summary: Some("A package".to_owned()),
        license: Some("GPLv3+ and MIT".to_owned()),
        vendor: Some("AlmaLinux".to_owned()),
        url: Some("https://example.org/".to_owned()),
        source: Some(format!("{name}-5.1-6.el9.src.rpm")),
        module: None,
        build_time: Some(1_700_000_000),
        installed_size: 10,
        ..PackageFacts::default()
    }
}

fn item<'a>(facts: &'a PackageFacts, needs: &'a [Need]) -> Item<'a> {
    Item { facts: Cow::Borrowed(facts), needs, checksum: None, download: None }
}

fn second() -> [Need; 1] {
    [Need { package: 1, capabilities: vec!["/bin/sh".into(), "libc.so.6".into()] }]
}

fn bill<'a>(packages: &[Item<'a>], files: Option<&[FileItem<'a>]>) -> Bill<'a> {
    let distribution = Distribution { id: "almalinux", version: Some("9.3"), name: Some("AlmaLinux") };
    let (packages, files) = (packages.to_vec(), files.map(<[_]>::to_vec));
    Bill {
        name: "out",
        whole: Whole::Root,
        distribution: Some(distribution),
        kind: "rpm",
        packages,
        requested: None,
        files,
        time: 1_700_000_001,
    }
}

fn json(document: &impl serde::Serialize) -> serde_json::Value {
    serde_json::to_value(document).unwrap()
}

#[test]
fn package_urls_are_those_of_the_specification() {
    let distribution = Distribution { id: "almalinux", version: Some("9.3"), name: None };
    assert_eq!(
        purl("rpm", &facts("libstdc++"), Some(&distribution)).unwrap(),
        "pkg:rpm/almalinux/libstdc%2B%2B@5.1-6.el9?arch=aarch64&distro=almalinux-9.3&epoch=2&upstream=libstdc%2B%2B-5.1-6.el9.src.rpm"
    );
    let musl = PackageFacts {
        epoch: None,
        version: "1.2.5-r0".to_owned(),
        release: None,
        source: Some("musl".to_owned()),
        ..facts("musl")
    };
    let distribution = Distribution { id: "alpine", version: Some("3.20.10"), name: None };
    assert_eq!(
        purl("apk", &musl, Some(&distribution)).unwrap(),
        "pkg:apk/alpine/musl@1.2.5-r0?arch=aarch64&distro=alpine-3.20.10&upstream=musl"
    );
    // A key that rpm imported: no architecture, no epoch, no source.
    let key = PackageFacts { epoch: Some(0), arch: None, source: None, ..facts("gpg-pubkey") };
    assert_eq!(purl("rpm", &key, None).unwrap(), "pkg:rpm/gpg-pubkey@5.1-6.el9");
    assert_eq!(purl("rpm", &facts(""), None), None);
}

#[test]
fn spdx_tells_who_needs_whom_and_by_what() {
    let (bash, glibc, second) = (facts("bash"), facts("glibc"), second());
    let packages = [item(&bash, &second), item(&glibc, &[])];
    let document = json(&spdx(&bill(&packages, None)));
    assert_eq!(document["spdxVersion"], "SPDX-2.3");
    assert_eq!(document["creationInfo"]["created"], "2023-11-14T22:13:21Z");
    assert_eq!(document["packages"].as_array().unwrap().len(), 3);
    let package = &document["packages"][1];
    assert_eq!(package["SPDXID"], "SPDXRef-Package-rpm-bash-2-5.1-6.el9.aarch64");
    assert_eq!(package["versionInfo"], "2:5.1-6.el9");
    assert_eq!(package["supplier"], "Organization: AlmaLinux");
    assert_eq!(package["licenseDeclared"], "LicenseRef-GPLv3-plus AND MIT");
    assert_eq!(document["hasExtractedLicensingInfos"][0]["licenseId"], "LicenseRef-GPLv3-plus");
    assert_eq!(document["hasExtractedLicensingInfos"].as_array().unwrap().len(), 1);
    let needs: Vec<_> = document["relationships"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|relationship| relationship["relationshipType"] == "DEPENDS_ON")
        .collect();
    assert_eq!(needs.len(), 1);
    assert_eq!(needs[0]["spdxElementId"], package["SPDXID"]);
    assert_eq!(needs[0]["relatedSpdxElement"], document["packages"][2]["SPDXID"]);
    assert_eq!(needs[0]["comment"], "/bin/sh, libc.so.6");
}

#[test]
fn spdx_tells_files_with_their_packages() {
    let bash = facts("bash");
    let packages = [item(&bash, &[])];
    let file = |path: &'static str, package| FileItem {
        path: path.into(),
        package,
        sha1: Digest::of(Algorithm::Sha1, path.as_bytes()),
        sha256: Digest::of(Algorithm::Sha256, path.as_bytes()),
    };
    let files = [file("/bin/bash", Some(0)), file("/bin bash", Some(0)), file("/etc/hostname", None)];
    let document = json(&spdx(&bill(&packages, Some(&files))));
    let ids: Vec<_> = document["files"].as_array().unwrap().iter().map(|file| file["SPDXID"].as_str().unwrap()).collect();
    assert_eq!(ids, ["SPDXRef-File-bin-bash", "SPDXRef-File-bin-bash-2", "SPDXRef-File-etc-hostname"]);
    let mut digests = [files[0].sha1.hex(), files[1].sha1.hex()];
    digests.sort();
    let code = Digest::of(Algorithm::Sha1, digests.concat().as_bytes()).hex();
    assert_eq!(document["packages"][1]["packageVerificationCode"]["packageVerificationCodeValue"], code.as_str());
    assert_eq!(document["packages"][1]["filesAnalyzed"], true);
    assert_eq!(document["packages"][0]["filesAnalyzed"], true, "what is no package's is the whole's");
    let cyclonedx = json(&cyclonedx(&bill(&packages, Some(&files))));
    assert_eq!(cyclonedx["components"][1]["components"].as_array().unwrap().len(), 2);
    assert_eq!(cyclonedx["components"][2]["type"], "file");
}

#[test]
fn cyclonedx_names_licences_that_spdx_does_not_know() {
    let bash = facts("bash");
    let second = second();
    let known = PackageFacts { license: Some("GPL-2.0-or-later and mit".to_owned()), ..facts("known") };
    let mut packages = [item(&bash, &second), item(&known, &[])];
    packages[1].checksum = Some(Digest::of(Algorithm::Sha256, b""));
    packages[1].download = Some("https://example.org/known.rpm".into());
    let document = json(&cyclonedx(&bill(&packages, None)));
    assert_eq!(document["components"][0]["type"], "operating-system");
    assert_eq!(document["components"][1]["licenses"][0]["license"]["name"], "GPLv3+ and MIT");
    assert_eq!(document["components"][2]["licenses"][0]["expression"], "GPL-2.0-or-later AND MIT");
    assert_eq!(document["components"][2]["hashes"][0]["alg"], "SHA-256");
    assert_eq!(document["components"][2]["externalReferences"][1]["type"], "distribution");
    assert_eq!(document["dependencies"][1]["dependsOn"], serde_json::json!([document["components"][2]["bom-ref"]]));
    assert_eq!(document["dependencies"][0]["dependsOn"].as_array().unwrap().len(), 2);
    let asked = Bill { requested: Some(vec![0]), ..bill(&packages, None) };
    let document = json(&cyclonedx(&asked));
    assert_eq!(document["dependencies"][0]["dependsOn"], serde_json::json!([document["components"][1]["bom-ref"]]));
}

#[test]
fn the_same_set_is_the_same_document_and_another_is_another() {
    let (bash, other) = (facts("bash"), PackageFacts { installed_size: 11, ..facts("bash") });
    let (first, second) = ([item(&bash, &[])], [item(&other, &[])]);
    let serial = |items: &[Item<'_>]| json(&cyclonedx(&bill(items, None)))["serialNumber"].as_str().unwrap().to_owned();
    assert_eq!(serial(&first), serial(&first));
    assert_ne!(serial(&first), serial(&second));
    let shape = serial(&first);
    let groups: Vec<usize> = shape.strip_prefix("urn:uuid:").unwrap().split('-').map(str::len).collect();
    assert_eq!(groups, [8, 4, 4, 4, 12]);
    assert_eq!(shape.split('-').nth(2).unwrap().as_bytes()[0], b'8');
    assert!(b"89ab".contains(&shape.split('-').nth(3).unwrap().as_bytes()[0]));
}

#[test]
fn two_packages_of_one_identity_stand_apart() {
    let bash = facts("bash");
    let packages = [item(&bash, &[]), item(&bash, &[])];
    let document = json(&cyclonedx(&bill(&packages, None)));
    assert_ne!(document["components"][1]["bom-ref"], document["components"][2]["bom-ref"]);
    let document = json(&spdx(&bill(&packages, None)));
    assert_ne!(document["packages"][1]["SPDXID"], document["packages"][2]["SPDXID"]);
}

#[test]
fn addresses_are_those_of_the_web() {
    for good in ["https://example.org/~a?b=c#d", " http://[::1]/ ", "ftp://ftp.gnu.org"] {
        assert_eq!(web_address(Some(good)), Some(good.trim()));
    }
    for bad in
        ["", "example.org", "https://", "https:///x", "javascript:alert(1)", "https://a b", "http://<x>", "https://\u{e9}/"]
    {
        assert_eq!(web_address(Some(bad)), None, "{bad}");
    }
}

#[test]
fn a_supplier_is_a_person_or_an_organisation() {
    assert_eq!(
        supplier(Some("Natanael Copa <ncopa@alpinelinux.org>")),
        Some(Supplier::Person { name: "Natanael Copa", address: "ncopa@alpinelinux.org" })
    );
    for (text, name) in
        [("Fedora\n Project", "Fedora Project"), ("<a@b>", "<a@b>"), ("A <b>", "A <b>"), ("A (x) <a@b>", "A (x) <a@b>")]
    {
        assert_eq!(supplier(Some(text)), Some(Supplier::Organization(name.to_owned())));
    }
    assert_eq!((supplier(Some(" ")), supplier(None)), (None, None));
}
