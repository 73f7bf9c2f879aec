//! Tests of keys: keys for single repositories, `--key`, signed metadata, and removed keys.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use pgp::composed::ArmorOptions;
use rootstrap::rpm::tag::Tag;

use crate::builder::Key;
use crate::mirror::{Mirror, resigned};
use crate::place::{MICRO, Outcome, Place, peer};
use crate::server::FileServer;

/// The key that signed the fixtures, and a foreign key.
pub(crate) const FIXTURES: &str = include_str!("../../repo-fixtures/keys/rootstrap-fixtures.secret.asc");
pub(crate) const OTHER: &str = include_str!("../rpm_packages/keys/ed25519-v4.secret.asc");

const PACKAGE: &str = "libcap-2.48-9.el9.aarch64.rpm";
const KEY: &str = "mirror/keys/rootstrap-fixtures.asc";

/// Writes the certificate of the foreign key as `other.asc`.
pub(crate) fn write_other(place: &Place) {
    let certificate = Key::read(OTHER).certificate();
    fs::write(place.path("other.asc"), certificate.to_armored_string(ArmorOptions::default()).unwrap()).unwrap();
}

/// Returns the package signed by another key.
pub(crate) fn signed_by(file: &[u8], key: &Key) -> Vec<u8> {
    resigned(file, |signature, signed| {
        signature.bytes(Tag::DSA_HEADER, &key.sign(signed, false));
    })
}

/// Writes a catalog with these distribution servers.
fn catalog(place: &Place, base: &str, more: &str) {
    let text = format!("distro = \"almalinux\"\n[mirrors.main]\nbase = \"{base}\"\n{more}");
    fs::write(place.path("my.toml"), text).unwrap();
}

#[track_caller]
fn expect(outcome: &Outcome, code: i32, words: &[&str]) {
    assert_eq!(outcome.code, Some(code), "{}", outcome.stderr);
    for words in words {
        assert!(outcome.stderr.contains(words), "{words}: {}", outcome.stderr);
    }
}

/// Runs the main job with these arguments, each time with another OUT and a cache of its own.
fn build(place: &Place, arguments: &[&str]) -> Outcome {
    let out = tempfile::tempdir_in(place.root()).unwrap();
    let (cache, out) = (out.path().join("cache"), out.path().join("out"));
    place.run(&[&MICRO[..], arguments, &["--cache-dir", cache.to_str().unwrap(), out.to_str().unwrap()]].concat())
}

#[test]
fn a_key_vouches_for_its_own_repositories_alone() {
    let place = Place::new();
    write_other(&place);
    let mirrored = |arguments: &[&str]| build(&place, &[&["--mirror", "mirror"], arguments].concat());
    let (base, app) = (format!("--key=baseos={KEY}"), format!("--key=appstream={KEY}"));
    expect(&mirrored(&[&base, &app]), 0, &[]);
    expect(&mirrored(&[&app]), 4, &["is not used: the package is signed by", "for       repository baseos"]);
    expect(&mirrored(&["--key=nosuch=other.asc", "--key", KEY]), 2, &["there is no repository nosuch", "baseos, appstream"]);

    // A package of BaseOS that the key of AppStream signed.
    place.mirror().replace_package(PACKAGE, |file| signed_by(file, &Key::read(OTHER)));
    expect(&mirrored(&[&base, &app, "--key=appstream=other.asc"]), 4, &[PACKAGE, "signed by", "for       repository baseos"]);
    expect(&mirrored(&[&base, &app, "--key=baseos=other.asc"]), 0, &[]);
    expect(&mirrored(&["--key", KEY, "--key", "other.asc"]), 0, &[]);
}

