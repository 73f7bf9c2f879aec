//! `updateinfo.xml`: the advisories of a distribution, one after another.

use std::io::Read;

use rustc_hash::FxHashSet;

use super::primary::Evr;
use super::xml::{self, Element, Handler, Problem};
use crate::metadata::{Advisory, AdvisoryPackage, IndexError, Reference};
use crate::rpm::version;

/// Maximum number of packages and of references of an advisory. The largest advisory of a
/// distribution has some thousands.
const MOST: usize = 1 << 17;

/// Reads the whole document.
pub(super) fn read(input: impl Read, found: &mut dyn FnMut(Advisory)) -> Result<(), IndexError> {
    let mut updates = Updates {
        found,
        path: Vec::new(),
        advisory: Advisory::default(),
        named: FxHashSet::default(),
        module: None,
        text: String::new(),
        evr: String::new(),
    };
    xml::read(input, &mut updates)
}

/// The elements that are evaluated; all others are `Other`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tag {
    Root,
    Update,
    Id,
    Title,
    Severity,
    References,
    PackageList,
    Collection,
    Package,
    Reboot,
    Other,
}

struct Updates<'a> {
    found: &'a mut dyn FnMut(Advisory),
    path: Vec<Tag>,
    advisory: Advisory,
    /// Packages that the advisory lists already.
    named: FxHashSet<(String, Option<String>)>,
    /// Module of the collection being read.
    module: Option<String>,
    text: String,
    evr: String,
}

impl Handler for Updates<'_> {
    fn start(&mut self, element: &Element<'_>) -> Result<(), Problem> {
        let name = element.name();
        let tag = match self.path.as_slice() {
            [] if name == "updates" => Tag::Root,
            [] => return Err(format!("expected <updates>, found <{name}>").into()),
            [Tag::Root] if name == "update" => {
                self.begin(element)?;
                Tag::Update
            }
            [Tag::Root, Tag::Update] => match name {
                "id" => Tag::Id,
                "title" => Tag::Title,
                "severity" => Tag::Severity,
                "references" => Tag::References,
                "pkglist" => Tag::PackageList,
                "issued" => {
                    self.advisory.issued = element.attribute("date")?.unwrap_or_default();
                    Tag::Other
                }
                "updated" => {
                    self.advisory.updated = element.attribute("date")?.unwrap_or_default();
                    Tag::Other
                }
                _ => Tag::Other,
            },
            [Tag::Root, Tag::Update, Tag::References] if name == "reference" => {
                self.reference(element)?;
                Tag::Other
            }
            [Tag::Root, Tag::Update, Tag::PackageList] if name == "collection" => {
                self.module = None;
                Tag::Collection
            }
            [Tag::Root, Tag::Update, Tag::PackageList, Tag::Collection] if name == "module" => {
                let (name, stream) = (element.attribute("name")?, element.attribute("stream")?);
                self.module = name.zip(stream).map(|(name, stream)| format!("{name}:{stream}"));
                Tag::Other
            }
            [Tag::Root, Tag::Update, Tag::PackageList, Tag::Collection] if name == "package" => {
                self.package(element)?;
                Tag::Package
            }
            [Tag::Root, Tag::Update, Tag::PackageList, Tag::Collection, Tag::Package] if name == "reboot_suggested" => {
                Tag::Reboot
            }
            _ => Tag::Other,
        };
        self.path.push(tag);
        self.text.clear();
        Ok(())
    }

    fn wants_text(&self) -> bool {
        matches!(self.path.last(), Some(Tag::Id | Tag::Title | Tag::Severity | Tag::Reboot))
    }

    fn text(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn end(&mut self) -> Result<(), Problem> {
        let text = self.text.trim();
        match self.path.pop() {
            Some(Tag::Id) => text.clone_into(&mut self.advisory.id),
            Some(Tag::Title) => text.clone_into(&mut self.advisory.title),
            // Red Hat writes `None` if there is no severity.
            Some(Tag::Severity) if !text.eq_ignore_ascii_case("none") => text.clone_into(&mut self.advisory.severity),
            // The element alone requests a reboot. Some tools write a number or a boolean into it.
            Some(Tag::Reboot) if !matches!(text, "0" | "false" | "False") => self.advisory.reboot = true,
            Some(Tag::Update) => (self.found)(std::mem::take(&mut self.advisory)),
            _ => {}
        }
        self.text.clear();
        Ok(())
    }
}

