//! tmpfiles.d files, applied like `systemd-tmpfiles --create` (tmpfiles.d(5)): files, directories,
//! links, copies, modes.
//!
//! A build ignores lines for the boot (`!`), ages, and lines that remove. Line types and specifiers
//! that depend on a running system are skipped with a warning.

use std::collections::BTreeMap;

use super::glob::glob;
use super::steps::insert;
use super::systemd::{next_field, specifiers};
use crate::package::{Content, Owner};
use crate::tree::{Node, NodeId, NodeKind, Tree, TreeError, join, split};

/// The error of a line that failed.
#[derive(Debug, thiserror::Error)]
#[error("{file}, line {line}: {path}")]
pub struct TmpfilesError {
    /// The configuration file.
    file: String,
    /// The line number, from 1.
    line: usize,
    /// The path in the line.
    path: String,
    /// The error of the tree.
    source: TreeError,
}

/// One line of a configuration file.
struct Line<'a> {
    number: usize,
    kind: char,
    modifiers: &'a str,
    path: String,
    mode: Option<Mode>,
    user: Option<Given>,
    group: Option<Given>,
    argument: Option<String>,
    /// The argument with its escapes decoded, if it is the content of a file.
    content: Vec<u8>,
}

/// A mode with two flags. `only_new` (`:`) limits it to new nodes. `masked` (`~`) limits it to the
/// permissions that the node already has.
#[derive(Clone, Copy)]
struct Mode {
    bits: u16,
    only_new: bool,
    masked: bool,
}

/// An owner, and whether only new nodes get it (`:`).
struct Given {
    owner: Owner,
    only_new: bool,
}

/// Applies a configuration file of the tree. Does nothing if the file does not exist. Returns the
/// lines that are not supported.
pub fn apply(tree: &mut Tree, file: &str) -> Result<Vec<String>, TmpfilesError> {
    let text = tree.read_text(&join(b"", file.as_bytes()));
    let mut skipped = Vec::new();
    // Parents come before their children. If two lines have the same path and type, the first one
    // counts.
    let mut lines: BTreeMap<(String, char), Line> = BTreeMap::new();
    for (i, text) in text.lines().enumerate() {
        match parse(text, i + 1) {
            Ok(Some(line)) => {
                lines.entry((line.path.clone(), line.kind)).or_insert(line);
            }
            Ok(None) => {}
            Err(reason) => skipped.push(format!("{file}, line {}: {reason}", i + 1)),
        }
    }
    for line in lines.values() {
        let done = carry_out(tree, line).map_err(|source| TmpfilesError {
            file: file.to_owned(),
            line: line.number,
            path: line.path.clone(),
            source,
        });
        match done {
            Err(_) if line.modifiers.contains('-') => {}
            done => {
                if !done? {
                    skipped.push(format!("{file}, line {}: `{}` is not done at build time", line.number, line.kind));
                }
            }
        }
    }
    Ok(skipped)
}

fn parse(text: &str, number: usize) -> Result<Option<Line<'_>>, String> {
    let text = text.trim();
    if text.is_empty() || text.starts_with('#') {
        return Ok(None);
    }
    let mut rest = text;
    let mut field = || next_field(&mut rest);
    let (kind, path) = (field()?.unwrap_or_default(), field()?);
    let (mode, user, group, _age) = (field()?, field()?, field()?, field()?);
    let kind_text = text.split_whitespace().next().unwrap_or_default();
    let argument = Some(rest.trim()).filter(|argument| !argument.is_empty() && *argument != "-");
    let path = specifiers(&path.ok_or("no path")?)?;
    if !path.starts_with('/') {
        return Err(format!("`{path}` is not absolute"));
    }
    let modifiers = kind_text.get(1..).unwrap_or_default();
    if modifiers.contains('!') {
        return Ok(None);
    }
    if let Some(unknown) = modifiers.chars().find(|c| !matches!(c, '+' | '-' | '=' | '?')) {
        return Err(format!("modifier `{unknown}` is not done"));
    }
    let given = |text: Option<String>| text.filter(|text| text != "-" && !text.is_empty());
    let owner = |text: Option<String>| {
        given(text).map(|text| {
            let only_new = text.starts_with(':');
            let name = text.trim_start_matches(':');
            Given { owner: name.parse().map_or_else(|_| Owner::named(name), Owner::Id), only_new }
        })
    };
    let mode = match given(mode) {
        Some(text) => Some(parse_mode(&text).ok_or_else(|| format!("mode `{text}`"))?),
        None => None,
    };
    let argument = argument.map(specifiers).transpose()?;
    let kind = kind.chars().next().unwrap_or_default();
    let content = match &argument {
        Some(argument) if matches!(kind, 'f' | 'F' | 'w') => unescape(argument).ok_or("an escape is not known")?,
        _ => Vec::new(),
    };
    Ok(Some(Line {
        number,
        kind,
        modifiers,
        path: path.trim_end_matches('/').to_owned(),
        mode,
        user: owner(user),
        group: owner(group),
        argument,
        content,
    }))
}

