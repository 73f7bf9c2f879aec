use std::collections::BTreeSet;

use super::layers::cut;
use super::*;
use crate::digest::Algorithm;
use crate::package::Content;
use crate::reporter::Silent;
use crate::tree::{Node, NodeId, NodeKind, PackageIndex, Tree};

/// A package of a tree: its source, and its files with their lengths.
type Package<'a> = (&'a str, &'a [(&'a str, usize)]);

const SETUP: Package<'_> = ("setup", &[("etc/passwd", 700), ("usr/share/doc/setup", 100)]);
const BASH: Package<'_> = ("bash", &[("usr/bin/bash", 70_000)]);
const GLIBC: Package<'_> = ("glibc", &[("usr/lib/libc.so.6", 200_000), ("etc/rpc", 10)]);
const GLIBC_COMMON: Package<'_> = ("glibc", &[("usr/bin/ldd", 5_000)]);
const ZLIB: Package<'_> = ("zlib", &[("usr/lib/libz.so.1", 9_000)]);
const XZ: Package<'_> = ("xz", &[("usr/lib/liblzma.so.5", 8_500)]);
const ACL: Package<'_> = ("acl", &[("usr/lib/libacl.so.1", 3_000)]);
const ATTR: Package<'_> = ("attr", &[("usr/lib/libattr.so.1", 3_000)]);

/// Returns a tree of packages, with a database that no package contains. bash was built at `time`.
fn tree_of(packages: &[Package<'_>], time: i64) -> (Tree, Vec<Origin>) {
    let mut tree = Tree::new();
    let mut origins = Vec::new();
    for (number, (source, files)) in packages.iter().enumerate() {
        let package = Some(PackageIndex(number as u32));
        origins.push(Origin { name: (*source).to_owned(), version: "1".to_owned(), source: (*source).to_owned() });
        for &(path, length) in *files {
            let data: Vec<u8> = path.bytes().cycle().take(length).collect();
            let id = tree.write(format!("/{path}").as_bytes(), Content::from(&data[..]), 0o644).unwrap();
            let node = tree.node_mut(id);
            node.package = package;
            node.metadata.mtime = 1_000;
            node.digest = Some(Digest::of(Algorithm::Sha256, &data));
            // Directories belong to packages too. They have the time of the last package that
            // contains them.
            let mut parent = tree.locate(format!("/{path}").as_bytes()).unwrap().parent;
            while parent != Tree::ROOT {
                tree.node_mut(parent).package = package;
                tree.node_mut(parent).metadata.mtime = if *source == "bash" { time } else { 2_000 };
                parent = tree.parent(parent);
            }
        }
    }
    let names = format!("{packages:?}");
    tree.write(b"/var/lib/db", Content::from(names.as_bytes()), 0o644).unwrap();
    (tree, origins)
}

fn image_of<'a>(tree: &'a Tree, origins: &'a [Origin], layers: usize, fixed: &'a Fixed) -> Image<'a> {
    Image {
        tree,
        origins,
        times: Times { epoch: 1_700_000_000, clamp: false },
        platform: &fixed.platform,
        config: &fixed.config,
        labels: &fixed.labels,
        layers,
        packing: Packing::GZIP,
        base: None,
    }
}

struct Fixed {
    platform: Platform,
    config: ImageConfig,
    labels: BTreeMap<String, String>,
}

fn fixed(platform: &str) -> Fixed {
    let config = ImageConfig { cmd: vec!["/bin/sh".to_owned()], ..ImageConfig::default() };
    let labels = [("org.opencontainers.image.version", "9"), ("a", "b")];
    Fixed { platform: platform.parse().unwrap(), config, labels: labels.map(|(k, v)| (k.to_owned(), v.to_owned())).into() }
}

