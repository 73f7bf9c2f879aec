//! Tests of the layers in docs/architecture.md: each module imports only from lower layers.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::fs;
use std::path::{Path, PathBuf};

/// The layer of each module. A new module fails the test until it is listed here.
const FLOORS: [(&str, u8); 24] = [
    ("cli", 6),
    ("bootstrap", 5),
    ("rpm", 4),
    ("apk", 4),
    ("repo", 4),
    ("lock", 4),
    ("audit", 4),
    ("ecosystem", 3),
    ("transaction", 3),
    ("output", 3),
    ("finish", 3),
    ("solver", 2),
    ("tree", 2),
    ("fetch", 2),
    ("metadata", 2),
    ("pool", 1),
    ("package", 1),
    ("catalog", 1),
    ("reporter", 1),
    ("cancel", 0),
    ("digest", 0),
    ("compression", 0),
    ("size", 0),
    ("yaml", 0),
];

fn floor(room: &str) -> Option<u8> {
    FLOORS.iter().find(|&&(name, _)| name == room).map(|&(_, floor)| floor)
}

fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// Returns the modules that a source file imports with `crate::…`, except unit tests.
fn imports(text: &str) -> Vec<String> {
    let code: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let mut rooms = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        let names: Vec<&str> = match rest.strip_prefix('{') {
            // `use crate::{a::b, c}`: the first word of each item at depth one.
            Some(list) => list.split('}').next().unwrap_or_default().split(',').map(str::trim).collect(),
            None => vec![rest],
        };
        rooms.extend(names.iter().map(|name| name.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>()));
    }
    rooms.retain(|room| !room.is_empty());
    rooms
}

#[test]
fn no_room_reaches_up_or_sideways() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    let mut wrong = Vec::new();
    for file in files {
        let relative = file.strip_prefix(&src).unwrap();
        let room = relative.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs").to_owned();
        let is_test = relative.iter().any(|part| part.to_string_lossy().trim_end_matches(".rs").starts_with("test"));
        if room == "lib" || room == "main" || is_test {
            continue;
        }
        let own = floor(&room).unwrap_or_else(|| panic!("the room {room} has no floor in this test"));
        let text = fs::read_to_string(&file).unwrap();
        // Unit tests may import anything.
        let code = text.split("#[cfg(test)]\nmod ").next().unwrap();
        for used in imports(code).into_iter().filter(|used| *used != room) {
            match floor(&used) {
                Some(below) if below < own => {}
                _ => wrong.push(format!("{} (floor {own}) uses {used}", relative.display())),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