fn parse_mode(text: &str) -> Option<Mode> {
    let digits = text.trim_start_matches(['~', ':']);
    let prefix = &text[..text.len() - digits.len()];
    let bits = u16::from_str_radix(digits, 8).ok().filter(|&bits| bits <= 0o7777)?;
    Some(Mode { bits, only_new: prefix.contains(':'), masked: prefix.contains('~') })
}

/// Applies a line. Returns `false` if lines of this type are not supported.
fn carry_out(tree: &mut Tree, line: &Line) -> Result<bool, TreeError> {
    let path = line.path.as_bytes();
    let replace = line.modifiers.contains('+');
    match line.kind {
        'f' | 'F' => {
            let there = tree.resolve(path);
            let content = Content::from(&line.content[..]);
            let id = match there {
                Some(id) if !replace && line.kind == 'f' => id,
                _ => tree.write(path, content, 0o644)?,
            };
            own(tree, id, line, there.is_none());
        }
        'w' => {
            for found in glob(tree, path) {
                let mut bytes = if replace { super::steps::read(tree, &found)? } else { Vec::new() };
                bytes.extend(&line.content);
                tree.write(&found, Content::from(bytes), 0o644)?;
            }
        }
        'd' | 'D' | 'v' | 'q' | 'Q' => {
            let new = tree.resolve(path).is_none();
            let id = tree.create_directories(path)?;
            own(tree, id, line, new);
        }
        'e' => {
            for id in glob(tree, path).iter().filter_map(|found| tree.lookup(found)).collect::<Vec<_>>() {
                if tree.node(id).is_directory() {
                    own(tree, id, line, false);
                }
            }
        }
        'z' => {
            for id in glob(tree, path).iter().filter_map(|found| tree.lookup(found)).collect::<Vec<_>>() {
                own(tree, id, line, false);
            }
        }
        'Z' => {
            for found in glob(tree, path) {
                own_all(tree, &found, line);
            }
        }
        'L' => link(tree, line)?,
        'C' => copy(tree, line)?,
        'p' => {
            if tree.lookup(path).is_none() || replace {
                let id = insert(tree, path, Node::new(NodeKind::Fifo, 0o644))?;
                own(tree, id, line, true);
            }
        }
        // Other calls of the program remove and clean.
        'r' | 'R' | 'x' | 'X' => {}
        _ => return Ok(false),
    }
    Ok(true)
}

fn link(tree: &mut Tree, line: &Line) -> Result<(), TreeError> {
    let path = line.path.as_bytes();
    let target = factory(line);
    let seen = join(split(path).0, target.as_bytes());
    if line.modifiers.contains('?') && tree.resolve(&seen).is_none() {
        return Ok(());
    }
    match tree.lookup(path) {
        Some(_) if !line.modifiers.contains('+') => return Ok(()),
        Some(id) if tree.node(id).is_directory() => {
            tree.remove(path);
        }
        _ => {}
    }
    insert(tree, path, Node::symlink(target.as_bytes())).map(drop)
}

