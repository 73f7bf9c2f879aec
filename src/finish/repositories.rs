//! `dnf config-manager --enable` on the repository files of a root.
//!
//! libdnf's `ConfigParser` preserves everything that it does not change: spaces, comments, order. A
//! value is replaced in its line. An option that a section lacks is added at the end of the
//! section, after its comments and empty lines.

use super::glob::glob;
use super::steps::read;
use crate::catalog::EnableRepositories;
use crate::package::Content;
use crate::tree::{NodeKind, Tree, TreeError};

/// Enables repositories in every file that has a section with one of the names.
pub(super) fn enable(tree: &mut Tree, step: &EnableRepositories) -> Result<(), TreeError> {
    for path in glob(tree, step.files.as_bytes()) {
        let is_file = tree.lookup(&path).is_some_and(|id| matches!(tree.node(id).kind, NodeKind::File(_)));
        if !is_file {
            continue;
        }
        // Repository names can be in any encoding.
        let bytes = read(tree, &path)?;
        let Ok(text) = std::str::from_utf8(&bytes) else { continue };
        let changed = step.ids.iter().fold(text.to_owned(), |text, id| enabled(&text, id));
        if changed != text {
            tree.write(&path, Content::from(changed.into_bytes()), 0o644)?;
        }
    }
    Ok(())
}

/// Returns the text with `enabled` set to 1 in the named section.
fn enabled(text: &str, id: &str) -> String {
    with_switch(text, id, "1")
}

/// Returns the text before the step, on the assumption that every section had the option and it was
/// off.
pub(super) fn disabled(text: &str, ids: &[String]) -> String {
    ids.iter().fold(text.to_owned(), |text, id| with_switch(&text, id, "0"))
}

/// Returns the text with the given value of `enabled` in the named section.
fn with_switch(text: &str, id: &str, switch: &str) -> String {
    let mut out = String::with_capacity(text.len() + 12);
    // True inside the section, and true while the section still lacks the option.
    let (mut within, mut lacks) = (false, false);
    let end = |out: &mut String, lacks: &mut bool| {
        if std::mem::take(lacks) {
            if !out.is_empty() && !out.ends_with('\n') {
                out.push('\n');
            }
            out.extend(["enabled=", switch, "\n"]);
        }
    };
    for line in text.split_inclusive('\n') {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.split_once(']')).map(|(name, _)| name) {
            end(&mut out, &mut lacks);
            within = name == id;
            lacks = within;
        }
        let option = line.split_once('=').filter(|(key, _)| within && key.trim_end() == "enabled");
        match option {
            Some((key, value)) => {
                lacks = false;
                let space = &value[..value.len() - value.trim_start_matches([' ', '\t']).len()];
                let line_end = if line.ends_with('\n') { "\n" } else { "" };
                out.extend([key, "=", space, switch, line_end]);
            }
            None => out.push_str(line),
        }
    }
    end(&mut out, &mut lacks);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expects the output of `dnf config-manager --enable crb none last` (dnf 4.14) for the same
    /// file.
    #[test]
    fn a_file_is_changed_as_dnf_changes_it() {
        let before = "[crb]\nname=CRB\n# baseurl=https://x\nenabled = 0\ngpgcheck=1\n\n[crb-debuginfo]\nenabled=0\n\n\
                      [none]\nname=n\n\n# trailing comment\n[last]\nname=l\n";
        let after = "[crb]\nname=CRB\n# baseurl=https://x\nenabled = 1\ngpgcheck=1\n\n[crb-debuginfo]\nenabled=0\n\n\
                     [none]\nname=n\n\n# trailing comment\nenabled=1\n[last]\nname=l\nenabled=1\n";
        let changed = ["crb", "none", "last"].iter().fold(before.to_owned(), |text, id| enabled(&text, id));
        assert_eq!(changed, after);
        assert_eq!(enabled(after, "other"), after);
        assert_eq!(disabled("[crb]\nenabled = 1\n[x]\nenabled=1\n", &["crb".to_owned()]), "[crb]\nenabled = 0\n[x]\nenabled=1\n");
        assert_eq!(enabled("[a]\nname=x", "a"), "[a]\nname=x\nenabled=1\n");
    }

    #[test]
    fn every_file_that_matches_is_looked_at() {
        let mut tree = Tree::new();
        for (name, text) in
            [("one.repo", "[crb]\nenabled=0\n"), ("two.repo", "[x]\nenabled=0\n"), ("three.txt", "[crb]\nenabled=0\n")]
        {
            tree.write(format!("etc/yum.repos.d/{name}").as_bytes(), Content::from(text.as_bytes()), 0o600).unwrap();
        }
        let step = EnableRepositories { files: "etc/yum.repos.d/*.repo".to_owned(), ids: vec!["crb".to_owned()] };
        enable(&mut tree, &step).unwrap();
        let text = |name: &str| tree.read_text(format!("etc/yum.repos.d/{name}").as_bytes());
        assert_eq!(text("one.repo"), "[crb]\nenabled=1\n");
        assert_eq!(text("two.repo"), "[x]\nenabled=0\n");
        assert_eq!(text("three.txt"), "[crb]\nenabled=0\n");
    }
}
