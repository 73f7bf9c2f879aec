//! Path patterns in the tree, with the rules of the shell and glob(3): `*`, `?`, `[a-z]`, `\`.

use crate::tree::{NodeKind, Tree};

/// Returns every path in the tree that `pattern` matches, absolute and sorted by bytes. Only a
/// pattern component that begins with a dot matches a name that begins with a dot. A pattern
/// without wildcards matches itself if the path exists; a dangling link exists.
pub fn glob(tree: &Tree, pattern: &[u8]) -> Vec<Vec<u8>> {
    let mut found: Vec<Vec<u8>> = vec![Vec::new()];
    for component in pattern.split(|&c| c == b'/').filter(|component| !component.is_empty() && *component != b".") {
        let mut next = Vec::new();
        for directory in &found {
            if is_pattern(component) {
                for name in names(tree, directory) {
                    if name.starts_with(b".") && !component.starts_with(b".") && !component.starts_with(b"\\.") {
                        continue;
                    }
                    if matches(component, name) {
                        next.push([directory, b"/".as_slice(), name].concat());
                    }
                }
            } else {
                let path = [directory, b"/".as_slice(), &unescaped(component)].concat();
                if tree.lookup(&path).is_some() {
                    next.push(path);
                }
            }
        }
        found = next;
    }
    found.retain(|path| !path.is_empty());
    found.sort();
    found
}

/// Reports whether the shell would expand the text as a pattern.
pub fn is_pattern(text: &[u8]) -> bool {
    text.iter().any(|c| matches!(c, b'*' | b'?' | b'['))
}

fn names<'a>(tree: &'a Tree, directory: &[u8]) -> Vec<&'a [u8]> {
    let path: &[u8] = if directory.is_empty() { b"/" } else { directory };
    match tree.resolve(path).map(|id| &tree.node(id).kind) {
        Some(NodeKind::Directory(d)) => d.entries().map(|(name, _)| name).collect(),
        _ => Vec::new(),
    }
}

fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.iter();
    while let Some(&c) = bytes.next() {
        match c {
            b'\\' => out.extend(bytes.next()),
            _ => out.push(c),
        }
    }
    out
}

/// Reports whether a name matches one component of a pattern (fnmatch(3)).
pub fn matches(pattern: &[u8], name: &[u8]) -> bool {
    // The classic loop with one backtracking point: the position after the last `*`.
    let (mut p, mut n) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    while n < name.len() {
        let step = match pattern.get(p) {
            Some(b'*') => {
                back = Some((p + 1, n));
                p += 1;
                continue;
            }
            Some(b'?') => Some(1),
            Some(b'[') => match bracket(&pattern[p..], name[n]) {
                Some((length, inside)) => inside.then_some(length),
                None => (name[n] == b'[').then_some(1),
            },
            Some(b'\\') if p + 1 < pattern.len() => (pattern[p + 1] == name[n]).then_some(2),
            Some(&c) => (c == name[n]).then_some(1),
            None => None,
        };
        match (step, back) {
            (Some(length), _) => {
                p += length;
                n += 1;
            }
            (None, Some((after_star, from))) => {
                p = after_star;
                n = from + 1;
                back = Some((after_star, n));
            }
            (None, None) => return false,
        }
    }
    pattern[p..].iter().all(|&c| c == b'*')
}

/// Returns the length of the bracket expression at the start of `pattern`, and whether it contains
/// `c`. Returns `None` if the expression is not closed.
fn bracket(pattern: &[u8], c: u8) -> Option<(usize, bool)> {
    let mut i = 1;
    let negated = matches!(pattern.get(i), Some(b'!' | b'^'));
    if negated {
        i += 1;
    }
    let mut inside = false;
    let mut first = true;
    loop {
        let low = *pattern.get(i)?;
        if low == b']' && !first {
            return Some((i + 1, inside != negated));
        }
        first = false;
        if low == b'['
            && pattern.get(i + 1) == Some(&b':')
            && let Some(length) = pattern[i + 2..].windows(2).position(|end| end == b":]")
        {
            inside |= in_class(&pattern[i + 2..i + 2 + length], c);
            i += length + 4;
            continue;
        }
        let low = if low == b'\\' {
            i += 1;
            *pattern.get(i)?
        } else {
            low
        };
        match (pattern.get(i + 1), pattern.get(i + 2)) {
            (Some(b'-'), Some(&high)) if high != b']' => {
                inside |= (low..=high).contains(&c);
                i += 3;
            }
            _ => {
                inside |= low == c;
                i += 1;
            }
        }
    }
}

fn in_class(class: &[u8], c: u8) -> bool {
    match class {
        b"alpha" => c.is_ascii_alphabetic(),
        b"digit" => c.is_ascii_digit(),
        b"alnum" => c.is_ascii_alphanumeric(),
        b"upper" => c.is_ascii_uppercase(),
        b"lower" => c.is_ascii_lowercase(),
        b"punct" => c.is_ascii_punctuation(),
        b"xdigit" => c.is_ascii_hexdigit(),
        b"space" => c.is_ascii_whitespace() || c == 0x0b,
        b"blank" => c == b' ' || c == b'\t',
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::Content;

    #[test]
    fn components_match_as_fnmatch_says() {
        let table: [(&str, &str, bool); 17] = [
            ("*.conf", "a.conf", true),
            ("*.conf", "a.conf~", false),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYbZ", false),
            ("?", "", false),
            ("en*", "en_GB", true),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("[]]", "]", true),
            ("[a-]", "-", true),
            ("[[:digit:]]*", "7z", true),
            ("[[:digit:]]*", "z7", false),
            ("[", "[", true),
            (r"\*", "*", true),
            (r"\*", "x", false),
            ("**", "", true),
            ("", "", true),
        ];
        for (pattern, name, expected) in table {
            assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), expected, "{pattern} on {name}");
        }
    }

    #[test]
    fn paths_are_found_through_links_and_sorted() {
        let mut tree = Tree::new();
        for path in ["/usr/share/b/x", "/usr/share/a/x", "/usr/share/.hidden/x", "/usr/share/a/y"] {
            tree.write(path.as_bytes(), Content::empty(), 0o644).unwrap();
        }
        tree.insert(Tree::ROOT, b"share", crate::tree::Node::symlink(b"usr/share")).unwrap();
        let paths = |pattern: &str| -> Vec<String> {
            glob(&tree, pattern.as_bytes()).into_iter().map(|path| String::from_utf8(path).unwrap()).collect()
        };
        assert_eq!(paths("/share/*/x"), ["/share/a/x", "/share/b/x"]);
        assert_eq!(paths("usr/share/.*/x"), ["/usr/share/.hidden/x"]);
        assert_eq!(paths("/usr/share/c*"), Vec::<String>::new());
        assert_eq!(paths("/usr/share/a"), ["/usr/share/a"]);
    }
}
