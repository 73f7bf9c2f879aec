//! Differences between a finished tree and its packages that result from the finishing steps of an
//! image.
//!
//! In: the steps, the finished tree, and a file that differs from its package. Out: whether the
//! steps explain the difference. The tree is not built again. If a step adds to a file, the added
//! part is removed, and the rest must have the digest that the package records. So a change by
//! anybody else remains a difference, even if a step changes the same file.

use super::accounts::{GROUP, GSHADOW, PASSWD, SHADOW, numbers};
use super::repositories;
use super::steps::{absolute, links, path_matches, replaced};
use crate::catalog::{Content, Existing, Step};
use crate::digest::Digest;
use crate::package::{FileAspect, Owner};
use crate::tree::{Node, NodeKind, Tree, split};

/// Maximum number of earlier states of a file that are considered. [`LARGEST`] is the maximum size
/// of the file in bytes.
const MOST_STATES: usize = 64;
const LARGEST: u64 = 1 << 20;

/// A file that differs from its package.
#[derive(Clone, Copy, Debug)]
pub struct Difference<'a> {
    /// The path from the root.
    pub path: &'a [u8],
    /// The aspects that differ; `None` for a missing file.
    pub aspects: Option<&'a [FileAspect]>,
    /// Digest of the content in the package.
    pub digest: Option<&'a Digest>,
}

/// Reports whether these finishing steps, applied in this order, produce the file as it is in the
/// tree.
pub fn accounts_for(steps: &[Step], tree: &Tree, difference: &Difference<'_>) -> bool {
    let Some(aspects) = difference.aspects else { return is_removed(steps, difference.path) };
    let Some(node) = tree.lookup(difference.path).map(|id| tree.node(id)) else { return false };
    if let NodeKind::Symlink(target) = &node.kind {
        return steps.iter().flat_map(links).any(|(path, to)| absolute(&path) == difference.path && to.as_bytes() == &**target);
    }
    aspects.iter().all(|aspect| match aspect {
        FileAspect::Mode => has_mode(steps, difference.path, node),
        FileAspect::User | FileAspect::Group => has_owner(steps, difference.path, *aspect, tree, node),
        FileAspect::Size | FileAspect::Content | FileAspect::Mtime => has_content(steps, tree, difference),
        FileAspect::Device | FileAspect::Target | FileAspect::Capabilities => false,
    })
}

fn is_removed(steps: &[Step], path: &[u8]) -> bool {
    let relative = path.strip_prefix(b"/").unwrap_or(path);
    let names = relative.split(|&c| c == b'/').count();
    let removes = |pattern: &String| {
        let depth = pattern.split('/').count();
        let top: Vec<&[u8]> = relative.split(|&c| c == b'/').take(depth).collect();
        depth <= names && path_matches(pattern.as_bytes(), &top.join(&b'/'))
    };
    steps.iter().any(|step| matches!(step, Step::Remove(patterns) if patterns.iter().any(removes)))
}

fn has_mode(steps: &[Step], path: &[u8], node: &Node) -> bool {
    let gives = |step: &Step| match step {
        Step::Write(write) if absolute(&write.path) == path => Some(write.mode.unwrap_or(0o644)),
        Step::Directory(directory) if absolute(&directory.path) == path => Some(directory.mode.unwrap_or(0o755)),
        Step::FilesFrom(from) => from.mode.filter(|_| is_gathered(from, path)),
        _ => None,
    };
    steps.iter().rev().find_map(gives) == Some(u32::from(node.metadata.mode))
}

fn is_gathered(from: &crate::catalog::FilesFrom, path: &[u8]) -> bool {
    let Some(into) = &from.into else { return false };
    let (directory, name) = split(path);
    let last = |pattern: &String| pattern.rsplit('/').next().map(str::to_owned).unwrap_or_default();
    directory == absolute(into) && from.files.iter().any(|pattern| path_matches(last(pattern).as_bytes(), name))
}