#[test]
fn a_key_does_not_widen_the_distributions_own_repositories() {
    let place = Place::new();
    write_other(&place);
    catalog(&place, place.path("mirror").to_str().unwrap(), "");
    let own = |arguments: &[&str]| build(&place, &[&["--catalog", "my.toml"], arguments].concat());
    expect(&own(&["--key", KEY]), 4, &["signed by", "for       repository baseos"]);
    let (base, app) = (format!("--key=baseos={KEY}"), format!("--key=appstream={KEY}"));
    expect(&own(&[&base, &app]), 0, &[]);

    // One more repository with its own key: the key's signatures count there, and nowhere else.
    let extra = place.path("extra");
    crate::mirror::copy(&place.path("mirror"), &extra);
    let package = Mirror::new(&extra);
    package.replace_package(PACKAGE, |file| signed_by(file, &Key::read(OTHER)));
    let repository = format!("--repo=extra={},priority=1", extra.join("9/BaseOS/aarch64/os").display());
    // The other packages there are signed by the fixtures' key, which is not a key of the extra
    // repository.
    expect(&own(&[&base, &app, &repository, "--key=extra=other.asc"]), 4, &["for       repository extra"]);
    expect(&own(&[&base, &app, &repository, "--key=extra=other.asc", &format!("--key=extra={KEY}")]), 0, &[]);
    expect(&own(&[&base, &app, &repository, "--key=other.asc", &format!("--key={KEY}")]), 0, &[]);
    place.mirror().replace_package("bash-5.1.8-6.el9.aarch64.rpm", |file| signed_by(file, &Key::read(OTHER)));
    let only_here = format!("--repo=extra={},priority=200", extra.join("9/BaseOS/aarch64/os").display());
    expect(&own(&[&base, &app, &only_here, "--key=other.asc"]), 4, &["bash-5.1.8", "for       repository baseos"]);
}

/// A compromised key is removed from the catalog: from then on nothing that it signed is used,
/// wherever it is cached.
#[test]
fn a_key_taken_from_the_catalog_stops_at_once() {
    let place = Place::new();
    write_other(&place);
    let server = FileServer::new(&place.path("mirror"));
    let with_key = |key: &str| {
        let more = format!("[releases.9]\nkeys = [\"{key}\"]\n");
        catalog(&place, &server.url(), &more);
    };
    fs::copy(place.path(KEY), place.path("good.asc")).unwrap();
    let run = |out: &str, more: &[&str]| {
        place.run(&[&MICRO[..], &["--catalog", "my.toml", "--cache-dir", "cache", out], more].concat())
    };
    with_key("good.asc");
    run("first", &[]).success();
    run("again", &["--offline"]).success();
    with_key("other.asc");
    for (out, more) in [("second", &[][..]), ("third", &["--offline"])] {
        expect(&run(out, more), 4, &["is not used: the package is signed by", "--key baseos=FILE"]);
        assert!(!place.path(out).exists());
    }
}

fn repomd(place: &Place) -> PathBuf {
    place.mirror().repomd()
}

fn sign(repomd: &Path, key: &Key) {
    let signature = key.sign(&fs::read(repomd).unwrap(), false);
    fs::write(repomd.with_extension("xml.asc"), signature).unwrap();
}

