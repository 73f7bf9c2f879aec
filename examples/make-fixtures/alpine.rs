//! A small Alpine: its packages, and a mirror of them in Alpine's layout.

use std::fs;
use std::io;
use std::path::Path;

use base64::Engine as _;
use sha1::{Digest, Sha1};

use crate::apk::{self, Apk, BUILD_TIME, Hash, Member, Signer, Streams, What};

const RELEASE: &str = "v3.20";
const ARCHITECTURES: [&str; 2] = ["aarch64", "x86_64"];
/// The name of the test key: the file name of the public key.
pub const KEY: &str = "rootstrap-fixtures.rsa.pub";

/// Writes the mirror into `out`, signed with this secret key. An existing mirror is replaced.
pub fn write(out: &Path, secret_key: &str, public_key: &str) -> io::Result<()> {
    let signer = Signer::new(KEY, secret_key);
    let _ = fs::remove_dir_all(out.join(RELEASE));
    for arch in ARCHITECTURES {
        // Alpine signs its own packages with SHA-1; apk also accepts SHA-256.
        for (repository, hash, packages) in
            [("main", Hash::Sha1, main(arch, public_key)), ("community", Hash::Sha256, community(arch))]
        {
            let directory = out.join(RELEASE).join(repository).join(arch);
            fs::create_dir_all(&directory)?;
            let mut index = String::new();
            for package in &packages {
                let streams = package.build(&signer, hash);
                fs::write(directory.join(format!("{}-{}.apk", package.name, package.version)), streams.bytes())?;
                index.push_str(&record(package, &streams));
            }
            fs::write(directory.join("APKINDEX.tar.gz"), signed_index(&index, repository, &signer, hash))?;
        }
    }
    Ok(())
}

/// Returns an index with its signature before it.
fn signed_index(index: &str, repository: &str, signer: &Signer, hash: Hash) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    let description = format!("{RELEASE} {repository} of the fixtures\n");
    for (name, content) in [("DESCRIPTION", description.as_str()), ("APKINDEX", index)] {
        let mut header = apk::header(0o644, "root");
        header.set_size(content.len() as u64);
        tar.append_data(&mut header, name, content.as_bytes()).expect("writing to memory");
    }
    let content = apk::gzip(&tar.into_inner().expect("writing to memory"));
    [signer.stream(&content, hash), content].concat()
}

/// Formats the index paragraph of a package like `apk index`.
fn record(package: &Apk, streams: &Streams) -> String {
    let identity = base64::engine::general_purpose::STANDARD.encode(Sha1::digest(&streams.control));
    let mut text = format!(
        "C:Q1{identity}\nP:{}\nV:{}\nA:{}\nS:{}\nI:{}\n",
        package.name,
        package.version,
        package.arch,
        streams.bytes().len(),
        package.installed_size()
    );
    for (letter, key, always) in
        [('T', "pkgdesc", true), ('U', "url", true), ('L', "license", true), ('o', "origin", false), ('m', "maintainer", false)]
    {
        let value = package.values(key).join(" ");
        if always || !value.is_empty() {
            text.push_str(&format!("{letter}:{value}\n"));
        }
    }
    text.push_str(&format!("t:{BUILD_TIME}\n"));
    for (letter, key) in [('k', "provider_priority"), ('D', "depend"), ('p', "provides"), ('i', "install_if")] {
        let values = package.values(key);
        if !values.is_empty() {
            text.push_str(&format!("{letter}:{}\n", values.join(" ")));
        }
    }
    text.push('\n');
    text
}

fn package(name: &'static str, version: &'static str, arch: &'static str, description: &str) -> Apk {
    Apk::new(name, version, arch).info("pkgdesc", description).info("url", "https://alpinelinux.org/").info("license", "MIT")
}

/// The names of the small busybox, including `[`, which every busybox has.
const APPLETS: &str = "bin/cat\nbin/echo\nbin/ls\nbin/sh\nsbin/init\nusr/bin/[\nusr/bin/env\nusr/sbin/chroot\n";

