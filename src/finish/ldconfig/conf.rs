//! `ld.so.conf`: the library directories and their order.

use super::elf::{FLAG_ELF_LIBC5, FLAG_ELF_LIBC6};
use crate::finish::glob::glob;
use crate::tree::{Tree, join, split};

/// Maximum depth of nested includes. ldconfig itself does not terminate if files include each
/// other.
const MAX_DEPTH: u32 = 32;
/// Maximum number of configuration files in total.
const MAX_FILES: u32 = 4096;

/// One directory of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Configured {
    /// The path as written, without trailing slashes.
    pub(super) path: Vec<u8>,
    /// The type that the line assigns to the directory's libraries (`/usr/i486/lib=libc5`).
    pub(super) kind: Option<u32>,
}

/// Returns the directories that `/etc/ld.so.conf` and its included files name.
pub(super) fn directories(tree: &Tree) -> Vec<Configured> {
    let mut reader = Reader { tree, found: Vec::new(), files: 0 };
    reader.file(b"/etc/ld.so.conf", 0);
    reader.found
}

struct Reader<'a> {
    tree: &'a Tree,
    found: Vec<Configured>,
    files: u32,
}

impl Reader<'_> {
    fn file(&mut self, path: &[u8], depth: u32) {
        self.files += 1;
        if depth > MAX_DEPTH || self.files > MAX_FILES {
            return;
        }
        let Some(content) = self.tree.read(path).ok().and_then(|content| content.bytes().ok()) else { return };
        for line in content.split(|&c| c == b'\n') {
            // In a C string, a NUL ends the line.
            let line = line.split(|&c| c == b'#' || c == 0).next().unwrap_or_default();
            let line = &line[line.iter().take_while(|&&c| is_space(c)).count()..];
            if let Some(patterns) = line.strip_prefix(b"include").filter(|rest| rest.first().is_some_and(|&c| is_blank(c))) {
                for pattern in patterns.split(|&c| is_blank(c)).filter(|pattern| !pattern.is_empty()) {
                    self.include(path, pattern, depth);
                }
            } else if line.len() > 5 && line[..5].eq_ignore_ascii_case(b"hwcap") && is_blank(line[5]) {
                // Ignored since 2.33. Before, the line named Xen's "nosegneg", which current
                // kernels do not request.
            } else {
                self.found.extend(configured(line));
            }
        }
    }

    fn include(&mut self, from: &[u8], pattern: &[u8], depth: u32) {
        let pattern = join(split(from).0, pattern);
        for path in glob(self.tree, &pattern) {
            self.file(&path, depth + 1);
        }
    }
}

/// Parses a line that names a directory.
pub(super) fn configured(line: &[u8]) -> Option<Configured> {
    let (path, kind) = match line.iter().position(|&c| c == b'=') {
        Some(i) => (
            &line[..i],
            match &line[i + 1..] {
                b"libc4" => Some(0),
                b"libc5" => Some(FLAG_ELF_LIBC5),
                b"libc6" | b"glibc2" => Some(FLAG_ELF_LIBC6),
                _ => None,
            },
        ),
        None => (line, None),
    };
    let end = path.iter().rposition(|&c| !is_space(c)).map_or(0, |i| i + 1);
    let end = path[..end].iter().rposition(|&c| c != b'/').map_or(0, |i| i + 1);
    (end > 0).then(|| Configured { path: path[..end].to_vec(), kind })
}

fn is_blank(c: u8) -> bool {
    c == b' ' || c == b'\t'
}

fn is_space(c: u8) -> bool {
    matches!(c, b' ' | b'\t'..=b'\r')
}