impl Updates<'_> {
    fn begin(&mut self, element: &Element<'_>) -> Result<(), Problem> {
        self.advisory = Advisory::default();
        self.named.clear();
        let advisory = &mut self.advisory;
        element.attributes(|name, value| match name {
            "type" => value.clone_into(&mut advisory.kind),
            "status" => value.clone_into(&mut advisory.status),
            _ => {}
        })
    }

    fn reference(&mut self, element: &Element<'_>) -> Result<(), Problem> {
        let mut reference = Reference::default();
        element.attributes(|name, value| match name {
            "type" => value.clone_into(&mut reference.kind),
            "id" => value.clone_into(&mut reference.id),
            "title" => value.clone_into(&mut reference.title),
            "href" => value.clone_into(&mut reference.href),
            _ => {}
        })?;
        self.advisory.references.push(reference);
        if self.advisory.references.len() > MOST { Err("an advisory has too many references".into()) } else { Ok(()) }
    }

    fn package(&mut self, element: &Element<'_>) -> Result<(), Problem> {
        let (mut package, mut evr) = (AdvisoryPackage::default(), Evr::new(&mut self.evr));
        // In this element the attributes have their long names.
        element.attributes(|name, value| match name {
            "name" => value.clone_into(&mut package.name),
            "arch" => value.clone_into(&mut package.arch),
            "version" => evr.attribute("ver", value),
            "release" => evr.attribute("rel", value),
            name => evr.attribute(name, value),
        })?;
        evr.finish();
        if package.name.is_empty() {
            return Ok(());
        }
        let parts = version::Evr::parse(&self.evr);
        let (epoch, release) = (parts.epoch_number(), parts.release.unwrap_or_default());
        package.id = format!("{}-{epoch}:{}-{release}.{}", package.name, parts.version, package.arch);
        package.version.clone_from(&self.evr);
        package.module.clone_from(&self.module);
        // Old advisories give all packages that were built together the name of the first one.
        if self.named.insert((package.id.clone(), package.module.clone())) {
            self.advisory.packages.push(package);
        }
        if self.advisory.packages.len() > MOST { Err("an advisory names too many packages".into()) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = r#"<?xml version="1.0" encoding="UTF-8"?><updates>
        <update from="packager@almalinux.org" status="final" type="security" version="4"><id>ALSA-2023:0340</id>
          <title>bash security update</title><issued date="2023-01-23 00:00:00"/><updated date="2023-01-24 00:00:00"/>
          <rights>x</rights><severity>Moderate</severity><summary>s</summary><description>A <![CDATA[<b>]]> &amp; more</description>
          <references><reference href="https://x/CVE-2022-3715" id="CVE-2022-3715" title="CVE-2022-3715" type="cve"/></references>
          <pkglist><collection short="almalinux-9"><name>almalinux-9</name>
            <package name="bash" version="5.1.8" release="6.el9_1" epoch="0" arch="aarch64" src="bash.src.rpm">
              <filename>bash-5.1.8-6.el9_1.aarch64.rpm</filename><sum type="sha256">00</sum><reboot_suggested>True</reboot_suggested></package>
            <package epoch="2" arch="noarch" name="perl" release="1" version="5"/>
            <package epoch="2" arch="noarch" name="perl" release="1" version="5"/></collection>
            <collection><module name="php" stream="8.0" version="1" context="c" arch="x"/><package name="php" version="8" release="1" arch="s390x"/>
          </collection></pkglist></update>
        <update type="bugfix"><id>B</id><severity>None</severity><pkglist/></update></updates>"#;

    fn parse(text: &str) -> Result<Vec<Advisory>, IndexError> {
        let mut all = Vec::new();
        read(text.as_bytes(), &mut |advisory| all.push(advisory))?;
        Ok(all)
    }

    #[test]
    fn all_of_an_advisory() {
        let all = parse(SAMPLE).unwrap();
        let [first, second] = &all[..] else { panic!("{all:?}") };
        assert_eq!((first.id.as_str(), first.kind.as_str(), first.severity.as_str()), ("ALSA-2023:0340", "security", "Moderate"));
        assert_eq!(
            (first.title.as_str(), first.issued.as_str(), first.reboot),
            ("bash security update", "2023-01-23 00:00:00", true)
        );
        assert_eq!((first.references[0].kind.as_str(), first.references[0].id.as_str()), ("cve", "CVE-2022-3715"));
        let packages: Vec<_> = first.packages.iter().map(|package| (package.id.as_str(), package.version.as_str())).collect();
        assert_eq!(
            packages,
            [("bash-0:5.1.8-6.el9_1.aarch64", "5.1.8-6.el9_1"), ("perl-2:5-1.noarch", "2:5-1"), ("php-0:8-1.s390x", "8-1")]
        );
        assert_eq!(first.packages[2].module.as_deref(), Some("php:8.0"));
        assert_eq!((second.id.as_str(), second.severity.as_str(), second.packages.len(), second.reboot), ("B", "", 0, false));
    }

    #[test]
    fn another_document_is_refused() {
        assert!(parse("<metadata/>").unwrap_err().to_string().contains("expected <updates>"));
        assert!(parse("<updates><update>").is_err());
        assert!(parse("<updates/>").unwrap().is_empty());
    }
}