/// Returns the digests of a tree's layers, with the last one separate.
fn digests(packages: &[Package<'_>], time: i64, count: usize) -> (BTreeSet<String>, String) {
    let (tree, origins) = tree_of(packages, time);
    let fixed = fixed("amd64");
    let image = image_of(&tree, &origins, count, &fixed);
    let mut digests: Vec<String> = image
        .cut()
        .unwrap()
        .iter()
        .map(|layer| Digest::of(Algorithm::Sha256, &image.archive(layer, Vec::new(), &Cancel::new()).unwrap().0).hex())
        .collect();
    let last = digests.pop().unwrap();
    (digests.into_iter().collect(), last)
}

#[test]
fn every_name_is_in_one_layer_and_directories_where_they_are_needed() {
    let (tree, origins) = tree_of(&[SETUP, BASH, GLIBC, GLIBC_COMMON, ZLIB, XZ, ACL, ATTR], 5_000);
    let mut all: Vec<(Vec<u8>, NodeId)> = vec![(Vec::new(), Tree::ROOT)];
    tree.walk(|path, id| all.push((path.to_vec(), id)));
    for count in 1..12 {
        let layers = cut(&tree, &origins, count);
        assert!(layers.len() <= count, "{count}");
        for (path, id) in &all {
            let members: Vec<(usize, &Member)> = layers
                .iter()
                .enumerate()
                .flat_map(|(i, layer)| layer.members.iter().map(move |member| (i, member)))
                .filter(|(_, member)| member.path == *path)
                .collect();
            if !matches!(tree.node(*id).kind, NodeKind::Directory(_)) {
                assert_eq!(members.len(), 1, "{count}: {}", path.escape_ascii());
            }
            // The highest layer is visible: it has the true time.
            assert_eq!(members.last().unwrap().1.time, None, "{count}: {}", path.escape_ascii());
        }
        for layer in &layers {
            let names: BTreeSet<&[u8]> = layer.members.iter().map(|member| member.path.as_slice()).collect();
            assert!(layer.members.is_sorted_by_key(|member| member.path.split(|&c| c == b'/').collect::<Vec<_>>()));
            for name in names.iter().filter(|name| name.contains(&b'/')) {
                let parent = &name[..name.iter().rposition(|&c| c == b'/').unwrap()];
                assert!(names.contains(parent), "{count}: {} without its directory", name.escape_ascii());
            }
        }
    }
    let holds: Vec<String> = cut(&tree, &origins, 5).into_iter().map(|layer| layer.what).collect();
    assert_eq!(holds[..2], ["glibc", "bash"], "the largest have layers of their own");
    assert!(holds.last().unwrap().contains("databases"));
}

#[test]
fn what_does_not_change_keeps_its_digest() {
    // bash is last, so the directories that it shares with others have its time.
    let all = [SETUP, GLIBC, GLIBC_COMMON, ZLIB, XZ, ACL, ATTR, BASH];
    let (before, last) = digests(&all, 5_000, 6);
    assert_eq!(digests(&all, 5_000, 6), (before.clone(), last.clone()));
    // A new bash of about the same size, built later: its own layer and the last.
    let newer: Package<'_> = ("bash", &[("usr/bin/bash", 71_000)]);
    let (after, last_after) = digests(&[SETUP, GLIBC, GLIBC_COMMON, ZLIB, XZ, ACL, ATTR, newer], 9_000, 6);
    assert_eq!(before.difference(&after).count(), 1);
    assert_ne!(last, last_after);
    // A small package more: at most the layer that it shares.
    let more: Package<'_> = ("tiny", &[("usr/lib/libtiny.so", 300)]);
    let (after, _) = digests(&[SETUP, GLIBC, GLIBC_COMMON, ZLIB, XZ, ACL, ATTR, more, BASH], 5_000, 6);
    assert!(before.difference(&after).count() <= 1);
}

#[test]
fn a_changed_file_of_a_package_comes_last() {
    let (mut tree, origins) = tree_of(&[SETUP, BASH, GLIBC], 5_000);
    tree.write(b"/etc/passwd", Content::from(&b"root:x:0:0"[..]), 0o644).unwrap();
    let layers = cut(&tree, &origins, 4);
    let holding: Vec<usize> =
        (0..layers.len()).filter(|&i| layers[i].members.iter().any(|member| member.path == b"etc/passwd")).collect();
    assert_eq!(holding, [layers.len() - 1]);
}

fn add(path: &std::path::Path, platforms: &[&str], tags: &[&str]) -> Result<Digest, OutputError> {
    let (tree, origins) = tree_of(&[SETUP, BASH], 5_000);
    let mut layout = Layout::prepare(path)?;
    for platform in platforms {
        let fixed = fixed(platform);
        layout.add(&image_of(&tree, &origins, 3, &fixed), &Silent, &Cancel::new())?;
    }
    let tags: Vec<String> = tags.iter().map(|&tag| tag.to_owned()).collect();
    layout.finish(&tags, &BTreeMap::new(), &Silent, &Cancel::new())
}

fn blobs(path: &std::path::Path) -> usize {
    std::fs::read_dir(path.join("blobs/sha256")).unwrap().count()
}

#[test]
fn a_layout_keeps_its_other_images_and_only_what_they_need() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("layout");
    add(&path, &["amd64", "arm64"], &["1", "latest"]).unwrap();
    let of_two = blobs(&path);
    // Two architectures of one tree share their layers: index, two manifests, two configurations,
    // three layers.
    assert_eq!(of_two, 8);
    let single = add(&path, &["s390x"], &["2"]).unwrap();
    assert_eq!(blobs(&path), 10);
    // The old `1` has another name still, and the image that is `2` gets a second one.
    add(&path, &["s390x"], &["1"]).unwrap();
    let index = layout::read_index(&path).unwrap();
    let tags = |index: &oci_spec::image::ImageIndex| -> Vec<(String, String)> {
        let tag = |entry: &oci_spec::image::Descriptor| entry.annotations().as_ref().unwrap()[layout::REF_NAME].clone();
        index.manifests().iter().map(|entry| (tag(entry), entry.digest().to_string())).collect()
    };
    let found = tags(&index);
    assert_eq!(found.iter().map(|(tag, _)| tag.as_str()).collect::<Vec<_>>(), ["latest", "2", "1"]);
    assert_eq!((&found[1].1, &found[2].1), (&single.to_string(), &single.to_string()));
    add(&path, &["s390x"], &["latest", "1"]).unwrap();
    assert_eq!(blobs(&path), 5, "what nothing refers to is gone");
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 1, "nothing is left beside it");
}

