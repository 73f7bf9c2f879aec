//! A lock as text.
//!
//! The code writes TOML without a library: one key per line, one name of a list per line, empty
//! lines between tables. A TOML library chooses its own line breaks, but a diff is reviewed line by
//! line.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Lock, LockedArchitecture, LockedImage, LockedKey, LockedPackage, LockedRepository, LockedRequest, VERSION};
use crate::catalog::{Langs, NamingForm};

const HEAD: &str = "\
# The packages of an image, to the byte. `rootstrap lock` wrote this, `rootstrap --lock FILE` builds from it.
# To take what the repositories have now: `rootstrap lock --upgrade [PACKAGE]`.
";

impl Lock {
    /// Returns the text of the lock file. The same lock always gives the same text.
    pub fn to_toml(&self) -> String {
        let mut out = Out(HEAD.to_owned());
        out.number("version", u64::from(VERSION));
        out.request(&self.request);
        for architecture in &self.architectures {
            out.architecture(architecture);
        }
        out.0
    }
}

struct Out(String);

impl Out {
    fn table(&mut self, name: &str) {
        self.0 += &format!("\n{name}\n");
    }

    fn text(&mut self, key: &str, value: &str) {
        self.0 += &format!("{key} = {}\n", quoted(value));
    }

    fn text_if(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(key, value);
        }
    }

    fn number(&mut self, key: &str, value: u64) {
        self.0 += &format!("{key} = {value}\n");
    }

    fn flag_if(&mut self, key: &str, value: Option<bool>) {
        if let Some(value) = value {
            self.0 += &format!("{key} = {value}\n");
        }
    }

    /// Writes one element per line, or nothing for an empty list.
    fn list(&mut self, key: &str, values: &[String]) {
        if !values.is_empty() {
            self.0 += &format!("{key} = [\n");
            for value in values {
                self.0 += &format!("    {},\n", quoted(value));
            }
            self.0 += "]\n";
        }
    }

    fn langs(&mut self, langs: &Langs) {
        match langs {
            Langs::All => self.text("langs", "all"),
            Langs::Only(langs) if langs.is_empty() => self.0 += "langs = []\n",
            Langs::Only(langs) => self.list("langs", langs),
        }
    }

    fn request(&mut self, request: &LockedRequest) {
        self.table("[request]");
        self.text_if("distro", request.distro.as_deref());
        self.text_if("release", request.release.as_deref());
        self.text_if("variant", request.variant.as_deref());
        self.text_if("type", request.kind.as_deref());
        self.list("mirrors", &request.mirrors);
        self.list("repositories", &request.repositories);
        self.list("catalogs", &request.catalogs);
        self.list("with", &request.with);
        self.list("without", &request.without);
        self.list("exclude", &request.exclude);
        self.flag_if("best", request.best);
        self.flag_if("weak_deps", request.weak_deps);
        self.flag_if("docs", request.docs);
        self.text_if("langs", request.langs.as_deref());
        self.flag_if("modules", request.modules);
        self.list("enable_modules", &request.enable_modules);
        self.text_if("module_platform", request.module_platform.as_deref());
        self.flag_if("allow_unsigned", request.allow_unsigned.then_some(true));
        self.flag_if("allow_weak_checksums", request.allow_weak_checksums.then_some(true));
        for key in &request.key {
            self.key(key);
        }
    }

    /// Writes a text key as it is, so that a reader can compare it with another copy.
    fn key(&mut self, key: &LockedKey) {
        self.table("[[request.key]]");
        self.text_if("repository", key.repository.as_deref());
        self.text("name", &key.name);
        let plain = |text: &&str| text.chars().all(|c| c == '\n' || !c.is_control());
        match std::str::from_utf8(&key.data).ok().filter(plain) {
            Some(text) => {
                let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
                self.0 += &format!("text = \"\"\"\n{escaped}\"\"\"\n");
            }
            None => self.text("base64", &STANDARD.encode(&key.data)),
        }
    }

    fn architecture(&mut self, architecture: &LockedArchitecture) {
        self.table("[[architecture]]");
        self.text("name", &architecture.name);
        self.flag_if("docs", Some(architecture.docs));
        self.langs(&architecture.langs);
        self.list("world", &architecture.world);
        self.list("order", &architecture.order);
        if let Some(image) = &architecture.image {
            self.image(image);
        }
        for repository in &architecture.repositories {
            self.repository(repository);
        }
        for package in &architecture.packages {
            self.package(package);
        }
    }

    fn image(&mut self, image: &LockedImage) {
        let LockedImage { config, naming, finishing, database } = image;
        self.table("[architecture.image]");
        self.list("cmd", &config.cmd);
        self.list("entrypoint", &config.entrypoint);
        self.list("env", &config.env);
        self.text_if("stop_signal", config.stop_signal.as_deref());
        if let Some(database) = database {
            self.0 += &format!("database = {}\n", inline(&json!(database)));
        }
        if !finishing.is_empty() {
            self.0 += "finishing = [\n";
            for step in finishing {
                self.0 += &format!("    {},\n", inline(&json!(step)));
            }
            self.0 += "]\n";
        }
        self.map("[architecture.image.labels]", &config.labels);
        let NamingForm { tags, labels, known, schemes } = naming.into();
        if !tags.is_empty() {
            self.table("[architecture.image.naming]");
            self.list("tags", &tags);
        }
        self.map("[architecture.image.naming.labels]", &labels);
        self.map("[architecture.image.naming.known]", &known);
        for (name, scheme) in &schemes {
            self.table(&format!("[architecture.image.naming.schemes.{}]", quoted(name)));
            self.text("repository", &scheme.repository);
            self.0 += &format!("tags = {}\n", inline(&json!(scheme.tags)));
        }
    }

    /// Writes a table of texts, or nothing for an empty table.
    fn map(&mut self, name: &str, values: &BTreeMap<String, String>) {
        if !values.is_empty() {
            self.table(name);
            for (key, value) in values {
                self.text(&quoted(key), value);
            }
        }
    }

    fn repository(&mut self, repository: &LockedRepository) {
        self.table("[[architecture.repository]]");
        self.text("name", &repository.name);
        self.0 += &format!("priority = {}\n", repository.priority);
        self.text_if("tag", repository.tag.as_deref());
        self.text_if("revision", repository.revision.as_deref());
        self.text("metadata", &repository.metadata.to_string());
    }

    fn package(&mut self, package: &LockedPackage) {
        self.table("[[architecture.package]]");
        self.text("id", &package.id);
        self.text("name", &package.name);
        self.text("version", &package.version);
        self.text("arch", &package.arch);
        self.text_if("source", Some(package.source.as_str()).filter(|source| !source.is_empty()));
        self.text("repository", &package.repository);
        self.text("location", &package.location);
        self.number("size", package.size);
        self.number("installed_size", package.installed_size);
        self.text_if("checksum", package.checksum.as_ref().map(ToString::to_string).as_deref());
        self.text_if("index_checksum", package.index_checksum.as_ref().map(ToString::to_string).as_deref());
        self.text_if("key", package.key.as_deref());
        self.text("reason", package.reason.name());
        self.flag_if("docs", package.docs);
        if let Some(langs) = &package.langs {
            self.langs(langs);
        }
    }
}

/// Returns a value on one line. Modes are octal, as usual.
fn inline(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let field = |(key, value): (&String, &Value)| match (key.as_str(), value) {
                (_, Value::Null) => None,
                ("mode", Value::Number(mode)) => Some(format!("mode = 0o{:o}", mode.as_u64().unwrap_or_default())),
                _ => Some(format!("{key} = {}", inline(value))),
            };
            let fields: Vec<String> = fields.iter().filter_map(field).collect();
            format!("{{ {} }}", fields.join(", "))
        }
        Value::Array(values) => format!("[{}]", values.iter().map(inline).collect::<Vec<_>>().join(", ")),
        Value::String(text) => quoted(text),
        other => other.to_string(),
    }
}

/// Returns a TOML basic string.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            // TOML does not allow raw control characters. They could also move a reviewer's cursor.
            character if character.is_control() => {
                let _ = write!(out, "\\u{:04X}", u32::from(character));
            }
            character => out.push(character),
        }
    }
    out.push('"');
    out
}
