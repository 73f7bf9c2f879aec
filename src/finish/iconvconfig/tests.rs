use std::process::Command;

use super::*;
use crate::finish::testing::{micro_tree, shipped_digest, without_peer};

const HOST: &str = "/usr/sbin/iconvconfig";

/// Returns a tree with the host's iconvconfig, if it is Debian's for x86-64 and at least 2.34.
fn host_tree() -> Option<Tree> {
    let bytes = std::fs::read(HOST).ok();
    let content = bytes.map(Content::from).filter(|content| Program::of(content).is_some_and(|program| program.reads_directory));
    let Some(content) = content else {
        without_peer("iconvconfig since 2.34");
        return None;
    };
    let mut tree = Tree::new();
    tree.write(HOST.as_bytes(), content, 0o755).unwrap();
    Some(tree)
}

/// Compares the cache that the host makes of these files with ours.
fn compare(files: &[(&str, &str)]) {
    let Some(mut tree) = host_tree() else { return };
    let directory = tempfile::tempdir().unwrap();
    // Both sides use the same path, because the cache contains it.
    let gconv = directory.path().join("gconv");
    for (name, text) in files {
        let path = gconv.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        tree.write(path.to_str().unwrap().as_bytes(), Content::from(text.as_bytes()), 0o644).unwrap();
    }
    let output = directory.path().join("cache");
    let status = Command::new(HOST).arg("--nostdlib").arg("-o").args([&output, &gconv]).output().unwrap();
    assert!(status.status.success(), "{}", String::from_utf8_lossy(&status.stderr));
    let theirs = std::fs::read(output).unwrap();
    let request = Request {
        output: Some(b"/cache".to_vec()),
        directories: vec![gconv.to_str().unwrap().as_bytes().to_vec()],
        no_standard: true,
    };
    assert!(run_with(&mut tree, &request).unwrap());
    let ours = tree.read(b"/cache").unwrap().bytes().unwrap();
    assert_eq!(ours.escape_ascii().to_string(), theirs.escape_ascii().to_string());
}

#[test]
fn the_shipped_cache_byte_for_byte() {
    let Some(mut tree) = micro_tree() else { return };
    let path = "usr/lib64/gconv/gconv-modules.cache";
    assert!(tree.read(path.as_bytes()).unwrap().is_empty());
    // The arguments of glibc's scriptlet.
    let request = Request {
        output: Some(b"/usr/lib64/gconv/gconv-modules.cache".to_vec()),
        directories: vec![b"/usr/lib64/gconv".to_vec()],
        no_standard: true,
    };
    assert!(run_with(&mut tree, &request).unwrap());
    assert_eq!(shipped_digest(&tree, path), None);
    tree.write(path.as_bytes(), Content::empty(), 0o644).unwrap();
    assert!(run(&mut tree).unwrap());
    assert_eq!(shipped_digest(&tree, path), None);
}

#[test]
fn all_of_the_host_s_character_sets() {
    let directory = "/usr/lib/x86_64-linux-gnu/gconv";
    let Ok(text) = std::fs::read_to_string(format!("{directory}/gconv-modules")) else { return };
    let extra = std::fs::read_to_string(format!("{directory}/gconv-modules.d/gconv-modules-extra.conf")).unwrap_or_default();
    compare(&[("gconv-modules", &text), ("gconv-modules.d/gconv-modules-extra.conf", &extra)]);
}

#[test]
fn odd_lines_and_conversions_between_two() {
    compare(&[(
        "gconv-modules",
        "alias\tlower//\tUTF-16// trailing words\n\
         alias only-one//\n\
         alias  # comment\n\
         module short// INTERNAL\n\
         module  a//  b//  direct 3\n\
         module b// a// back.so\n\
         module a// INTERNAL a 2 # comment\n\
         module a// INTERNAL second 1\n\
         module INTERNAL a// a x\n\
         module b// INTERNAL so\n\
         module INTERNAL b// .so\n\
         module a// c// between\n\
         module c// INTERNAL c\n\
         alias UTF8// a//\n\
         alias chained// lower2//\n\
         alias lower2// b//\n\
         alias zz// chained//\n\
         alias missing// nowhere//\n\
         alias long-UTF-8// UTF-8//\n\
         \x0b alias xlong-UTF-8// UTF-8//\n\
         nothing here\n",
    )]);
}