fn has_owner(steps: &[Step], path: &[u8], aspect: FileAspect, tree: &Tree, node: &Node) -> bool {
    let (found, names) = match aspect {
        FileAspect::User => (&node.metadata.user, PASSWD),
        _ => (&node.metadata.group, GROUP),
    };
    let gives = |step: &Step| match step {
        Step::Write(write) if absolute(&write.path) == path => Some(Owner::ROOT),
        Step::Directory(directory) if absolute(&directory.path) == path => {
            let name = if aspect == FileAspect::User { &directory.owner } else { &directory.group };
            Some(name.as_deref().map_or(Owner::ROOT, Owner::named))
        }
        Step::FilesFrom(from) if is_gathered(from, path) => Some(Owner::ROOT),
        _ => None,
    };
    let number = |owner: &Owner| match owner {
        Owner::Id(id) => Some(*id),
        Owner::Name(name) => numbers(tree, names).get(name).copied(),
    };
    steps.iter().rev().find_map(gives).is_some_and(|given| number(&given) == number(found))
}

/// Reports whether the steps turn the package's content into the content in the tree.
fn has_content(steps: &[Step], tree: &Tree, difference: &Difference<'_>) -> bool {
    let Some(content) = contents(tree, difference.path) else { return false };
    let mut states = vec![content];
    let mut is_touched = false;
    for step in steps.iter().rev() {
        let mut earlier = Vec::new();
        for state in &states {
            match before(step, tree, difference.path, state) {
                Before::Untouched => {}
                Before::Anything => return true,
                Before::States(found) => {
                    is_touched = true;
                    earlier.extend(found);
                }
            }
        }
        states.extend(earlier);
        states.truncate(MOST_STATES);
    }
    let is_packaged = |state: &Vec<u8>| difference.digest.is_some_and(|digest| Digest::of(digest.algorithm(), state) == *digest);
    is_touched && states.iter().any(is_packaged)
}

/// The content of a file before a step, given the content after it.
enum Before {
    /// The step does not affect the file.
    Untouched,
    /// The step replaces the whole content, so the earlier content is unknown.
    Anything,
    /// The step changes the content. If the step had nothing to do, the content after it is an
    /// earlier state too.
    States(Vec<Vec<u8>>),
}

