//! What the installed database says, in the terms that all ecosystems share.

use std::sync::Arc;

use super::{Acl, InstalledPackage};
use crate::package::{Fate, FileFacts, PackageFacts};

impl InstalledPackage {
    /// Its facts. The database tells neither sizes nor types nor times of files, and owners by number.
    pub fn facts(&self) -> PackageFacts {
        let text = |letter| Some(self.field(letter)).filter(|text| !text.is_empty()).map(str::to_owned);
        PackageFacts {
            id: format!("{}-{}", self.name(), self.version()),
            name: self.name().to_owned(),
            epoch: None,
            version: self.version().to_owned(),
            release: None,
            arch: text(b'A'),
            summary: text(b'T'),
            description: None,
            license: text(b'L'),
            vendor: text(b'm'),
            url: text(b'U'),
            source: text(b'o'),
            build_time: self.field(b't').parse().ok(),
            install_time: None,
            installed_size: self.field(b'I').parse().unwrap_or(0),
            signatures: Vec::new(),
            files: self.file_facts(),
        }
    }

    /// Directories and files, in the order of the database.
    fn file_facts(&self) -> Vec<FileFacts> {
        let mut facts = Vec::new();
        for directory in &self.directories {
            if !directory.path.is_empty() {
                facts.push(fact(&directory.path, 0o040_000, 0o755, directory.acl.as_ref(), None));
            }
            for file in &directory.files {
                let path =
                    if directory.path.is_empty() { file.name.clone() } else { format!("{}/{}", directory.path, file.name) };
                facts.push(fact(&path, 0o100_000, 0o644, file.acl.as_ref(), file.digest.as_ref()));
            }
        }
        facts
    }
}

fn fact(path: &str, kind: u16, usual: u16, acl: Option<&Acl>, digest: Option<&crate::digest::Digest>) -> FileFacts {
    let name = |id: u32| -> Arc<str> { if id == 0 { "root".into() } else { id.to_string().into() } };
    FileFacts {
        path: format!("/{path}").into_bytes().into_boxed_slice(),
        mode: kind | acl.map_or(usual, |acl| acl.mode & 0o7777),
        user: name(acl.map_or(0, |acl| acl.uid)),
        group: name(acl.map_or(0, |acl| acl.gid)),
        mtime: None,
        size: None,
        digest: digest.cloned(),
        link_target: Box::default(),
        capabilities: None,
        flags: Vec::new(),
        fate: Some(Fate::Installed),
    }
}
