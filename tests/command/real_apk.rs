//! Tests with Alpine's own packages: changes to a root compared with those of the real apk.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::change::{ALPINE, rows, same, split};
use crate::mirror::copy;
use crate::place::{Place, is_root, real_data};

/// Two equal roots, one changed by rootstrap and the other by the real apk.
pub(crate) struct Pair<'a> {
    pub(crate) place: &'a Place,
    pub(crate) data: &'a Path,
    /// The value of `--scriptlets` for rootstrap.
    pub(crate) scriptlets: &'static str,
}

impl Pair<'_> {
    /// Builds a root that contains apk and the repository.
    pub(crate) fn make(&self, root: &str) {
        self.ours("", &["--variant", "minirootfs", root]);
        self.furnish(root);
    }

    fn ours(&self, root: &str, arguments: &[&str]) {
        let key = self.data.join("keys/rootstrap-test.rsa.pub");
        let mirror = self.data.to_str().unwrap();
        let trusted = ["--mirror", mirror, "--key", key.to_str().unwrap(), "--cache-dir", "cache", "--arch", "x86_64"];
        let (verb, rest) = split(arguments);
        let to: &[&str] = if verb.is_empty() { &[] } else { &["--root", root, "--scriptlets", self.scriptlets] };
        self.place.run(&[verb, to, &ALPINE[..4], &trusted, rest].concat()).success();
    }

    fn apk(&self, root: &str, arguments: &[&str]) -> String {
        let output = Command::new("chroot").arg(self.place.path(root)).arg("/sbin/apk").args(arguments).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "apk {arguments:?}: {text}");
        text
    }

    /// Copies the repository, its key and its address into a root.
    fn furnish(&self, root: &str) {
        let root = self.place.path(root);
        copy(&self.data.join("v3.20"), &root.join("mnt/v3.20"));
        let key = "rootstrap-test.rsa.pub";
        fs::copy(self.data.join("keys").join(key), root.join("etc/apk/keys").join(key)).unwrap();
        fs::write(root.join("etc/apk/repositories"), "/mnt/v3.20/main\n").unwrap();
    }

    fn copy(&self) {
        fs::write(self.place.path("ours/etc/profile"), "mine\n").unwrap();
        let copied = Command::new("cp").arg("-a").arg(self.place.path("ours")).arg(self.place.path("theirs")).status();
        assert!(copied.unwrap().success());
    }

    #[track_caller]
    fn same(&self) {
        let rows = |root: &str| {
            let mut rows = rows(&self.place.path(root));
            rows.retain(|path, _| !path.starts_with("var/cache/") && !path.starts_with("dev/"));
            // apk gives links the time of their creation.
            rows.values_mut().filter(|row| row.kind == 'l').for_each(|row| row.mtime = 0);
            rows
        };
        same(&rows("theirs"), &rows("ours"));
    }
}

/// Returns Alpine's packages, if their apk can run here.
pub(crate) fn real_packages() -> Option<PathBuf> {
    let data = real_data("alpine")?;
    if !is_root() || std::env::consts::ARCH != "x86_64" {
        println!("skipped: apk runs as root on x86_64");
        return None;
    }
    Some(data)
}

/// Builds both roots with rootstrap.
fn made_by_us(pair: &Pair<'_>) {
    pair.make("ours");
    pair.copy();
}

/// Builds both roots with the apk of a third root.
fn made_by_apk(pair: &Pair<'_>) {
    pair.make("maker");
    let world = ["alpine-baselayout", "alpine-keys", "apk-tools", "busybox", "libc-utils"];
    let how = ["--root", "/mnt/root", "--initdb", "--keys-dir", "/etc/apk/keys", "--repository", "/mnt/v3.20/main"];
    pair.apk("maker", &[&how[..], &["--no-scripts", "add"], &world].concat());
    fs::rename(pair.place.path("maker/mnt/root"), pair.place.path("ours")).unwrap();
    pair.furnish("ours");
    pair.copy();
}