fn before(step: &Step, tree: &Tree, path: &[u8], after: &[u8]) -> Before {
    let without_line = |is_added: &dyn Fn(&str) -> bool| {
        let text = String::from_utf8_lossy(after);
        let lines: Vec<&str> = text.lines().collect();
        let Some(at) = lines.iter().rposition(|line| is_added(line)) else { return Before::States(Vec::new()) };
        let kept = lines.iter().enumerate().filter(|(place, _)| *place != at).map(|(_, line)| format!("{line}\n"));
        let kept: String = kept.collect();
        // The file may have lacked a final line end before the step.
        let unended = kept.trim_end_matches('\n').to_owned();
        Before::States(vec![kept.into_bytes(), unended.into_bytes()])
    };
    match step {
        Step::Write(write) if absolute(&write.path) == path => match write.existing {
            Existing::Replace if is_rendered(&write.content, after) => Before::Anything,
            Existing::Keep | Existing::Replace => Before::Untouched,
            Existing::Append => {
                let rendered = write.content.render(0);
                let (start, end) = after.split_at(after.len().saturating_sub(rendered.len()));
                let states = if is_rendered(&write.content, end) { vec![start.to_vec()] } else { Vec::new() };
                Before::States(states)
            }
        },
        Step::Copy(copy) if absolute(&copy.to) == path => {
            Before::States(contents(tree, &absolute(&copy.from)).into_iter().collect())
        }
        Step::Group(group) if path == GROUP.as_bytes() || path == GSHADOW.as_bytes() => {
            let (name, gid, password) = (&group.name, group.gid, &group.password);
            let lines = [format!("{name}:x:{gid}:"), format!("{name}:{password}:{gid}:"), format!("{name}:{password}::")];
            without_line(&|line| lines.iter().any(|added| added == line))
        }
        Step::User(user) if path == PASSWD.as_bytes() => {
            let crate::catalog::User { name, uid, gid, gecos, home, shell, password } = user;
            let lines = ["x", password].map(|field| format!("{name}:{field}:{uid}:{gid}:{gecos}:{home}:{shell}"));
            without_line(&|line| lines.iter().any(|added| added == line))
        }
        Step::User(user) if path == SHADOW.as_bytes() => {
            let start = format!("{}:{}:", user.name, user.password);
            let is_day = |day: &str| !day.is_empty() && day.bytes().all(|c| c.is_ascii_digit());
            without_line(&|line| line.strip_prefix(&start).and_then(|rest| rest.strip_suffix("::::::")).is_some_and(is_day))
        }
        Step::LockPasswords(users) if path == SHADOW.as_bytes() => {
            let text = String::from_utf8_lossy(after);
            let open = |line: &str| {
                let (name, rest) = line.split_once(":*:")?;
                users.iter().any(|user| user == name).then(|| format!("{name}::{rest}"))
            };
            let lines = text.lines().map(|line| open(line).unwrap_or_else(|| line.to_owned()) + "\n");
            let opened: String = lines.collect();
            let unended = opened.trim_end_matches('\n').to_owned();
            Before::States(vec![opened.into_bytes(), unended.into_bytes()])
        }
        Step::Replace(replace) if path_matches(replace.files.as_bytes(), path.strip_prefix(b"/").unwrap_or(path)) => {
            Before::States(replaced(after, replace.to.as_bytes(), replace.from.as_bytes()).into_iter().collect())
        }
        Step::EnableRepositories(enable) if path_matches(enable.files.as_bytes(), path.strip_prefix(b"/").unwrap_or(path)) => {
            let text = std::str::from_utf8(after).ok();
            Before::States(text.map(|text| repositories::disabled(text, &enable.ids).into_bytes()).into_iter().collect())
        }
        _ => Before::Untouched,
    }
}

/// Reports whether a file has the content that a step writes. The build time is not recorded, so
/// any time in the step's format matches.
fn is_rendered(content: &Content, found: &[u8]) -> bool {
    let rendered = content.render(0);
    let fits = |(expected, found): (&u8, &u8)| expected == found || expected.is_ascii_digit() && found.is_ascii_digit();
    match content {
        Content::Date(_) => rendered.len() == found.len() && rendered.iter().zip(found).all(fits),
        _ => rendered == found,
    }
}

