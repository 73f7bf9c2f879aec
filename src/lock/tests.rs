//! Locks written as text and read back, and invalid texts.

use proptest::prelude::*;

use super::*;
use crate::digest::Algorithm;

fn digest(of: &str) -> Digest {
    Digest::of(Algorithm::Sha256, of.as_bytes())
}

fn package(name: &str, version: &str) -> LockedPackage {
    LockedPackage {
        id: format!("{name}-{version}"),
        name: name.to_owned(),
        version: version.to_owned(),
        arch: "aarch64".to_owned(),
        source: String::new(),
        repository: "main".to_owned(),
        location: format!("{name}-{version}.apk"),
        size: 12,
        installed_size: 34,
        checksum: Some(digest(name)),
        index_checksum: None,
        key: None,
        reason: LockedReason::Dependency,
        docs: None,
        langs: None,
    }
}

fn lock(packages: Vec<LockedPackage>) -> Lock {
    let order = packages.iter().map(|package| name_in_order(package, &packages).to_owned()).collect();
    let main = LockedRepository {
        name: "main".to_owned(),
        priority: 99,
        tag: None,
        revision: Some("7".into()),
        metadata: digest("main"),
    };
    let architecture = LockedArchitecture {
        name: "aarch64".to_owned(),
        docs: true,
        langs: Langs::All,
        world: vec!["musl".to_owned()],
        order,
        image: Some(image()),
        repositories: vec![main],
        packages,
    };
    let request = LockedRequest { distro: Some("alpine".to_owned()), ..LockedRequest::default() };
    Lock { version: VERSION, request, architectures: vec![architecture] }
}

fn image() -> LockedImage {
    let image = crate::catalog::Catalog::builtin().find("almalinux", "9", "toolbox", "i686").unwrap();
    let (config, naming, finishing) = (image.config, image.naming, image.finishing);
    LockedImage { config, naming, finishing, database: Some(image.database) }
}

fn sample() -> Lock {
    lock(vec![package("busybox", "1.36-r0"), package("musl", "1.2-r0")])
}

/// Returns the error for a changed text of the sample. A path with `..` is checked when the file is
/// located.
fn refused(from: &str, to: &str) -> String {
    let text = sample().to_toml();
    assert!(text.contains(from), "{from}");
    Lock::parse(&text.replace(from, to)).map_or_else(|error| error.to_string(), |_| "taken".to_owned())
}

#[test]
fn a_new_version_changes_its_own_lines_alone() {
    let (old, mut new) = (sample(), sample());
    new.architectures[0].packages[1] = LockedPackage { checksum: Some(digest("new")), ..package("musl", "1.3-r0") };
    let (before, after) = (old.to_toml(), new.to_toml());
    let changed: Vec<&str> = before
        .lines()
        .zip(after.lines())
        .filter(|(old, new)| old != new)
        .map(|(_, new)| new.split(' ').next().unwrap())
        .collect();
    assert_eq!(before.lines().count(), after.lines().count());
    assert_eq!(changed, ["id", "version", "location", "checksum"]);
    let difference = differences(&old.architectures[0], &new.architectures[0]);
    assert_eq!(difference.packages.len(), 1);
    assert_eq!(difference.packages[0].name, "musl");
    assert!(!difference.order && difference.repositories.is_empty() && difference.is_of_the_image());
    assert!(differences(&old.architectures[0], &old.architectures[0]).is_empty());
}

#[test]
fn repositories_that_moved_on_alone_make_no_other_image() {
    let (old, mut new) = (sample(), sample());
    new.architectures[0].repositories[0].metadata = digest("later");
    let difference = differences(&old.architectures[0], &new.architectures[0]);
    assert!(!difference.is_of_the_image() && !difference.is_empty());
}

#[test]
fn another_decision_of_the_catalog_is_another_image() {
    let (old, mut new) = (sample(), sample());
    let image = new.architectures[0].image.as_mut().unwrap();
    image.config.cmd = vec!["/sbin/init".to_owned()];
    image.finishing.pop();
    let difference = differences(&old.architectures[0], &new.architectures[0]);
    assert_eq!(difference.image, ["the configuration of the image", "the finishing steps"]);
    assert!(difference.is_of_the_image());
}

#[test]
fn a_lock_of_the_former_version_does_not_tell_of_the_image() {
    let mut lock = sample();
    (lock.version, lock.architectures[0].image) = (1, None);
    let text = lock.to_toml().replace("version = 2\n", "version = 1\n");
    assert_eq!(Lock::parse(&text).unwrap(), lock);
    assert!(differences(&lock.architectures[0], &sample().architectures[0]).is_empty());
}