/// Copies a file, a link or a directory with its content, unless the target exists.
fn copy(tree: &mut Tree, line: &Line) -> Result<(), TreeError> {
    let (from, to) = (factory(line), line.path.as_bytes());
    let Some(source) = tree.resolve(from.as_bytes()) else { return Ok(()) };
    let in_the_way = tree.lookup(to).is_some_and(|id| match &tree.node(id).kind {
        NodeKind::Directory(names) => !names.is_empty() && !line.modifiers.contains('+'),
        _ => true,
    });
    if !in_the_way {
        copy_all(tree, source, to)?;
    }
    if let Some(id) = tree.lookup(to) {
        own(tree, id, line, !in_the_way);
    }
    Ok(())
}

fn copy_all(tree: &mut Tree, source: NodeId, to: &[u8]) -> Result<(), TreeError> {
    // Owners, mode and time are copied from the source.
    let mut node = tree.node(source).clone();
    node.package = None;
    let NodeKind::Directory(names) = &node.kind else {
        return if tree.lookup(to).is_some() { Ok(()) } else { insert(tree, to, node).map(drop) };
    };
    let names: Vec<(Vec<u8>, NodeId)> = names.entries().map(|(name, id)| (name.to_vec(), id)).collect();
    if tree.lookup(to).is_none() {
        let id = tree.create_directories(to)?;
        tree.node_mut(id).metadata = node.metadata;
    }
    for (name, id) in names {
        copy_all(tree, id, &[to, b"/", &name].concat())?;
    }
    Ok(())
}

/// Returns the source of a link or copy, or the default if the line has none.
fn factory(line: &Line) -> String {
    line.argument.clone().unwrap_or_else(|| format!("/usr/share/factory{}", line.path))
}

fn own(tree: &mut Tree, id: NodeId, line: &Line, new: bool) {
    let node = tree.node_mut(id);
    if let Some(mode) = line.mode.filter(|mode| new || !mode.only_new) {
        let mut bits = mode.bits;
        if mode.masked {
            let old = node.metadata.mode;
            // Permissions (read, write, execute) that nobody has now are not added. Set-id bits
            // stay only on directories.
            for class in [0o444, 0o222, 0o111] {
                bits &= if old & class == 0 { !class } else { !0 };
            }
            bits &= if node.is_directory() { !0 } else { 0o777 };
        }
        if !matches!(node.kind, NodeKind::Symlink(_)) {
            node.metadata.mode = bits;
        }
    }
    if let Some(user) = line.user.as_ref().filter(|given| new || !given.only_new) {
        node.metadata.user = user.owner.clone();
    }
    if let Some(group) = line.group.as_ref().filter(|given| new || !given.only_new) {
        node.metadata.group = group.owner.clone();
    }
}

fn own_all(tree: &mut Tree, path: &[u8], line: &Line) {
    let Some(id) = tree.lookup(path) else { return };
    own(tree, id, line, false);
    if let NodeKind::Directory(names) = &tree.node(id).kind {
        let names: Vec<Vec<u8>> = names.entries().map(|(name, _)| [path, b"/", name].concat()).collect();
        for path in names {
            own_all(tree, &path, line);
        }
    }
}

/// Decodes C escapes in an argument. Returns `None` for an invalid escape.
fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let [c, after @ ..] = rest {
        rest = after;
        if *c != b'\\' {
            out.push(*c);
            continue;
        }
        let (byte, length) = match rest.first()? {
            b'a' => (7, 1),
            b'b' => (8, 1),
            b't' => (b'\t', 1),
            b'n' => (b'\n', 1),
            b'v' => (11, 1),
            b'f' => (12, 1),
            b'r' => (b'\r', 1),
            b's' => (b' ', 1),
            c @ (b'\\' | b'"' | b'\'') => (*c, 1),
            b'x' => (number(rest.get(1..3)?, 16)?, 3),
            _ => (number(rest.get(..3)?, 8)?, 3),
        };
        out.push(byte);
        rest = &rest[length..];
    }
    Some(out)
}

fn number(digits: &[u8], radix: u32) -> Option<u8> {
    u8::from_str_radix(std::str::from_utf8(digits).ok()?, radix).ok()
}

#[cfg(test)]
mod tests;
