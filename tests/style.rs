//! The rules of `STYLE.md` that a program can check.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

/// Words that a doc comment may not begin with.
const BANNED_FIRST_WORDS: [&str; 9] = ["What", "Of", "Who", "Whose", "Whom", "Its", "Where", "Which", "How"];

/// Files whose doc comments are the help texts of the command line. Snapshots hold that output.
const HELP_TEXTS: [&str; 2] = ["src/cli/arguments", "src/cli/product.rs"];

/// Returns the Rust files below the project's own source folders, but for the help texts.
fn sources() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pending: Vec<PathBuf> =
        ["src", "benches", "examples", "tests", "fuzz/fuzz_targets"].iter().map(|name| root.join(name)).collect();
    let mut files = Vec::new();
    while let Some(path) = pending.pop() {
        if path.is_dir() {
            pending.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|found| found == "rs") && !is_help_text(&path) {
            files.push(path);
        }
    }
    files.sort();
    files
}

fn is_help_text(path: &Path) -> bool {
    let path = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap().to_string_lossy();
    HELP_TEXTS.iter().any(|prefix| path.starts_with(prefix))
}

/// Returns the marker (`///`, `//!` or `//`) and the text of a line that holds only a comment.
fn comment(line: &str) -> Option<(&'static str, &str)> {
    let line = line.trim_start();
    ["///", "//!", "//"].into_iter().find_map(|marker| line.strip_prefix(marker).map(|text| (marker, text.trim_start())))
}

/// Returns `path:line: text` of each line of the Rust sources for which `refused` returns true.
///
/// The closure receives the previous line, or an empty text, and the line.
fn refused_lines(mut refused: impl FnMut(&str, &str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for path in sources() {
        let text = fs::read_to_string(&path).unwrap();
        let mut previous = "";
        for (index, line) in text.lines().enumerate() {
            if refused(previous, line) {
                found.push(format!("{}:{}: {}", path.display(), index + 1, line.trim()));
            }
            previous = line;
        }
    }
    found
}

fn assert_none(found: &[String], rule: &str) {
    assert!(found.is_empty(), "{} lines break the rule: {rule}\n{}", found.len(), found.join("\n"));
}

#[test]
fn no_doc_comment_begins_with_a_question_word() {
    let found = refused_lines(|previous, line| {
        let Some((marker @ ("///" | "//!"), text)) = comment(line) else { return false };
        let continues = comment(previous).is_some_and(|(before, _)| before == marker);
        let first = text.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
        !continues && BANNED_FIRST_WORDS.contains(&first)
    });
    assert_none(&found, "a doc comment begins with a verb or a noun (STYLE.md, English, 1)");
}

#[test]
fn no_comment_is_wider_than_100_columns() {
    let found = refused_lines(|_, line| comment(line).is_some() && line.chars().count() > 100 && !line.contains("://"));
    assert_none(&found, "prose is at most 100 columns wide (STYLE.md, English, 8)");
}