#[test]
fn metadata_that_must_be_signed() {
    let place = Place::new();
    write_other(&place);
    catalog(&place, "unused", "[repositories.baseos]\nsigned = true\n");
    let run = || build(&place, &["--catalog", "my.toml", "--mirror", "mirror", "--key", KEY]);
    expect(&run(), 4, &["repository baseos: repodata/repomd.xml is not used: nobody signed it"]);
    expect(&build(&place, &["--catalog=my.toml", "--mirror=mirror", "--key", KEY, "--allow-unsigned"]), 0, &[]);
    sign(&repomd(&place), &Key::read(FIXTURES));
    expect(&run(), 0, &[]);
    // Armored text as gpg writes it.
    let binary = fs::read(repomd(&place).with_extension("xml.asc")).unwrap();
    let armored = {
        use pgp::composed::{Deserializable as _, DetachedSignature};
        DetachedSignature::from_bytes(&binary[..]).unwrap().to_armored_string(ArmorOptions::default()).unwrap()
    };
    fs::write(repomd(&place).with_extension("xml.asc"), armored).unwrap();
    expect(&run(), 0, &[]);

    // By a foreign key; of an earlier state; damaged.
    sign(&repomd(&place), &Key::read(OTHER));
    expect(&run(), 4, &["repomd.xml is not used: signed by", "not among the trusted keys"]);
    sign(&repomd(&place), &Key::read(FIXTURES));
    let old = fs::read(repomd(&place)).unwrap();
    fs::write(repomd(&place), [&old[..], b"\n"].concat()).unwrap();
    expect(&run(), 4, &["repomd.xml is not used: bad signature by"]);
    expect(&build(&place, &["--catalog=my.toml", "--mirror=mirror", "--key", KEY, "--allow-unsigned"]), 4, &["bad signature"]);
    fs::write(repomd(&place), old).unwrap();
    fs::write(repomd(&place).with_extension("xml.asc"), "what is no signature").unwrap();
    expect(&run(), 4, &["unreadable signature"]);

    // The same for a repository on the command line, over HTTP and then offline.
    let server = FileServer::new(&place.path("mirror"));
    let repository = format!("a={}/9/BaseOS/aarch64/os,repo_gpgcheck=1", server.url());
    let resolve = |more: &[&str]| {
        let words = ["resolve", "libcap", "--arch", "aarch64", "--repo", &repository, "--key", KEY, "--cache-dir", "cache"];
        place.run(&[&words[..], more].concat())
    };
    expect(&resolve(&[]), 4, &["unreadable signature"]);
    sign(&repomd(&place), &Key::read(FIXTURES));
    expect(&resolve(&[]), 0, &[]);
    expect(&resolve(&["--offline"]), 0, &[]);
    expect(&place.run(&["resolve", "x", "--repo", "a=x,repo_gpgcheck=maybe"]), 2, &["neither 1 nor 0"]);
}

/// Two keys of one name: a signature by either is valid under that name, and no other is (Alpine
/// identifies keys only by name).
#[test]
fn alpine_keys_of_one_name() {
    let place = Place::new();
    fs::create_dir(place.path("fake")).unwrap();
    let name = "rootstrap-fixtures.rsa.pub";
    fs::copy(place.path("mirror/keys/somebody-else.rsa.pub"), place.path("fake").join(name)).unwrap();
    let (real, fake) = (format!("--key=mirror/keys/{name}"), format!("--key=fake/{name}"));
    let run = |keys: &[&str]| {
        let words =
            ["resolve", "musl", "--distro=alpine", "--release=3.20", "--arch=aarch64", "--mirror=mirror", "--cache-dir=c"];
        place.run(&[&words[..], keys].concat())
    };
    expect(&run(&[&real]), 0, &[]);
    expect(&run(&[&fake]), 4, &["the signature by rootstrap-fixtures.rsa.pub is wrong"]);
    expect(&run(&[&fake, &real]), 0, &[]);
    expect(&run(&["--key=mirror/keys/somebody-else.rsa.pub"]), 4, &["it is signed by rootstrap-fixtures.rsa.pub, trusted are"]);
    expect(&run(&[&format!("--key=community=mirror/keys/{name}")]), 4, &["repository main: APKINDEX.tar.gz is not used"]);
}