#[test]
fn names_of_several_packages_are_ids_in_the_order() {
    let several = lock(vec![package("kernel", "5"), package("kernel", "6"), package("musl", "1")]);
    assert_eq!(several.architectures[0].order, ["kernel-5", "kernel-6", "musl"]);
    assert_eq!(Lock::parse(&several.to_toml()).unwrap(), several);
    // A name that is another package's id.
    let twins = lock(vec![package("a", "1"), LockedPackage { id: "a-1-2".into(), ..package("a-1", "2") }]);
    assert_eq!(Lock::parse(&twins.to_toml()).unwrap(), twins);
}

#[test]
fn what_contradicts_itself_is_refused() {
    let shown = |from: &str, to: &str| refused(from, to);
    insta::assert_snapshot!([
        shown("version = 2\n", ""),
        shown("version = 2\n", "version = 3\n"),
        shown("version = 2\n", "version = \"x\"\n"),
        shown("path = \"var/lib/rpm\"", "path = \"../var/lib/rpm\""),
        shown("{ remove = [\"var/log/*\"", "{ remove = [\"/var/log/*\""),
        shown("\"LANG=C.utf8\"", "\"LANG\""),
        shown("\"{release}-toolbox\"", "\"{nothing}-toolbox\""),
        shown("[request]", "[request]\nunknown = 1"),
        shown("size = 12", "size = -12"),
        shown("size = 12", "size = 9223372036854775807"),
        shown("reason = \"dependency\"", "reason = \"whim\""),
        shown("\"sha256:", "\"sha256:0"),
        shown("musl-1.2-r0\"", "busybox-1.36-r0\""),
        shown("name = \"musl\"", "name = \"mu\\u0000sl\""),
        shown("repository = \"main\"", "repository = \"elsewhere\""),
        shown("\"musl-1.2-r0.apk\"", "\"../musl-1.2-r0.apk\""),
        shown("\"musl-1.2-r0.apk\"", "\"/etc/passwd\""),
        shown("\"musl-1.2-r0.apk\"", "\"a/%2e%2e/b\""),
        shown("\"musl-1.2-r0.apk\"", "\"file:///etc/passwd\""),
        shown("\"musl-1.2-r0.apk\"", "\"\""),
        shown("    \"busybox\",\n", ""),
        shown("    \"busybox\",\n", "    \"busybox\",\n    \"busybox\",\n"),
        shown("    \"busybox\",\n", "    \"busybox\",\n    \"bash\",\n"),
        shown(&format!("checksum = \"{}\"\n", digest("musl")), ""),
        shown(&digest("musl").to_string(), "md5:00000000000000000000000000000000"),
        shown("[[architecture.repository]]", "[[architecture.repository]]\nname = \"main\"\npriority = 1\nmetadata = \"md5:00000000000000000000000000000000\"\n[[architecture.repository]]"),
    ].join("\n"));
}

#[test]
fn a_lock_of_nothing_is_one() {
    let empty = Lock { version: VERSION, request: LockedRequest::default(), architectures: Vec::new() };
    assert_eq!(Lock::parse(&empty.to_toml()).unwrap(), empty);
    for text in ["", "\u{0}", "version = 1", "[[architecture]]", "version = 99999999999999999999"] {
        assert!(Lock::parse(text).is_err(), "{text}");
    }
}

prop_compose! {
    fn any_text()(text in r#"[a-z0-9"\\\n\t\u{1}-\u{20}\u{7f}-\u{a0}é{}\[\]#=',.-]{0,12}"#) -> String { text }
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        texts in proptest::collection::vec(any_text(), 6),
        flag in proptest::option::of(any::<bool>()),
        sizes in any::<(u32, u32)>(),
        data in proptest::collection::vec(any::<u8>(), 0..40),
        langs in proptest::collection::vec(any_text(), 0..3),
    ) {
        let mut lock = sample();
        lock.request = LockedRequest {
            distro: Some(texts[0].clone()),
            mirrors: vec![texts[1].clone()],
            with: texts[2..].to_vec(),
            best: flag,
            docs: flag,
            langs: Some(texts[3].clone()),
            allow_unsigned: flag == Some(true),
            key: vec![
                LockedKey { repository: None, name: texts[4].clone(), data },
                LockedKey { repository: Some(texts[3].clone()), name: texts[4].clone(), data: texts.concat().into_bytes() },
            ],
            ..LockedRequest::default()
        };
        let architecture = &mut lock.architectures[0];
        architecture.langs = Langs::Only(langs.clone());
        architecture.world = texts;
        architecture.packages[0].size = u64::from(sizes.0);
        architecture.packages[0].installed_size = u64::from(sizes.1);
        architecture.packages[0].docs = flag;
        architecture.packages[0].source = langs.concat();
        architecture.packages[1].langs = Some(Langs::Only(langs));
        architecture.packages[1].index_checksum = Some(Digest::of(Algorithm::Sha1, b"x"));
        prop_assert_eq!(Lock::parse(&lock.to_toml()).unwrap(), lock);
    }

    #[test]
    fn no_text_makes_it_panic(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = sample().to_toml().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _ = Lock::parse(&String::from_utf8_lossy(&bytes));
    }
}