#[test]
fn an_image_without_a_tag_is_listed_once_and_keeps_its_tags() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("layout");
    let tags = || -> Vec<Option<String>> {
        let tag = |entry: &oci_spec::image::Descriptor| Some(entry.annotations().as_ref()?.get(layout::REF_NAME)?.clone());
        layout::read_index(&path).unwrap().manifests().iter().map(tag).collect()
    };
    for _ in 0..2 {
        add(&path, &["amd64"], &[]).unwrap();
        assert_eq!(tags(), [None]);
    }
    add(&path, &["amd64"], &["1"]).unwrap();
    assert_eq!(tags(), [Some("1".to_owned())]);
    add(&path, &["amd64"], &[]).unwrap();
    assert_eq!(tags(), [Some("1".to_owned())]);
}

#[test]
fn builds_that_overlap_are_all_in_the_layout() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("layout");
    for round in 0..3 {
        // All are prepared before the first of them finishes.
        let platforms = ["amd64", "arm64", "s390x", "ppc64le", "riscv64", "386"];
        let prepared: Vec<Layout> = platforms.iter().map(|_| Layout::prepare(&path).unwrap()).collect();
        std::thread::scope(|scope| {
            for (platform, mut layout) in platforms.iter().zip(prepared) {
                scope.spawn(move || {
                    let (tree, origins) = tree_of(&[SETUP, BASH], 5_000);
                    let fixed = fixed(platform);
                    layout.add(&image_of(&tree, &origins, 3, &fixed), &Silent, &Cancel::new()).unwrap();
                    let tags = [format!("{platform}-{round}")];
                    layout.finish(&tags, &BTreeMap::new(), &Silent, &Cancel::new()).unwrap();
                });
            }
        });
        assert_eq!(layout::read_index(&path).unwrap().manifests().len(), platforms.len() * (round + 1));
    }
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 1, "nothing is left beside it");
}

#[test]
fn a_base_whose_blobs_went_meanwhile_is_still_built_upon() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("layout");
    let (tree, _) = tree_of(&[SETUP, BASH], 5_000);
    write_image(&path, &tree, 1, Packing::GZIP, None, "base");
    let base = read_image(&path, "base").unwrap();
    let before: Vec<String> = base.layers.iter().map(|layer| layer.digest().digest().to_owned()).collect();
    // Another image takes the tag, so that the layers are no longer referenced.
    let (other, _) = tree_of(&[SETUP], 9_000);
    write_image(&path, &other, 1, Packing::GZIP, None, "base");
    assert!(before.iter().all(|hex| !path.join("blobs/sha256").join(hex).exists()));
    let mut above = tree.clone();
    above.write(b"/etc/motd", Content::from(&b"hello"[..]), 0o644).unwrap();
    write_image(&path, &above, 1, Packing::GZIP, Some(&base), "above");
    let read = read_image(&path, "above").unwrap();
    assert_eq!(read.layers.len(), before.len() + 1);
    assert!(read.tree.lookup(b"/etc/motd").is_some());
}

