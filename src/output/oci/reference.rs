//! The place of an image, to read or to write: `DIR[:TAG]`.

use std::path::{Path, PathBuf};
use std::str::FromStr;

/// A layout, and a tag in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The layout's directory.
    pub directory: PathBuf,
    /// The tag, if one is given.
    pub tag: Option<String>,
}

impl FromStr for Reference {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let whole = || Self { directory: text.into(), tag: None };
        if text.is_empty() {
            return Err("expected DIR or DIR:TAG".to_owned());
        }
        // A colon within the path, or in the name of an existing directory, is part of the path.
        let Some((directory, tag)) = text.rsplit_once(':').filter(|(directory, tag)| !directory.is_empty() && !tag.contains('/'))
        else {
            return Ok(whole());
        };
        if Path::new(text).is_dir() {
            return Ok(whole());
        }
        if !is_tag(tag) {
            return Err(format!("`{tag}` is not a possible tag: letters, digits, `_`, `.` and `-`, at most 128"));
        }
        Ok(Self { directory: directory.into(), tag: Some(tag.to_owned()) })
    }
}

/// Reports whether a text is a valid tag (distribution-spec: `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`).
pub fn is_tag(text: &str) -> bool {
    let bytes = text.as_bytes();
    let inner = |&byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    (1..=128).contains(&bytes.len()) && bytes.iter().all(inner) && !matches!(bytes.first(), Some(b'.' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_and_tags() {
        let read = |text: &str| text.parse::<Reference>().map(|found| (found.directory.display().to_string(), found.tag));
        assert_eq!(read("out"), Ok(("out".to_owned(), None)));
        assert_eq!(read("a/b:9.8-20260902"), Ok(("a/b".to_owned(), Some("9.8-20260902".to_owned()))));
        assert_eq!(read("a:b/c"), Ok(("a:b/c".to_owned(), None)));
        for wrong in ["", "a:", "a:-x", "a:b c", "a:ä"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        assert!(!is_tag(&"a".repeat(129)));
    }
}
