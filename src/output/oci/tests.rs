use std::collections::BTreeSet;

use super::layers::cut;
use super::*;
use crate::digest::Algorithm;
use crate::package::Content;
use crate::reporter::Silent;
use crate::tree::{NodeId, NodeKind, PackageIndex, Tree};

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

/// A tree of packages, with a database that nobody brought; bash was built at `time`.
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
            // The directories are the packages' too, with the time of the one that brought them last.
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

/// The digests of a tree's layers, the last one apart.
fn digests(packages: &[Package<'_>], time: i64, count: usize) -> (BTreeSet<String>, String) {
    let (tree, origins) = tree_of(packages, time);
    let fixed = fixed("amd64");
    let image = image_of(&tree, &origins, count, &fixed);
    let mut digests: Vec<String> = image
        .cut()
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
            // What stands highest is what is seen: the true time.
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
    // bash comes last, and so the directories that it shares with others bear its time.
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
    layout.finish(&tags, &BTreeMap::new(), &Cancel::new())
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
    // Two architectures of one tree share their layers: index, two manifests, two configurations, three layers.
    assert_eq!(of_two, 8);
    let single = add(&path, &["s390x"], &["2"]).unwrap();
    assert_eq!(blobs(&path), 10);
    // The old `1` has another name still.
    add(&path, &["s390x"], &["1"]).unwrap();
    let index = layout::read_index(&path).unwrap();
    let tags = |index: &oci_spec::image::ImageIndex| -> Vec<(String, String)> {
        let tag = |entry: &oci_spec::image::Descriptor| entry.annotations().as_ref().unwrap()[layout::REF_NAME].clone();
        index.manifests().iter().map(|entry| (tag(entry), entry.digest().to_string())).collect()
    };
    let found = tags(&index);
    assert_eq!(found.iter().map(|(tag, _)| tag.as_str()).collect::<Vec<_>>(), ["latest", "1"]);
    assert_eq!(found[1].1, single.to_string());
    add(&path, &["s390x"], &["latest", "1"]).unwrap();
    assert_eq!(blobs(&path), 5, "what nothing refers to is gone");
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
