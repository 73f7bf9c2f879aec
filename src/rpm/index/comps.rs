//! `comps.xml`: groups and environments.

use std::io::Read;

use super::xml::{self, Element, Handler, Problem};
use crate::metadata::IndexError;
use crate::rpm::groups::{Environment, Group, Groups, Member, MemberKind};

/// Maximum number of groups, and of packages in a group. Distributions have some hundred of each.
const MOST: usize = 10_000;

/// Reads the whole document, already decompressed.
pub fn read(input: &mut dyn Read, groups: &mut Groups) -> Result<(), IndexError> {
    let mut comps = Comps { groups, path: Vec::new(), open: Open::Nothing, member: Member::default(), text: String::new() };
    xml::read(input, &mut comps)
}

/// The object being read.
enum Open {
    Nothing,
    Group(Group),
    Environment(Environment),
}

/// The elements that are evaluated; all others are `Other`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tag {
    Root,
    Group,
    Environment,
    Id,
    Name,
    PackageList,
    Package,
    GroupList,
    GroupId,
    Other,
}

struct Comps<'a> {
    groups: &'a mut Groups,
    path: Vec<Tag>,
    open: Open,
    member: Member,
    text: String,
}

impl Handler for Comps<'_> {
    fn start(&mut self, element: &Element<'_>) -> Result<(), Problem> {
        let tag = match (self.path.as_slice(), element.name()) {
            ([], "comps") => Tag::Root,
            ([], name) => return Err(format!("expected <comps>, found <{name}>").into()),
            ([Tag::Root], "group") => Tag::Group,
            ([Tag::Root], "environment") => Tag::Environment,
            ([Tag::Root, Tag::Group | Tag::Environment], "id") => Tag::Id,
            ([Tag::Root, Tag::Group | Tag::Environment], "name") => Tag::Name,
            ([Tag::Root, Tag::Group], "packagelist") => Tag::PackageList,
            ([Tag::Root, Tag::Group, Tag::PackageList], "packagereq") => Tag::Package,
            ([Tag::Root, Tag::Environment], "grouplist") => Tag::GroupList,
            ([Tag::Root, Tag::Environment, Tag::GroupList], "groupid") => Tag::GroupId,
            _ => Tag::Other,
        };
        self.path.push(tag);
        self.text.clear();
        match tag {
            // Each new group is compared with all previous ones, so their number has a limit.
            Tag::Group | Tag::Environment if self.groups.groups.len().max(self.groups.environments.len()) >= MOST => {
                return Err(format!("there are more than {MOST} groups").into());
            }
            Tag::Group => self.open = Open::Group(Group::default()),
            Tag::Environment => self.open = Open::Environment(Environment::default()),
            Tag::Package => {
                let mut member = Member::default();
                element.attributes(|name, value| match name {
                    // A missing or unknown type means mandatory (libcomps).
                    "type" => member.kind = MemberKind::from_name(value).unwrap_or_default(),
                    "requires" => member.requires = Some(value.to_owned()).filter(|name| !name.is_empty()),
                    "basearchonly" => member.basearch_only = matches!(value, "true" | "1"),
                    "arch" => {
                        member.arches = value.split([',', ' ']).filter(|arch| !arch.is_empty()).map(str::to_owned).collect();
                    }
                    _ => {}
                })?;
                self.member = member;
            }
            _ => {}
        }
        Ok(())
    }

    fn wants_text(&self) -> bool {
        matches!(self.path.last(), Some(Tag::Id | Tag::Name | Tag::Package | Tag::GroupId))
    }

    fn text(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn end(&mut self) -> Result<(), Problem> {
        let text = self.text.trim();
        match (self.path.pop(), &mut self.open) {
            (Some(Tag::Id), Open::Group(Group { id, .. }) | Open::Environment(Environment { id, .. })) => text.clone_into(id),
            (Some(Tag::Name), Open::Group(Group { names, .. }) | Open::Environment(Environment { names, .. })) => {
                names.push(text.to_owned());
            }
            (Some(Tag::Package), Open::Group(group)) if !text.is_empty() => {
                text.clone_into(&mut self.member.name);
                group.packages.push(std::mem::take(&mut self.member));
                if group.packages.len() > MOST {
                    return Err(format!("a group has more than {MOST} packages").into());
                }
            }
            (Some(Tag::GroupId), Open::Environment(environment)) if !text.is_empty() => environment.groups.push(text.to_owned()),
            (Some(Tag::Group | Tag::Environment), open) => match std::mem::replace(open, Open::Nothing) {
                Open::Group(group) => self.groups.add_group(group),
                Open::Environment(environment) => self.groups.add_environment(environment),
                Open::Nothing => {}
            },
            _ => {}
        }
        self.text.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_and_environments() {
        let text = r#"<?xml version="1.0"?><!DOCTYPE comps PUBLIC "-//Red Hat, Inc.//DTD Comps info//EN" "comps.dtd"><comps>
            <group><id>core</id><name>Core</name><name xml:lang="de">Kern</name><default>true</default><packagelist>
              <packagereq type="mandatory">bash</packagereq><packagereq>sudo</packagereq>
              <packagereq requires="gtk3" type="conditional">im &amp; more</packagereq>
              <packagereq type="optional" basearchonly="true" arch="x86_64,aarch64">glibc</packagereq>
            </packagelist></group>
            <environment><id>server</id><grouplist><groupid>core</groupid></grouplist>
              <optionlist><groupid>web</groupid></optionlist></environment>
            <category><id>apps</id><grouplist><groupid>core</groupid></grouplist></category></comps>"#;
        let mut groups = Groups::default();
        read(&mut text.as_bytes(), &mut groups).unwrap();
        let [core] = &groups.groups[..] else { panic!("{groups:?}") };
        assert_eq!((core.id.as_str(), &core.names[..]), ("core", &["Core".to_owned(), "Kern".to_owned()][..]));
        let shown: Vec<_> =
            core.packages.iter().map(|member| (member.name.as_str(), member.kind, member.requires.as_deref())).collect();
        assert_eq!(
            shown,
            [
                ("bash", MemberKind::Mandatory, None),
                ("sudo", MemberKind::Mandatory, None),
                ("im & more", MemberKind::Conditional, Some("gtk3")),
                ("glibc", MemberKind::Optional, None),
            ]
        );
        assert!(core.packages[3].basearch_only && core.packages[3].arches == ["x86_64", "aarch64"]);
        assert_eq!(groups.environments[0].groups, ["core"]);
    }

    #[test]
    fn another_document_is_refused() {
        assert!(read(&mut &b"<metadata/>"[..], &mut Groups::default()).is_err());
    }
}
