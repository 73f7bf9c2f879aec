//! Protected paths: directories in which changed files survive an upgrade.
//!
//! In: `/etc/apk/protected_paths.d/*.list` of the root. Out: whether a directory is protected
//! (database.c, `apk_db_dir_get`).

use crate::finish::glob::matches;
use crate::package::Content;
use crate::tree::{NodeKind, Tree};

/// The patterns that are built into apk.
const BUILT_IN: &str = "+etc\n@etc/init.d\n!etc/apk\n";
const DIRECTORY: &[u8] = b"/etc/apk/protected_paths.d";

/// The patterns of a root.
#[derive(Clone, Debug)]
pub struct ProtectedPaths {
    patterns: Vec<Pattern>,
}

#[derive(Clone, Debug)]
struct Pattern {
    /// A shell pattern for each component of the path.
    names: Vec<Vec<u8>>,
    protects: bool,
}

impl ProtectedPaths {
    /// Reads the built-in patterns and those in the root's files, in the order of the file names.
    pub fn of(tree: &Tree) -> Self {
        let mut paths = Self { patterns: Vec::new() };
        paths.add(BUILT_IN.as_bytes());
        let Some(directory) = tree.resolve(DIRECTORY) else { return paths };
        let NodeKind::Directory(entries) = &tree.node(directory).kind else { return paths };
        for (name, id) in entries.entries().filter(|(name, _)| name.ends_with(b".list") && !name.starts_with(b".")) {
            let followed = tree.resolve(&[DIRECTORY, b"/", name].concat()).unwrap_or(id);
            if let Some(text) = tree.node(followed).content().map(Content::bytes).and_then(Result::ok) {
                paths.add(&text);
            }
        }
        paths
    }

    fn add(&mut self, text: &[u8]) {
        for line in text.split(|&c| c == b'\n') {
            let (protects, path) = match line {
                [] | [b'#', ..] => continue,
                [b'-', path @ ..] => (false, path),
                // `+`, `@` and `!` mean changed files, symbolic links only, and everything. The
                // difference only matters to `apk audit`.
                [b'+' | b'@' | b'!', path @ ..] | path => (true, path),
            };
            let names: Vec<Vec<u8>> = path.split(|&c| c == b'/').filter(|name| !name.is_empty()).map(<[u8]>::to_vec).collect();
            if !names.is_empty() {
                self.patterns.push(Pattern { names, protects });
            }
        }
    }

    /// Reports whether files in this directory (relative to the root) are protected. A directory
    /// inherits from its parent unless a pattern matches it; the last matching pattern decides.
    pub fn protects(&self, directory: &[u8]) -> bool {
        let mut protected = false;
        // The patterns whose first components matched so far.
        let mut open: Vec<&Pattern> = self.patterns.iter().collect();
        for (depth, name) in directory.split(|&c| c == b'/').filter(|name| !name.is_empty()).enumerate() {
            open.retain(|pattern| pattern.names.get(depth).is_some_and(|wanted| matches(wanted, name)));
            for pattern in open.iter().filter(|pattern| pattern.names.len() == depth + 1) {
                protected = pattern.protects;
            }
        }
        protected
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn etc_is_protected_and_more_on_request() {
        let mut tree = Tree::new();
        let list = b"# mine\n/srv/*/conf/\n-etc/ssl\nopt\n";
        tree.write(b"/etc/apk/protected_paths.d/mine.list", Content::from(&list[..]), 0o644).unwrap();
        tree.write(b"/etc/apk/protected_paths.d/mine.list.old", Content::from(&b"usr\n"[..]), 0o644).unwrap();
        let paths = ProtectedPaths::of(&tree);
        for protected in
            ["etc", "etc/network/if-up.d", "etc/init.d", "etc/apk/keys", "srv/www/conf", "srv/www/conf/deep", "opt/x"]
        {
            assert!(paths.protects(protected.as_bytes()), "{protected}");
        }
        for free in ["", "usr", "usr/etc", "srv", "srv/www", "srv/www/data", "etc/ssl", "etc/ssl/certs", "srv/conf"] {
            assert!(!paths.protects(free.as_bytes()), "{free}");
        }
    }
}