#[test]
fn a_build_that_waits_says_so_and_stops_when_it_is_asked_to() {
    struct Stop(Cancel, std::sync::Mutex<Vec<String>>);
    impl crate::reporter::Reporter for Stop {
        fn warn(&self, message: &str) {
            self.1.lock().unwrap().push(message.to_owned());
            self.0.raise();
        }
    }
    let place = tempfile::tempdir().unwrap();
    for name in ["there", "not-there"] {
        let path = place.path().join(name);
        if name == "there" {
            add(&path, &["amd64"], &["1"]).unwrap();
        }
        let mut layout = Layout::prepare(&path).unwrap();
        let (tree, origins) = tree_of(&[SETUP, BASH], 5_000);
        let fixed = fixed("arm64");
        layout.add(&image_of(&tree, &origins, 3, &fixed), &Silent, &Cancel::new()).unwrap();
        let held = std::fs::File::open(if path.exists() { &path } else { place.path() }).unwrap();
        rustix::fs::flock(&held, rustix::fs::FlockOperation::LockExclusive).unwrap();
        let stop = Stop(Cancel::new(), std::sync::Mutex::default());
        let finished = layout.finish(&["2".to_owned()], &BTreeMap::new(), &stop, &stop.0);
        assert!(matches!(finished, Err(OutputError::Cancelled)), "{finished:?}");
        let expected = format!("waiting for another build to finish with {}", path.display());
        assert_eq!(*stop.1.lock().unwrap(), [expected]);
        drop(held);
    }
    let index = layout::read_index(&place.path().join("there")).unwrap();
    assert_eq!(index.manifests().len(), 1);
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 1, "nothing is left beside it");
}

#[test]
fn what_is_no_layout_is_left_alone() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("layout");
    std::fs::create_dir(&path).unwrap();
    for (name, text, problem) in [
        ("something", "of mine", "oci-layout"),
        ("oci-layout", "{\"imageLayoutVersion\":\"2.0.0\"}", "version 2.0.0"),
        ("oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}", "index.json"),
        ("index.json", "{}", "index.json"),
        (
            "index.json",
            "{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"x\",\"size\":1,\"digest\":\"sha256:../../../etc/passwd\"}]}",
            "index.json",
        ),
    ] {
        std::fs::write(path.join(name), text).unwrap();
        let error = add(&path, &["amd64"], &["1"]).unwrap_err();
        assert!(error.is_usage() && error.to_string().contains(problem), "{error}");
        assert!(!path.join("blobs").exists());
    }
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 1);
    let other = place.path().join("other");
    assert!(matches!(add(&other, &["amd64", "linux/amd64"], &["1"]), Err(OutputError::SamePlatform(_))));
    assert!(!other.exists());
}

/// Returns a tree with every kind of node, binary attributes, long names and links.
fn odd_tree() -> Tree {
    let mut tree = Tree::new();
    let long = [b'l'; 140];
    let id = tree.write(b"/usr/bin/tool", Content::from(vec![7; 3000]), 0o4755).unwrap();
    tree.node_mut(id).metadata.xattrs.insert(b"security.capability"[..].into(), b"\x01\n\0=\n"[..].into());
    tree.node_mut(id).metadata.group = crate::package::Owner::Id(3_000_000);
    tree.link(Tree::ROOT, &long, id).unwrap();
    tree.write(b"/etc/old", Content::from(&b"old"[..]), 0o600).unwrap();
    tree.write(b"/etc/kept", Content::from(&b"kept"[..]), 0o600).unwrap();
    tree.write(b"/opt/gone/file", Content::from(&b"gone"[..]), 0o600).unwrap();
    tree.write(b"/was/directory/file", Content::from(&b"x"[..]), 0o600).unwrap();
    tree.insert(Tree::ROOT, b"link", Node::symlink(&[b't'; 120])).unwrap();
    tree.insert(Tree::ROOT, b"null", Node::new(NodeKind::CharacterDevice { major: 1, minor: 3 }, 0o666)).unwrap();
    tree.insert(Tree::ROOT, b"pipe", Node::new(NodeKind::Fifo, 0o600)).unwrap();
    tree.node_mut(Tree::ROOT).metadata.mode = 0o555;
    tree
}

fn rows(tree: &Tree) -> Vec<crate::output::manifest::Row> {
    crate::output::manifest::rows(tree, 1_700_000_000).unwrap()
}

