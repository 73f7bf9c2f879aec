//! Tests of expired, revoked, short and non-signing keys and of weak digests, compared with the
//! real rpm.
//!
//! gpg makes the keys and rpmsign signs. rpm up to 4.18 has its own parser, which checks none of
//! this (only EL9's cryptography checks the digest). Since 4.19, rpm-sequoia decides as rootstrap
//! does.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use rootstrap::catalog::{Catalog, SignaturePolicy};
use rootstrap::package::Content;
use rootstrap::rpm::package::{Package, PackageError, Trust};
use rootstrap::rpm::signature::{Distrust, Keyring, SignatureError};

/// A directory with gpg's keys and signed packages.
struct Workshop {
    directory: tempfile::TempDir,
}

fn found(program: &str) -> bool {
    Command::new(program).arg("--version").stdout(Stdio::null()).status().is_ok_and(|status| status.success())
}

impl Workshop {
    fn new() -> Option<Self> {
        if !(found("gpg") && found("rpmsign") && found("rpmkeys")) {
            assert!(std::env::var("ROOTSTRAP_PEERS").is_ok_and(|v| v != "required") || std::env::var("ROOTSTRAP_PEERS").is_err());
            println!("skipped: no gpg, rpmsign or rpmkeys");
            return None;
        }
        let workshop = Self { directory: tempfile::tempdir().unwrap() };
        fs::create_dir(workshop.home()).unwrap();
        fs::set_permissions(workshop.home(), std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        Some(workshop)
    }

    fn home(&self) -> PathBuf {
        self.directory.path().join("home")
    }

    fn gpg(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new("gpg");
        command.env("GNUPGHOME", self.home()).args(["--batch", "--quiet", "--passphrase", ""]).args(arguments);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
        output
    }

    /// Makes a key, at a past time if one is given.
    fn key(&self, user: &str, algorithm: &str, usage: &str, expires: &str, time: Option<&str>) {
        let user = format!("{user} <{user}@example.invalid>");
        let time = time.map(|time| format!("--faked-system-time={time}!"));
        let arguments: Vec<&str> = time.as_deref().into_iter().collect();
        self.gpg(&[&arguments[..], &["--quick-generate-key", &user, algorithm, usage, expires]].concat());
    }

    fn certificate(&self, user: &str) -> Vec<u8> {
        self.gpg(&["--armor", "--export", &format!("{user}@example.invalid")]).stdout
    }

    fn fingerprint(&self, user: &str) -> String {
        let listed = self.gpg(&["--with-colons", "--list-keys", &format!("{user}@example.invalid")]).stdout;
        let listed = String::from_utf8(listed).unwrap();
        listed.lines().find_map(|line| line.strip_prefix("fpr:::::::::")).unwrap().trim_end_matches(':').to_owned()
    }

    /// Returns a package of the fixtures, signed; `defines` are rpm macros.
    fn package(&self, name: &str, user: &str, defines: &[&str]) -> PathBuf {
        let fixture = "repo-fixtures/9/BaseOS/aarch64/os/Packages/libcap-2.48-9.el9.aarch64.rpm";
        let path = self.directory.path().join(format!("{name}.rpm"));
        fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join(fixture), &path).unwrap();
        let mut rpmsign = Command::new("rpmsign");
        rpmsign.env("GNUPGHOME", self.home()).args(["--define", "__gpg /usr/bin/gpg"]);
        rpmsign.args(["--define", &format!("_gpg_name {user}@example.invalid")]);
        for define in defines {
            rpmsign.args(["--define", define]);
        }
        let output = rpmsign.arg("--addsign").arg(&path).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        path
    }