fn main(arch: &'static str, public_key: &str) -> Vec<Apk> {
    let libc = format!("so:libc.musl-{arch}.so.1");
    let base = |name, version, description| package(name, version, arch, description);
    vec![
        base("alpine-base", "3.20.3-r0", "Meta package for minimal alpine base")
            .info("depend", "alpine-baselayout")
            .info("depend", "alpine-keys")
            .info("depend", "alpine-release=3.20.3-r0")
            .info("depend", "apk-tools")
            .info("depend", "busybox")
            .info("depend", "libc-utils"),
        base("alpine-baselayout", "3.6.5-r0", "Alpine base dir structure")
            .info("origin", "alpine-baselayout")
            .info("replaces_priority", "1000")
            .info("depend", "alpine-baselayout-data=3.6.5-r0")
            .info("depend", "/bin/sh")
            .script("pre-install", "#!/bin/sh\n\naddgroup -S -g 42 shadow 2>/dev/null\n\nexit 0\n")
            .files([
                Member::directory("dev"),
                Member::directory("dev/pts"),
                Member { what: What::CharacterDevice(5, 0), ..Member::file("dev/tty", "").mode(0o666) },
                Member::directory("etc"),
                Member::file("etc/motd", "Welcome to the fixtures.\n"),
                Member::directory("etc/profile.d"),
                Member::file("etc/profile.d/20locale.sh", "export LANG=C.UTF-8\n"),
                Member::directory("proc"),
                Member::directory("root").mode(0o700),
                Member::directory("run"),
                Member::directory("tmp").mode(0o1777),
                Member::directory("usr"),
                Member::directory("usr/bin"),
                Member::directory("usr/sbin"),
                Member::directory("var"),
                Member::directory("var/mail").group("mail"),
                Member::symlink("var/run", "/run"),
            ]),
        base("alpine-baselayout-data", "3.6.5-r0", "Alpine base files")
            .info("origin", "alpine-baselayout")
            .info("replaces", "alpine-baselayout")
            .info("replaces_priority", "1000")
            .files([
                Member::directory("etc"),
                Member::file("etc/group", "root:x:0:root\nmail:x:12:mail\nshadow:x:42:\n"),
                Member::file("etc/hosts", "127.0.0.1\tlocalhost localhost.localdomain\n"),
                Member::file("etc/passwd", "root:x:0:0:root:/root:/bin/sh\nmail:x:8:12:mail:/var/mail:/sbin/nologin\n"),
                Member::file("etc/shadow", "root:::0:::::\nmail:!::0:::::\n").mode(0o640).group("shadow"),
            ]),
        base("alpine-keys", "2.4-r1", "Public keys of the fixtures").files([
            Member::directory("etc"),
            Member::directory("etc/apk"),
            Member::directory("etc/apk/keys"),
            Member::file(&format!("etc/apk/keys/{KEY}"), public_key),
        ]),
        base("alpine-release", "3.20.3-r0", "Alpine release data").info("replaces", "alpine-base").files([
            Member::directory("etc"),
            Member::file("etc/alpine-release", "3.20.3\n"),
            Member::file("etc/issue", "Welcome to the fixtures\n"),
            Member::file("etc/os-release", "NAME=\"Alpine Linux\"\nID=alpine\nVERSION_ID=3.20.3\n"),
            Member::directory("etc/secfixes.d"),
            Member::file("etc/secfixes.d/alpine", "https://secdb.alpinelinux.org/v3.20/main.json\n"),
        ]),
        base("apk-tools", "2.14.4-r0", "Alpine Package Keeper")
            .info("depend", libc.as_str())
            .info("depend", "so:libssl.so.3")
            .info("depend", "ca-certificates-bundle")
            .info("provides", "cmd:apk=2.14.4-r0")
            .files([
                Member::directory("lib"),
                Member::directory("lib/apk"),
                Member::directory("lib/apk/exec"),
                Member::directory("sbin"),
                Member::program("sbin/apk", "apk\n"),
                Member::hard_link("sbin/apk.static", "sbin/apk"),
            ]),
        base("busybox", "1.36.1-r29", "Size optimized toolbox of many common UNIX utilities")
            .info("origin", "busybox")
            .info("depend", libc.as_str())
            .info("provides", "cmd:busybox=1.36.1-r29")
            .info("triggers", "/bin /usr/bin /sbin /usr/sbin")
            .script("post-install", "#!/bin/busybox sh\n\n/bin/busybox --install -s\nexit 0\n")
            .script("trigger", "#!/bin/sh\n\n/bin/busybox --install -s\n")
            .files([
                Member::directory("bin"),
                Member::program("bin/busybox", "busybox\n"),
                Member::directory("etc"),
                Member::directory("etc/busybox-paths.d"),
                Member::file("etc/busybox-paths.d/busybox", APPLETS),
                Member::directory("sbin"),
            ]),
        base("busybox-binsh", "1.36.1-r29", "busybox ash /bin/sh")
            .info("origin", "busybox")
            .info("provider_priority", "100")
            .info("depend", "busybox=1.36.1-r29")
            .info("provides", "/bin/sh")
            .info("provides", "cmd:sh=1.36.1-r29")
            .files([Member::directory("bin"), Member::symlink("bin/sh", "/bin/busybox")]),
        base("ca-certificates-bundle", "20240705-r0", "Pre generated bundle of certificates").files([
            Member::directory("etc"),
            Member::directory("etc/ssl"),
            Member::file("etc/ssl/cert.pem", "no certificate\n"),
        ]),
        base("dash", "0.5.12-r2", "Small POSIX shell")
            .info("depend", libc.as_str())
            .info("provides", "cmd:dash=0.5.12-r2")
            .files([Member::directory("usr"), Member::directory("usr/bin"), Member::program("usr/bin/dash", "dash\n")]),
        base("dash-binsh", "0.5.12-r2", "dash as /bin/sh")
            .info("provider_priority", "60")
            .info("depend", "dash=0.5.12-r2")
            .info("provides", "/bin/sh")
            .info("depend", "!busybox-binsh")
            .files([Member::directory("bin"), Member::symlink("bin/sh", "/usr/bin/dash")]),
        base("libssl3", "3.3.2-r0", "SSL shared libraries")
            .info("depend", libc.as_str())
            .info("provides", "so:libssl.so.3=3")
            .files([Member::directory("usr"), Member::directory("usr/lib"), Member::program("usr/lib/libssl.so.3", "ssl\n")]),
        base("musl", "1.2.5-r0", "the musl c library (libc) implementation").info("provides", format!("{libc}=1")).files([
            Member::directory("lib"),
            Member::program(&format!("lib/ld-musl-{arch}.so.1"), "musl\n"),
            Member::symlink(
                &format!("lib/libc.musl-{arch}.so.1"),
                if arch == "x86_64" { "ld-musl-x86_64.so.1" } else { "ld-musl-aarch64.so.1" },
            ),
        ]),
        base("musl-utils", "1.2.5-r0", "the musl c library utilities")
            .info("depend", libc.as_str())
            .info("provides", "libc-utils=1.2.5-r0")
            .files([Member::directory("usr"), Member::directory("usr/bin"), Member::program("usr/bin/ldd", "#!/bin/sh\n")]),
        base("ssl_client", "1.36.1-r29", "EXternal ssl_client for busybox wget")
            .info("origin", "busybox")
            .info("depend", "so:libssl.so.3")
            .info("install_if", "busybox=1.36.1-r29 libssl3")
            .files([
                Member::directory("usr"),
                Member::directory("usr/bin"),
                Member::program("usr/bin/ssl_client", "ssl_client\n"),
            ]),
    ]
}