/// Applies changes to both roots, one by each tool, alternating the roots. Both must stay equal.
fn agree(make: fn(&Pair<'_>)) {
    let Some(data) = real_packages() else { return };
    let place = Place::new();
    let pair = Pair { place: &place, data: &data, scriptlets: "none" };
    make(&pair);
    let quiet = ["--no-network", "--no-scripts"];
    let verbs = |verb: &'static str| match verb {
        "install" => "add",
        "remove" => "del",
        verb => verb,
    };
    let steps: [(&'static str, &[&str]); 8] = [
        ("remove", &["libc-utils"]),
        ("install", &["scanelf", "zlib"]),
        ("fix", &["--reinstall", "alpine-baselayout", "busybox"]),
        ("remove", &["scanelf", "zlib"]),
        ("install", &["libc-utils", "!ssl_client"]),
        ("install", &["ssl_client"]),
        ("fix", &[]),
        ("upgrade", &["--available"]),
    ];
    for (number, (verb, arguments)) in steps.iter().enumerate() {
        let (first, second) = if number % 3 == 2 { ("theirs", "ours") } else { ("ours", "theirs") };
        pair.ours(first, &[&[*verb], *arguments].concat());
        pair.apk(second, &[&[verbs(verb)], &quiet[..], *arguments].concat());
        pair.same();
        for root in ["ours", "theirs"] {
            let audit = pair.apk(root, &["audit", "--system"]);
            assert!(!audit.lines().any(|line| !line.starts_with("WARNING")), "{verb} {arguments:?}: {audit}");
        }
    }
    assert_eq!(pair.apk("ours", &["info", "-v"]).lines().filter(|line| !line.starts_with("WARNING")).count(), 14);
    let fix = pair.apk("ours", &["fix", "--no-network"]);
    assert!(fix.starts_with("OK: ") && fix.lines().count() == 1, "{fix}");
}

/// The key of an index is another one of the same name, of another name, or missing: the real apk
/// and rootstrap refuse the same.
#[test]
fn keys_count_as_they_do_to_apk() {
    let Some(data) = real_packages() else { return };
    let place = Place::new();
    let pair = Pair { place: &place, data: &data, scriptlets: "none" };
    pair.make("root");
    let name = "rootstrap-test.rsa.pub";
    let (key, keys) = (data.join("keys").join(name), place.path("root/etc/apk/keys"));
    let other = place.path("mirror/keys/somebody-else.rsa.pub");
    let apk = || {
        let root = place.path("root");
        // A repository in a directory is not cached; the answer is current.
        let output = Command::new("chroot").arg(root).args(["/sbin/apk", "add", "--no-network", "--simulate", "zlib"]).output();
        let output = output.unwrap();
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let ours = |given: Option<&Path>| {
        let mirror = data.to_str().unwrap();
        let words =
            ["resolve", "zlib", "--distro=alpine", "--release=3.20", "--arch=x86_64", "--cache-dir=c", "--mirror", mirror];
        let key = given.map(|path| format!("--key={}", path.display()));
        let outcome = place.run(&[&words[..], &key.as_deref().into_iter().collect::<Vec<_>>()].concat());
        (outcome.code, outcome.stderr)
    };
    let theirs = apk();
    assert!(!theirs.contains("signature") && ours(Some(&key)).0 == Some(0), "{theirs}");

    fs::copy(&other, keys.join(name)).unwrap();
    fs::create_dir(place.path("fake")).unwrap();
    let fake = place.path("fake").join(name);
    fs::copy(&other, &fake).unwrap();
    let (theirs, our) = (apk(), ours(Some(&fake)));
    assert!(theirs.contains("/mnt/v3.20/main: BAD signature"), "{theirs}");
    assert!(our.0 == Some(4) && our.1.contains("the signature by rootstrap-test.rsa.pub is wrong"), "{}", our.1);

    fs::remove_file(keys.join(name)).unwrap();
    for given in [None, Some(place.path("mirror/keys/somebody-else.rsa.pub"))] {
        if let Some(path) = &given {
            fs::copy(path, keys.join("somebody-else.rsa.pub")).unwrap();
        }
        let (theirs, our) = (apk(), ours(given.as_deref()));
        assert!(theirs.contains("/mnt/v3.20/main: UNTRUSTED signature"), "{theirs}");
        assert!(our.0 == Some(4) && our.1.contains("it is signed by rootstrap-test.rsa.pub, trusted are"), "{}", our.1);
    }
}

#[test]
fn the_real_apk_does_the_same_to_our_root() {
    agree(made_by_us);
}

#[test]
fn we_do_the_same_to_the_root_of_the_real_apk() {
    agree(made_by_apk);
}

#[test]
fn scripts_do_natively_what_they_do_when_they_run() {
    let Some(data) = real_packages() else { return };
    let place = Place::new();
    let pair = Pair { place: &place, data: &data, scriptlets: "native" };
    pair.ours("", &["--variant", "scratch", "--with", "apk-tools", "--with", "alpine-keys", "--with", "busybox", "ours"]);
    pair.furnish("ours");
    // A shell needs a place to discard output.
    fs::write(place.path("ours/dev/null"), "").unwrap();
    pair.copy();
    let packages = ["alpine-baselayout", "ssl_client", "scanelf"];
    pair.ours("ours", &[&["install"], &packages[..]].concat());
    pair.apk("theirs", &[&["add", "--no-network"], &packages[..]].concat());
    pair.same();
}