/// Metadata signed by gpg: the real dnf and rootstrap accept and refuse the same.
#[test]
fn signed_metadata_count_as_they_do_to_dnf() {
    if !(peer("dnf") && peer("gpg")) {
        return;
    }
    let place = Place::new();
    let home = place.path("gnupg");
    fs::create_dir(&home).unwrap();
    fs::set_permissions(&home, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let gpg = |arguments: &[&str]| {
        let mut gpg = Command::new("gpg");
        let output = gpg.env("GNUPGHOME", &home).args(["--batch", "--yes", "--quiet", "--passphrase="]).args(arguments).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    for user in ["one", "two"] {
        gpg(&["--quick-generate-key", user, "rsa2048", "sign", "never"]);
        fs::write(place.path(&format!("{user}.asc")), gpg(&["--armor", "--export", user])).unwrap();
    }
    let directory = place.path("mirror/9/BaseOS/aarch64/os");
    let repomd = repomd(&place);
    let signature = repomd.with_extension("xml.asc");
    let asked = |number: usize| {
        let repository = format!("a={},repo_gpgcheck=1", directory.display());
        let ours =
            ["resolve", "libcap", "--arch=aarch64", "--repo", &repository, "--key=one.asc", "--cache-dir", &format!("c{number}")];
        let ours = place.run(&ours);
        let root = place.path(&format!("dnf{number}"));
        fs::create_dir(&root).unwrap();
        let mut dnf = Command::new("dnf");
        dnf.args(["-y", "-q", "--releasever=9", "--setopt=reposdir=/nonexistent", "--repo=a", "--setopt=a.repo_gpgcheck=1"]);
        dnf.args(["--setopt=a.skip_if_unavailable=0", &format!("--installroot={}", root.display())]);
        dnf.arg(format!("--setopt=cachedir={}", root.join("cache").display()));
        dnf.arg(format!("--repofrompath=a,file://{}", directory.display()));
        dnf.arg(format!("--setopt=a.gpgkey=file://{}", place.path("one.asc").display())).arg("makecache");
        (ours.code, dnf.output().unwrap().status.success(), ours.stderr)
    };
    let sign = |user: &str| drop(gpg(&["--armor", "--local-user", user, "--detach-sign", repomd.to_str().unwrap()]));
    assert!(matches!(asked(0), (Some(4), false, _)), "without a signature");
    sign("one");
    assert!(matches!(asked(1), (Some(0), true, _)), "{:?}", asked(11));
    sign("two");
    assert!(matches!(asked(2), (Some(4), false, _)), "by another key");
    sign("one");
    let text = fs::read_to_string(&repomd).unwrap();
    fs::write(&repomd, text + "<!-- changed -->").unwrap();
    assert!(matches!(asked(3), (Some(4), false, _)), "of another state");
    fs::write(&signature, "").unwrap();
    assert!(matches!(asked(4), (Some(4), false, _)), "empty");
    let _ = Command::new("gpgconf").env("GNUPGHOME", &home).args(["--kill", "all"]).status();
}

/// Like rpm, rootstrap uses the good keys of a file and reports the others.
#[test]
fn a_broken_certificate_beside_a_good_one_in_a_key_file_is_a_warning() {
    let place = Place::new();
    let good = fs::read_to_string(place.path(KEY)).unwrap();
    let body = good.lines().nth(5).unwrap();
    let broken = good.replacen(body, &body[..20], 1);
    for (name, text) in [("first", format!("{broken}{good}")), ("last", format!("{good}\n{broken}"))] {
        fs::write(place.path("two.asc"), text).unwrap();
        let outcome = build(&place, &["--mirror", "mirror", "--key", "two.asc"]);
        let number = if name == "first" { 1 } else { 2 };
        expect(&outcome, 0, &[&format!("warning: two.asc, block {number} is not a usable key: ")]);
        assert_eq!(outcome.stderr.matches("not a usable key").count(), 1, "{}", outcome.stderr);
        assert!(!outcome.stderr.contains(&body[..20]), "{}", outcome.stderr);
        if peer("rpmkeys") {
            let root = place.path(&format!("root-{name}"));
            fs::create_dir(&root).unwrap();
            let output = Command::new("rpmkeys").arg("--root").arg(&root).arg("--import").arg(place.path("two.asc")).output();
            let told = String::from_utf8(output.unwrap().stderr).unwrap();
            assert!(told.contains(&format!("key {number}")) && !told.contains(&format!("key {}", 3 - number)), "{told}");
        }
    }
    fs::write(place.path("none.asc"), &broken).unwrap();
    let outcome = build(&place, &["--mirror", "mirror", "--key", "none.asc"]);
    expect(&outcome, 1, &["none.asc is not a usable key", "block 1"]);
    assert!(!outcome.stderr.contains(&body[..20]), "{}", outcome.stderr);
}