fn community(arch: &'static str) -> Vec<Apk> {
    let base = |name, version, description| package(name, version, arch, description);
    let bin = [Member::directory("usr"), Member::directory("usr/bin")];
    vec![
        base("cat-plus", "1.0-r0", "a cat that takes busybox's place")
            .info("replaces", "busybox")
            .files([Member::directory("bin"), Member::program("bin/cat", "cat plus\n")]),
        base("hello", "2.0-r1", "greets")
            .info("depend", "/bin/sh")
            .info("depend", "greeting>=1")
            .info("provides", "cmd:hello=2.0-r1")
            .files(bin.clone())
            .files([
                Member::program("usr/bin/hello", "#!/bin/sh\necho hello\n"),
                Member { xattr: Some(("user.greeting", b"hello")), ..Member::file("usr/hello.txt", "hello\n") },
            ]),
        base("greeting-en", "1.2-r0", "what is said in English")
            .info("provides", "greeting=1.2")
            .info("provider_priority", "10")
            .files([Member::directory("usr"), Member::file("usr/greeting", "hello\n")]),
        base("greeting-eo", "1.4-r0", "what is said in Esperanto")
            .info("provides", "greeting=1.4")
            .files([Member::directory("usr"), Member::file("usr/greeting", "saluton\n")]),
    ]
}