    /// Returns a revocation of a key; `reason` is its number in gpg's menu.
    fn revocation(&self, user: &str, reason: &str, time: &str) -> Vec<u8> {
        use std::io::Write as _;
        let mut command = Command::new("gpg");
        command.env("GNUPGHOME", self.home()).args(["--no-tty", "--pinentry-mode=loopback", "--passphrase=", "--command-fd=0"]);
        command.arg(format!("--faked-system-time={time}!")).args(["--gen-revoke", &format!("{user}@example.invalid")]);
        let mut running = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        running.stdin.take().unwrap().write_all(format!("y\n{reason}\n\ny\n").as_bytes()).unwrap();
        let output = running.wait_with_output().unwrap();
        assert!(!output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    /// Returns the certificate with a revocation, made by a separate gpg.
    fn revoked(&self, user: &str, revocation: &[u8]) -> Vec<u8> {
        let home = self.directory.path().join(format!("revoked-{user}"));
        fs::create_dir(&home).unwrap();
        fs::set_permissions(&home, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        for (name, data) in [("certificate", self.certificate(user)), ("revocation", revocation.to_vec())] {
            let file = home.join(name);
            fs::write(&file, data).unwrap();
            let status = Command::new("gpg").env("GNUPGHOME", &home).args(["--batch", "--quiet", "--import"]).arg(file).status();
            assert!(status.unwrap().success());
        }
        let output = Command::new("gpg").env("GNUPGHOME", &home).args(["--batch", "--armor", "--export"]).output().unwrap();
        stop_agent(&home);
        output.stdout
    }

    /// Reports whether the real rpm accepts signatures and digests by this certificate.
    fn rpm_accepts(&self, certificate: &[u8], package: &Path) -> bool {
        let database = tempfile::tempdir_in(self.directory.path()).unwrap();
        let file = database.path().join("certificate.asc");
        fs::write(&file, certificate).unwrap();
        let rpmkeys = |arguments: &[&str], path: &Path| {
            let mut command = Command::new("rpmkeys");
            command.arg("--dbpath").arg(database.path().join("db")).args(arguments).arg(path);
            command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success()
        };
        rpmkeys(&["--import"], &file) && rpmkeys(&["--define", "_pkgverify_level all", "--checksig"], package)
    }
}

fn stop_agent(home: &Path) {
    let _ = Command::new("gpgconf").env("GNUPGHOME", home).args(["--kill", "all"]).status();
}

impl Drop for Workshop {
    fn drop(&mut self) {
        stop_agent(&self.home());
    }
}

/// Returns the reason why rootstrap does not accept the signature; `None` if it does.
fn judged(certificate: &[u8], policy: SignaturePolicy, package: &Path) -> Option<Distrust> {
    let mut keyring = Keyring::with_policy(policy);
    keyring.add(certificate).unwrap();
    match Package::open(&Content::from(fs::read(package).unwrap()), Trust::Keys(&keyring)) {
        Ok(package) => {
            assert!(package.signer().is_some());
            None
        }
        Err(PackageError::Signature { source: SignatureError::Distrusted { why, .. }, .. }) => Some(why),
        Err(error) => panic!("{}: {error}", package.display()),
    }
}

fn policy(release: &str) -> SignaturePolicy {
    Catalog::builtin().find("almalinux", release, "micro", "x86_64").unwrap().signatures
}

/// Name, certificate, package, and the results for EL8 and for EL9 and EL10.
type Case = (&'static str, Vec<u8>, PathBuf, Option<Distrust>, Option<Distrust>);

#[test]
fn what_counts_in_each_release() {
    let Some(workshop) = Workshop::new() else { return };
    let [el8, el9, el10] = ["8", "9", "10"].map(policy);
    assert_eq!((el9, el10), (SignaturePolicy::default(), SignaturePolicy::default()));
    workshop.key("good", "rsa2048", "sign", "never", None);
    workshop.key("short", "rsa1024", "sign", "never", None);
    workshop.key("dsa", "dsa1024", "sign", "never", None);
    workshop.key("gone", "rsa2048", "sign", "1y", Some("20200101T000000"));
    workshop.key("main", "rsa2048", "cert", "never", None);
    workshop.gpg(&["--quick-add-key", &workshop.fingerprint("main"), "rsa2048", "sign", "never"]);
    let gone = workshop.certificate("gone");
    let before = workshop.package("before", "gone", &["_gpg_sign_cmd_extra_args --faked-system-time 20200601T000000!"]);
    // Made after the key had expired: by a gpg that knows that it was given more time, which the
    // older certificate does not.
    workshop.gpg(&["--quick-set-expire", &workshop.fingerprint("gone"), "never"]);
    let after = workshop.package("after", "gone", &[]);

    let weak = |name: &str| Some(Distrust::Digest(name.to_owned()));
    let short = |algorithm, bits| Some(Distrust::Short { algorithm, bits, least: 2048 });
    let good = workshop.certificate("good");
    let cases: [Case; 9] = [
        ("good", good.clone(), workshop.package("good", "good", &[]), None, None),
        ("SHA-1", good.clone(), workshop.package("sha1", "good", &["_gpg_digest_algo sha1"]), None, weak("SHA1")),
        ("MD5", good, workshop.package("md5", "good", &["_gpg_digest_algo md5"]), weak("MD5"), weak("MD5")),
        ("RSA 1024", workshop.certificate("short"), workshop.package("rsa", "short", &[]), None, short("RSA", 1024)),
        (
            "DSA 1024",
            workshop.certificate("dsa"),
            workshop.package("dsa", "dsa", &["_gpg_digest_algo sha256"]),
            None,
            short("DSA", 1024),
        ),
        ("before it expired", gone.clone(), before.clone(), None, None),
        (
            "after it expired",
            gone,
            after.clone(),
            Some(Distrust::Expired { made: 0, expired: 0 }),
            Some(Distrust::Expired { made: 0, expired: 0 }),
        ),
        ("after it was given more time", workshop.certificate("gone"), after, None, None),
        ("a subkey", workshop.certificate("main"), workshop.package("subkey", "main", &[]), None, None),
    ];
    let without_times = |why: Option<Distrust>| match why {
        Some(Distrust::Expired { made, expired }) => {
            assert!(made > expired);
            Some(Distrust::Expired { made: 0, expired: 0 })
        }
        why => why,
    };
    for (name, certificate, package, in_el8, in_el9) in &cases {
        assert_eq!(without_times(judged(certificate, el8, package)), *in_el8, "{name}, EL8");
        assert_eq!(without_times(judged(certificate, el9, package)), *in_el9, "{name}, EL9 and EL10");
        // rpm 4.18 as Debian builds it lets all of them count.
        assert!(workshop.rpm_accepts(certificate, package), "{name}");
    }
    let unknown = workshop.package("unknown", "good", &[]);
    assert!(!workshop.rpm_accepts(&workshop.certificate("main"), &unknown), "rpm was asked");
    // What does not count is as if it were unsigned where that is allowed.
    let mut keyring = Keyring::with_policy(el9);
    keyring.add(&cases[1].1).unwrap();
    let content = Content::from(fs::read(&cases[1].2).unwrap());
    assert!(Package::open(&content, Trust::Unsigned(&keyring)).unwrap().signer().is_none());
}

#[test]
fn a_revoked_key_vouches_for_nothing_or_for_what_came_before() {
    let Some(workshop) = Workshop::new() else { return };
    for (user, reason, soft) in [("none", "0", false), ("stolen", "1", false), ("superseded", "2", true), ("retired", "3", true)]
    {
        workshop.key(user, "rsa2048", "sign", "never", Some("20200101T000000"));
        let signed = |name: &str, time: &str| {
            let time = format!("_gpg_sign_cmd_extra_args --faked-system-time {time}!");
            workshop.package(&format!("{user}-{name}"), user, &[&time])
        };
        let (before, after) = (signed("before", "20200601T000000"), signed("after", "20220101T000000"));
        let revocation = workshop.revocation(user, reason, "20210101T000000");
        let certificate = workshop.certificate(user);
        for package in [&before, &after] {
            assert_eq!(judged(&certificate, SignaturePolicy::default(), package), None, "{user}: not revoked yet");
        }
        let certificate = workshop.revoked(user, &revocation);
        let revoked = Some(Distrust::Revoked { compromised: !soft });
        let expected = if soft { None } else { revoked.clone() };
        assert_eq!(judged(&certificate, SignaturePolicy::default(), &before), expected, "{user}: before");
        assert_eq!(judged(&certificate, SignaturePolicy::default(), &after), revoked, "{user}: after");
        if user == "stolen" {
            assert!(workshop.rpm_accepts(&certificate, &before), "rpm 4.18 does not look");
        }
    }
}
