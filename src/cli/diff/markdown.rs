//! Formats the differences for a pull request: a summary, and long lists in folded sections.

use super::{change, grown, growth};
use crate::audit::diff::{Diff, Listed, ListedFile, Moved, RiskyFile};
use crate::audit::{Finding, Subject};
use crate::cli::progress::{bytes, count};

/// Returns the whole text, with at most `most` entries of each long list.
pub(super) fn page(from: &Subject, to: &Subject, diff: &Diff, most: usize) -> String {
    let sizes = &diff.sizes;
    let mut text = format!("## {} → {}\n\n", escaped(&from.name), escaped(&to.name));
    text += "| | before | after | change |\n|---|--:|--:|--:|\n";
    let (a, b) = (sizes.packages.from, sizes.packages.to);
    text += &format!("| packages | {} | {} | {:+} |\n", count(a), count(b), grown(sizes.packages));
    for (name, both) in [("installed", Some(sizes.installed)), ("download", sizes.download), ("files", sizes.files)] {
        if let Some(both) = both {
            text += &format!("| {name} | {} | {} | {} |\n", bytes(both.from), bytes(both.to), growth(grown(both)));
        }
    }
    if diff.is_empty() {
        return text + "\nNothing is different.\n";
    }
    if let Some(advisories) = &diff.advisories {
        text += &findings("Advisories introduced", &advisories.introduced, most);
        text += &findings("Advisories fixed", &advisories.fixed, most);
    }
    let packages = &diff.packages;
    text += &moved("Upgraded", &packages.upgraded, most);
    text += &moved("Downgraded", &packages.downgraded, most);
    text += &listed("Added", &packages.added, most);
    text += &listed("Removed", &packages.removed, most);
    text += &folded("Built again", &codes(&packages.rebuilt), most);
    if let Some(files) = &diff.files {
        text += &risks("Risky now and not before", &files.new_risks, most);
        text += &risks("Risky no more", &files.gone_risks, most);
        let paths = |files: &[ListedFile]| files.iter().map(|file| code(&file.path)).collect::<Vec<_>>();
        text += &folded("Files added", &paths(&files.added), most);
        text += &folded("Files removed", &paths(&files.removed), most);
        let changed = files.changed.iter().map(|file| {
            format!("{}: {}", code(&file.path), escaped(&file.changes.iter().map(change).collect::<Vec<_>>().join(", ")))
        });
        text += &folded("Files changed", &changed.collect::<Vec<_>>(), most);
    }
    if let Some(names) = &diff.capabilities {
        text += &folded("Capabilities that appeared", &codes(&names.added), most);
        text += &folded("Capabilities that went", &codes(&names.removed), most);
    }
    text
}

/// Escapes the special characters of Markdown.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => safe.push_str("&lt;"),
            '&' => safe.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '>' | '~' | '@' => safe.extend(['\\', c]),
            c if c.is_control() => safe.extend(c.escape_default()),
            c => safe.push(c),
        }
    }
    safe
}

/// Formats text as a code span. Escapes it instead if it has control characters, backticks, which
/// would end the span, or vertical bars, which would end a table cell.
fn code(text: &str) -> String {
    if text.contains(['`', '|']) || text.chars().any(char::is_control) { escaped(text) } else { format!("`{text}`") }
}

fn codes(texts: &[String]) -> Vec<String> {
    texts.iter().map(|text| code(text)).collect()
}

fn more(length: usize, most: usize) -> String {
    if length > most { format!("\n…and {} more\n", count((length - most) as u64)) } else { String::new() }
}

fn moved(title: &str, list: &[Moved], most: usize) -> String {
    if list.is_empty() {
        return String::new();
    }
    let mut text = format!("\n### {title} ({})\n\n| package | from | to | size |\n|---|---|---|--:|\n", count(list.len() as u64));
    for one in list.iter().take(most) {
        text += &format!("| {} | {} | {} | {} |\n", code(&one.name), code(&one.from), code(&one.to), growth(one.growth));
    }
    text + &more(list.len(), most)
}

fn listed(title: &str, list: &[Listed], most: usize) -> String {
    if list.is_empty() {
        return String::new();
    }
    let mut text = format!("\n### {title} ({})\n\n| package | version | size |\n|---|---|--:|\n", count(list.len() as u64));
    for one in list.iter().take(most) {
        text += &format!("| {} | {} | {} |\n", code(&one.name), code(&one.version), bytes(one.installed_size));
    }
    text + &more(list.len(), most)
}

fn risks(title: &str, list: &[RiskyFile], most: usize) -> String {
    if list.is_empty() {
        return String::new();
    }
    let mut text =
        format!("\n### {title} ({})\n\n| path | mode | why | package |\n|---|---|---|---|\n", count(list.len() as u64));
    for one in list.iter().take(most) {
        let package = one.package.as_deref().map(code).unwrap_or_default();
        text += &format!("| {} | {} | {} | {package} |\n", code(&one.path), one.mode, one.risk.text());
    }
    text + &more(list.len(), most)
}

fn findings(title: &str, list: &[Finding], most: usize) -> String {
    if list.is_empty() {
        return String::new();
    }
    let mut text =
        format!("\n### {title} ({})\n\n| advisory | severity | package | CVEs |\n|---|---|---|---|\n", count(list.len() as u64));
    for one in list.iter().take(most) {
        let [id, package] = [&one.id, &one.package].map(|text| text.as_deref().map(code).unwrap_or_default());
        text += &format!("| {id} | {} | {package} | {} |\n", one.severity.name(), escaped(&one.cves.join(", ")));
    }
    text + &more(list.len(), most)
}

fn folded(title: &str, lines: &[String], most: usize) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let mut text = format!("\n<details><summary>{title} ({})</summary>\n\n", count(lines.len() as u64));
    for line in lines.iter().take(most) {
        text += &format!("- {line}\n");
    }
    text + &more(lines.len(), most) + "\n</details>\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_steer_the_page() {
        assert_eq!(escaped("a|b<i>*_\n"), "a\\|b&lt;i\\>\\*\\_\\n");
        assert_eq!((code("/etc/a_b"), code("a`b")), ("`/etc/a_b`".to_owned(), "a\\`b".to_owned()));
        assert_eq!(folded("None", &[], 1), "");
        assert!(folded("Two", &["a".to_owned(), "b".to_owned()], 1).contains("…and 1 more"));
    }
}