#[test]
fn a_directory_without_configuration_makes_no_cache() {
    let Some(mut tree) = host_tree() else { return };
    assert!(matches!(run(&mut tree), Err(IconvconfigError::NoConfiguration(_))));
    assert!(!run(&mut Tree::new()).unwrap());
}

#[test]
fn byte_order_and_the_older_table() {
    let little = Program { big_endian: false, standard: b"/usr/lib64/gconv".to_vec(), reads_directory: false, small_table: true };
    let big = Program { big_endian: true, standard: b"/usr/lib64/gconv".to_vec(), reads_directory: false, small_table: true };
    let mut tree = Tree::new();
    tree.write(b"/usr/lib64/gconv/gconv-modules", Content::from(&b"module X// INTERNAL X 1\n"[..]), 0o644).unwrap();
    tree.write(b"/usr/lib64/gconv/gconv-modules.d/a.conf", Content::from(&b"module Y// INTERNAL Y 1\n"[..]), 0o644).unwrap();
    let directories = [little.standard.clone()];
    let (little, big) = (contents(&tree, &little, &directories).unwrap(), contents(&tree, &big, &directories).unwrap());
    assert_eq!(little[..4], [0x24, 0x03, 0x01, 0x20]);
    assert_eq!(big[..4], [0x20, 0x01, 0x03, 0x24]);
    assert_eq!(little.len(), big.len());
    // INTERNAL, 7 sources, 6 targets and 36 aliases: 1.4 times 50 is 70, the next prime 71.
    assert_eq!(u16::from_le_bytes([little[8], little[9]]), 71);
    let has = |bytes: &[u8], text: &[u8]| bytes.windows(text.len()).any(|window| window == text);
    assert!(has(&little, b"\0X//\0") && !has(&little, b"Y//"), "before 2.34 gconv-modules.d was not read");
    assert!(has(&little, b"UNICODEBIG//\0") && has(&big, b"UNICODELITTLE//\0"));
}

#[test]
fn the_size_of_the_table_is_read_from_the_program() {
    let header = |machine: u8, order: u8| {
        let mut bytes = b"\x7fELF\x02".to_vec();
        bytes.push(order);
        bytes.resize(64, 0);
        bytes[if order == 1 { 18 } else { 19 }] = machine;
        bytes.extend(b"\0/usr/lib64/gconv/gconv-modules.cache\0");
        // Instructions are aligned.
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    };
    let small = |bytes: Vec<u8>| Program::of(&Content::from(bytes)).unwrap().small_table;
    for (machine, order) in [(62, 1), (22, 2), (183, 1)] {
        assert!(!small(header(machine, order)));
        let constant = if order == 1 { 1.4f64.to_le_bytes() } else { 1.4f64.to_be_bytes() };
        assert!(small([header(machine, order), constant.to_vec()].concat()));
    }
    // movk x3, #0x3ff6, lsl #48
    let instruction = 0xf2e7_fec3u32.to_le_bytes().to_vec();
    assert!(small([header(183, 1), instruction.clone()].concat()));
    assert!(!small([header(62, 1), instruction].concat()));
}

#[test]
fn too_many_character_sets_are_refused() {
    let lines: Vec<String> = (0..9000).map(|i| format!("module CHARSET-{i}// INTERNAL M{i} 1")).collect();
    let Some(mut tree) = host_tree() else { return };
    tree.write(b"/g/gconv-modules", Content::from(lines.join("\n").into_bytes()), 0o644).unwrap();
    let request = Request { output: None, directories: vec![b"/g".to_vec()], no_standard: true };
    assert!(matches!(run_with(&mut tree, &request), Err(IconvconfigError::TooLarge)));
    // A character set that is only the target of another one.
    tree.write(b"/g/gconv-modules", Content::from(&b"module A// B// X\n"[..]), 0o644).unwrap();
    assert!(matches!(run_with(&mut tree, &request), Err(IconvconfigError::OnlyTarget(_))));
}