fn write_image(
    path: &std::path::Path,
    tree: &Tree,
    layers: usize,
    packing: Packing,
    base: Option<&BaseImage>,
    tag: &str,
) -> WrittenImage {
    let fixed = fixed("arm/v7");
    let mut layout = Layout::prepare(path).unwrap();
    let image = Image { packing, base, ..image_of(tree, &[], layers, &fixed) };
    let written = layout.add(&image, &Silent, &Cancel::new()).unwrap();
    layout.finish(&[tag.to_owned()], &BTreeMap::new(), &Silent, &Cancel::new()).unwrap();
    written
}

fn read_image(path: &std::path::Path, tag: &str) -> Result<BaseImage, OutputError> {
    let reference = Reference { directory: path.to_owned(), tag: Some(tag.to_owned()) };
    BaseImage::read(&reference, &"arm/v7".parse().unwrap(), &crate::package::Spool::new(100, path.parent().unwrap()))
}

#[test]
fn an_image_is_read_back_as_it_was() {
    let place = tempfile::tempdir().unwrap();
    let tree = odd_tree();
    for (packing, layers) in [(Packing::GZIP, 1), (Packing::ZSTD, 2), (Packing::NONE, 1)] {
        let path = place.path().join(format!("{packing}"));
        write_image(&path, &tree, layers, packing, None, "1");
        let read = read_image(&path, "1").unwrap().tree;
        assert_eq!(rows(&read), rows(&tree), "{packing}");
        let (one, other) = (read.lookup(b"usr/bin/tool").unwrap(), tree.lookup(b"usr/bin/tool").unwrap());
        assert_eq!(read.node(one).metadata.xattrs, tree.node(other).metadata.xattrs);
        assert_eq!(read.lookup(&[b'l'; 140]), Some(one), "hard links are one file");
        assert_eq!(read.node(Tree::ROOT).metadata.mode, 0o555);
    }
}

#[test]
fn a_layer_above_another_image_tells_the_difference() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("layout");
    let mut tree = odd_tree();
    write_image(&path, &tree, 1, Packing::GZIP, None, "base");
    let base = read_image(&path, "base").unwrap();

    tree.remove(b"/opt/gone");
    tree.remove(b"/was");
    tree.insert(Tree::ROOT, b"was", Node::symlink(b"etc")).unwrap();
    tree.write(b"/etc/old", Content::from(&b"new"[..]), 0o600).unwrap();
    tree.remove(b"/pipe");
    let id = tree.lookup(b"/usr/bin/tool").unwrap();
    let bin = tree.lookup(b"/usr/bin").unwrap();
    tree.link(bin, b"another", id).unwrap();
    let written = write_image(&path, &tree, 1, Packing::ZSTD, Some(&base), "above");
    assert_eq!(written.layers.len(), 1);
    let above = read_image(&path, "above").unwrap();
    assert_eq!(above.layers.len(), 2);
    assert_eq!(above.config.rootfs().diff_ids().len(), 2);
    assert_eq!(rows(&above.tree), rows(&tree));
    assert_eq!(above.tree.lookup(b"usr/bin/another"), above.tree.lookup(&[b'l'; 140]));

    let layer = difference::difference(&base.tree, &tree).unwrap();
    let names: Vec<String> = layer.members.iter().map(|member| member.path.escape_ascii().to_string()).collect();
    let long = "l".repeat(140);
    let expected =
        [".wh.pipe", "etc", "etc/old", &long, "opt", "opt/.wh.gone", "usr", "usr/bin", "usr/bin/another", "usr/bin/tool", "was"];
    assert_eq!(names, expected);
    assert_eq!(difference::difference(&above.tree, &tree).unwrap().members, [], "nothing is different from itself");
}

#[test]
fn what_is_wrong_with_a_base_is_told() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("layout");
    let written = write_image(&path, &odd_tree(), 1, Packing::NONE, None, "1");
    let problem = |tag: &str| read_image(&path, tag).unwrap_err();
    assert!(problem("2").to_string().contains("no image has the tag 2; it has 1"));
    let reference = Reference { directory: path.clone(), tag: None };
    let other = BaseImage::read(&reference, &"amd64".parse().unwrap(), &crate::package::Spool::new(0, place.path()));
    assert!(other.unwrap_err().to_string().contains("is for arm"));
    let blob = path.join("blobs/sha256").join(written.layers[0].digest.hex());
    let mut bytes = std::fs::read(&blob).unwrap();
    bytes[700] ^= 1;
    std::fs::write(&blob, bytes).unwrap();
    assert!(matches!(problem("1"), OutputError::DamagedBlob { .. }));
}

