//! The facts about an installed package, in the terms that all ecosystems share.

use std::sync::Arc;

use super::record::{Acl, Record};
use crate::digest::Digest;
use crate::package::{Fate, FileFacts, PackageFacts};

impl Record {
    /// Returns the facts about the package. The database has no sizes, types and times of files,
    /// and stores owners as numbers.
    pub fn facts(&self) -> PackageFacts {
        PackageFacts { files: self.file_facts(), ..self.info.facts() }
    }

    /// Lists directories and files, in the order of the database.
    fn file_facts(&self) -> Vec<FileFacts> {
        let mut facts = Vec::new();
        for directory in &self.directories {
            let path = &directory.path;
            if !path.is_empty() {
                facts.push(fact([b"/", &path[..]].concat(), 0o040_000, &directory.acl, None));
            }
            for file in &directory.files {
                let slash: &[u8] = if path.is_empty() { b"" } else { b"/" };
                facts.push(fact([b"/", &path[..], slash, &file.name].concat(), 0o100_000, &file.acl, file.checksum.as_ref()));
            }
        }
        facts
    }
}

fn fact(path: Vec<u8>, kind: u16, acl: &Acl, digest: Option<&Digest>) -> FileFacts {
    let name = |id: u32| -> Arc<str> { if id == 0 { "root".into() } else { id.to_string().into() } };
    FileFacts {
        path: path.into_boxed_slice(),
        mode: kind | acl.mode & 0o7777,
        user: name(acl.uid),
        group: name(acl.gid),
        mtime: None,
        size: None,
        digest: digest.cloned(),
        link_target: Box::default(),
        capabilities: None,
        flags: Vec::new(),
        fate: Some(Fate::Installed),
        device: None,
        unverified: Vec::new(),
    }
}
