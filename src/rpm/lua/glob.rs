//! `rpm.glob`: finds the paths of the tree that match a pattern.

use super::files;
use super::session::Session;
use super::value::Fault;
use crate::tree::NodeKind;

/// Maximum number of alternatives from the braces of a pattern.
const MAX_ALTERNATIVES: usize = 1024;

/// Returns the paths that match, sorted within each alternative of the braces.
pub(super) fn paths(session: &Session, pattern: &[u8]) -> Result<Vec<Vec<u8>>, Fault> {
    let mut found = Vec::new();
    for pattern in alternatives(pattern) {
        let mut paths = vec![if pattern.starts_with(b"/") { b"/".to_vec() } else { Vec::new() }];
        let names: Vec<&[u8]> = pattern.split(|&c| c == b'/').filter(|name| !name.is_empty()).collect();
        for name in names {
            let mut next = Vec::new();
            for path in paths {
                expand(session, &path, name, &mut next)?;
            }
            paths = next;
        }
        paths.sort();
        found.append(&mut paths);
    }
    Ok(found)
}

/// Adds the matching names in `path` to `found`.
fn expand(session: &Session, path: &[u8], name: &[u8], found: &mut Vec<Vec<u8>>) -> Result<(), Fault> {
    let join =
        |name: &[u8]| if path.is_empty() || path.ends_with(b"/") { [path, name].concat() } else { [path, b"/", name].concat() };
    if !name.iter().any(|c| b"*?[\\".contains(c)) {
        let path = join(name);
        if session.process.absolute(&path).and_then(|absolute| files::find(session.tree, &absolute, false)).is_ok() {
            found.push(path);
        }
        return Ok(());
    }
    let here: &[u8] = if path.is_empty() { b"." } else { path };
    let id = session.process.absolute(here).and_then(|absolute| files::find(session.tree, &absolute, true));
    if let Ok(id) = id
        && let NodeKind::Directory(directory) = &session.tree.node(id).kind
    {
        session.spend_bytes(directory.entries().len() * 256)?;
        for (entry, _) in directory.entries() {
            let hidden = entry.starts_with(b".") && !name.starts_with(b".");
            if !hidden && matches(name, entry) {
                found.push(join(entry));
            }
        }
    }
    Ok(())
}

/// Matches a name with a pattern of `*`, `?`, `[a-z]`, `[!a]` and `\`.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    // State to resume from if the pattern after the last star does not match.
    let mut star = None;
    while n < name.len() {
        let step = match pattern.get(p) {
            Some(b'*') => {
                star = Some((p + 1, n));
                p += 1;
                continue;
            }
            Some(b'?') => Some(p + 1),
            Some(b'[') => match set(&pattern[p..], name[n]) {
                Some((true, length)) => Some(p + length),
                Some((false, _)) => None,
                None => (name[n] == b'[').then_some(p + 1),
            },
            Some(b'\\') if p + 1 < pattern.len() => (pattern[p + 1] == name[n]).then_some(p + 2),
            Some(&c) => (c == name[n]).then_some(p + 1),
            None => None,
        };
        match (step, star) {
            (Some(next), _) => {
                p = next;
                n += 1;
            }
            (None, Some((after, from))) => {
                p = after;
                n = from + 1;
                star = Some((after, from + 1));
            }
            (None, None) => return false,
        }
    }
    pattern[p..].iter().all(|&c| c == b'*')
}

/// Reports whether `c` is in the set at the beginning of `pattern`, and returns the set's length.
/// Returns `None` if the set has no closing bracket.
fn set(pattern: &[u8], c: u8) -> Option<(bool, usize)> {
    let mut p = 1;
    let negated = matches!(pattern.get(p), Some(b'!' | b'^'));
    p += usize::from(negated);
    let mut found = false;
    let first = p;
    loop {
        let mut low = *pattern.get(p)?;
        if low == b']' && p > first {
            return Some((found != negated, p + 1));
        }
        if low == b'\\' {
            p += 1;
            low = *pattern.get(p)?;
        }
        let mut high = low;
        if pattern.get(p + 1) == Some(&b'-') && pattern.get(p + 2).is_some_and(|&c| c != b']') {
            high = pattern[p + 2];
            p += 2;
        }
        found |= (low..=high).contains(&c);
        p += 1;
    }
}

/// Expands the braces of a pattern: `a{b,c}` gives `ab` and `ac`. Unbalanced braces are literal.
fn alternatives(pattern: &[u8]) -> Vec<Vec<u8>> {
    let mut done = Vec::new();
    let mut pending = vec![pattern.to_vec()];
    while let Some(pattern) = pending.pop() {
        match first_braces(&pattern) {
            Some((start, end)) if done.len() + pending.len() < MAX_ALTERNATIVES => {
                let parts = split_outside_braces(&pattern[start + 1..end]);
                pending.extend(parts.into_iter().rev().map(|part| [&pattern[..start], part, &pattern[end + 1..]].concat()));
            }
            _ => done.push(pattern),
        }
    }
    done
}

fn first_braces(pattern: &[u8]) -> Option<(usize, usize)> {
    let start = pattern.iter().position(|&c| c == b'{')?;
    let mut depth = 0;
    for (index, &c) in pattern.iter().enumerate().skip(start) {
        match c {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some((start, index));
        }
    }
    None
}

fn split_outside_braces(text: &[u8]) -> Vec<&[u8]> {
    let mut depth = 0;
    text.split(|&c| {
        match c {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        c == b',' && depth == 0
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_as_the_shell_has_them() {
        for (pattern, name, expected) in [
            ("*", "abc", true),
            ("a*c", "abbc", true),
            ("a*c", "abbd", false),
            ("*a*b*c", "xxaxxbxxc", true),
            ("?b?", "abc", true),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("[]]", "]", true),
            ("[", "[", true),
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("", "", true),
            ("a", "", false),
        ] {
            assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn braces_are_alternatives() {
        let text = |pattern: &str| -> Vec<String> {
            alternatives(pattern.as_bytes()).into_iter().map(|p| String::from_utf8(p).unwrap()).collect()
        };
        assert_eq!(text("a{b,c{d,e}}f"), ["abf", "acdf", "acef"]);
        assert_eq!(text("{a,b}{c,d}"), ["ac", "ad", "bc", "bd"]);
        assert_eq!(text("a{b"), ["a{b"]);
        assert!(text(&"{a,b}".repeat(40)).len() <= 2 * MAX_ALTERNATIVES);
    }
}