fn contents(tree: &Tree, path: &[u8]) -> Option<Vec<u8>> {
    let content = tree.node(tree.lookup(path)?).content()?;
    if content.len() > LARGEST {
        return None;
    }
    content.bytes().ok().map(std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Algorithm;
    use crate::finish::steps::apply;
    use crate::package::Content as Bytes;

    const PACKAGED: [(&str, &str, u16); 7] = [
        ("/etc/shadow", "root:::0:::::\nbin:!:1::::::\n", 0o640),
        ("/etc/passwd", "root:x:0:0::/root:/bin/sh\n", 0o644),
        ("/etc/group", "root:x:0:\nwheel:x:10:root\n", 0o644),
        ("/etc/a.repo", "mirrorlist=x\n# baseurl=$basearch\n", 0o644),
        ("/etc/profile", "umask 022\n", 0o644),
        ("/etc/motd", "hello\n", 0o600),
        ("/usr/bin/bash", "\x7fELF", 0o755),
    ];

    fn packaged() -> Tree {
        let mut tree = Tree::new();
        for (path, text, mode) in PACKAGED {
            tree.write(path.as_bytes(), Bytes::from(text.as_bytes()), mode).unwrap();
        }
        for path in ["/boot/efi", "/usr/share/locale/en_GB/x", "/proc"] {
            tree.create_directories(path.as_bytes()).unwrap();
        }
        tree
    }

    #[derive(serde::Deserialize)]
    struct File {
        steps: Vec<Step>,
    }

    fn steps() -> Vec<Step> {
        let text = r##"
            steps = [
                { lock_passwords = ["root"] },
                { group = { name = "oom", gid = 995 } },
                { user = { name = "oom", uid = 995, gid = 995, home = "/", shell = "/bin/false", password = "!!" } },
                { replace = { files = "etc/*.repo", from = "mirrorlist=", to = "# mirrorlist=" } },
                { replace = { files = "etc/*.repo", from = "# baseurl=", to = "baseurl=" } },
                { replace = { files = "etc/*.repo", from = "$basearch", to = "i686" } },
                { write = { path = "etc/profile", content = "export A=1\n", existing = "append" } },
                { write = { path = "etc/motd", date = "%Y%m%d", mode = 0o640 } },
                { remove = ["boot", "usr/share/locale/en*"] },
                { directory = { path = "proc", mode = 0o555 } },
                { mask_units = ["getty.target"] },
            ]"##;
        toml::from_str::<File>(text).unwrap().steps
    }

    fn finished() -> Tree {
        let mut tree = packaged();
        apply(&mut tree, &steps(), 1_700_000_000, &|_| None).unwrap();
        tree
    }

    fn is_known(tree: &Tree, path: &str, aspects: Option<&[FileAspect]>) -> bool {
        let text = PACKAGED.iter().find(|(packaged, ..)| *packaged == path).map(|(_, text, _)| *text);
        let digest = text.map(|text| Digest::of(Algorithm::Sha256, text.as_bytes()));
        accounts_for(&steps(), tree, &Difference { path: path.as_bytes(), aspects, digest: digest.as_ref() })
    }

    const CONTENT: Option<&[FileAspect]> = Some(&[FileAspect::Size, FileAspect::Content, FileAspect::Mtime]);

    #[test]
    fn what_the_steps_changed_is_known() {
        let tree = finished();
        for path in ["/etc/shadow", "/etc/passwd", "/etc/group", "/etc/a.repo", "/etc/profile", "/etc/motd"] {
            assert!(is_known(&tree, path, CONTENT), "{path}: {}", tree.read_text(path.as_bytes()));
        }
        for path in ["/boot", "/boot/efi", "/usr/share/locale/en_GB/x"] {
            assert!(is_known(&tree, path, None), "{path}");
        }
        let mode = Some(&[FileAspect::Mode][..]);
        assert!(is_known(&tree, "/proc", mode) && is_known(&tree, "/etc/motd", mode));
        let unit = "/etc/systemd/system/getty.target";
        assert!(is_known(&tree, unit, Some(&[FileAspect::Target])));
    }

    #[test]
    fn what_somebody_else_changed_is_not() {
        for path in ["/etc/shadow", "/etc/passwd", "/etc/group", "/etc/a.repo", "/etc/profile", "/etc/motd", "/usr/bin/bash"] {
            let mut tree = finished();
            let text = tree.read_text(path.as_bytes()) + "evil\n";
            tree.write(path.as_bytes(), Bytes::from(text.into_bytes()), 0o644).unwrap();
            assert!(!is_known(&tree, path, CONTENT), "{path}");
        }
        let mut tree = finished();
        for path in ["/usr/bin/bash", "/usr/share/locale", "/usr/share/locale/de", "/bootx"] {
            assert!(!is_known(&tree, path, None), "{path}");
        }
        for path in ["/proc", "/etc/motd", "/etc/shadow"] {
            let id = tree.lookup(path.as_bytes()).unwrap();
            tree.node_mut(id).metadata.mode = 0o777;
            assert!(!is_known(&tree, path, Some(&[FileAspect::Mode])), "{path}");
        }
        let id = tree.lookup(b"/etc/motd").unwrap();
        tree.node_mut(id).metadata.user = Owner::Id(7);
        assert!(!is_known(&tree, "/etc/motd", Some(&[FileAspect::User])));
        assert!(!is_known(&tree, "/etc/motd", Some(&[FileAspect::Capabilities])));
    }
}