#[test]
fn hostile_layers_stay_within_the_tree() {
    let archive = |name: &[u8], kind: tar::EntryType, target: &[u8]| {
        let mut header = tar::Header::new_ustar();
        let ustar = header.as_ustar_mut().unwrap();
        ustar.name[..name.len()].copy_from_slice(name);
        ustar.linkname[..target.len()].copy_from_slice(target);
        header.set_entry_type(kind);
        for set in [tar::Header::set_uid, tar::Header::set_gid, tar::Header::set_mtime, tar::Header::set_size] {
            set(&mut header, 0);
        }
        header.set_mode(0o644);
        header.set_cksum();
        [header.as_bytes().as_slice(), &[0; 1024]].concat()
    };
    let spool = crate::package::Spool::new(1 << 20, std::path::Path::new("."));
    let read = |data: &[u8]| members::read(data, &spool);
    assert!(read(&archive(b"../x", tar::EntryType::Regular, b"")).is_err());
    assert!(read(&archive(b"a/../../x", tar::EntryType::Directory, b"")).is_err());
    assert!(read(&archive(b"a", tar::EntryType::Link, b"../x")).is_err());
    assert!(read(&archive(b"a", tar::EntryType::new(b'Z'), b"")).is_err());
    for records in [&b"5 a=b\n"[..], b"99 a=b\n", b"x a=b\n", b"6 a=bc", b"4 a\n", b"0 a=b\n", b"7 size=x\n"] {
        let mut header = archive(b"h", tar::EntryType::XHeader, b"");
        let mut bytes = tar::Header::from_byte_slice(&header[..512]).clone();
        bytes.set_size(records.len() as u64);
        bytes.set_cksum();
        header.splice(..512, bytes.as_bytes().iter().copied());
        let mut block = records.to_vec();
        block.resize(512, 0);
        header.splice(512..512, block);
        assert!(read(&header).is_err(), "{}", records.escape_ascii());
    }
    assert_eq!(read(&archive(b"/etc/.wh.x", tar::EntryType::Regular, b"")).unwrap()[0].path, b"etc/x");
}

#[test]
fn an_order_of_architectures_makes_no_difference() {
    let place = tempfile::tempdir().unwrap();
    let (one, other) = (place.path().join("one"), place.path().join("other"));
    let digest = add(&one, &["amd64", "arm64", "arm/v7"], &["1"]).unwrap();
    assert_eq!(add(&other, &["arm/v7", "arm64", "amd64"], &["1"]).unwrap(), digest);
    assert!(std::fs::read(one.join("index.json")).unwrap() == std::fs::read(other.join("index.json")).unwrap());
}

#[test]
fn an_archive_for_docker_holds_what_its_list_names() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("image.tar");
    let (tree, origins) = tree_of(&[SETUP, BASH], 5_000);
    let fixed = fixed("amd64");
    let archive = DockerArchive::prepare(&path, Packing::NONE).unwrap();
    let image = image_of(&tree, &origins, 3, &fixed);
    let written = archive.write(&image, &["alma:9".to_owned()], &Silent, &Cancel::new()).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    let mut files = BTreeMap::new();
    for entry in tar::Archive::new(&bytes[..]).entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().display().to_string();
        let mut data = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut data).unwrap();
        files.insert(name, data);
    }
    let list: serde_json::Value = serde_json::from_slice(&files["manifest.json"]).unwrap();
    assert_eq!(list[0]["RepoTags"], serde_json::json!(["alma:9"]));
    let config: serde_json::Value = serde_json::from_slice(&files[list[0]["Config"].as_str().unwrap()]).unwrap();
    assert_eq!(config["config"]["Cmd"], serde_json::json!(["/bin/sh"]));
    let layers = list[0]["Layers"].as_array().unwrap();
    assert_eq!((layers.len(), files.len()), (3, 5));
    for ((name, diff_id), layer) in layers.iter().zip(config["rootfs"]["diff_ids"].as_array().unwrap()).zip(&written.layers) {
        let data = &files[name.as_str().unwrap()];
        assert_eq!(Digest::of(Algorithm::Sha256, data).to_string(), diff_id.as_str().unwrap());
        assert_eq!((layer.diff_id.to_string().as_str(), layer.unpacked), (diff_id.as_str().unwrap(), data.len() as u64));
    }
}
