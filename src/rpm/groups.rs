//! Groups and environments: lists of packages under one name, as comps tells them.
//!
//! In: the `group` files of the repositories (read by `index`). Out: the packages that `@minimal-environment` or `@core/optional` stands for. Which
//! of them exist is not known here.

use std::collections::BTreeSet;

use crate::finish::glob;

/// All groups and environments of the repositories.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Groups {
    /// The groups, in the order in which they came.
    pub groups: Vec<Group>,
    /// The environments, in the order in which they came.
    pub environments: Vec<Environment>,
}

/// A list of packages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// What it is called in files.
    pub id: String,
    /// What it is called among people, in every language that comps has.
    pub names: Vec<String>,
    /// Its packages.
    pub packages: Vec<Member>,
}

/// A list of groups.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    /// What it is called in files.
    pub id: String,
    /// What it is called among people, in every language that comps has.
    pub names: Vec<String>,
    /// The groups that it consists of, by id. Those that may be added are not among them.
    pub groups: Vec<String>,
}

/// A package of a group.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// How firmly it belongs to the group.
    pub kind: MemberKind,
    /// A conditional package comes only with this one.
    pub requires: Option<String>,
    /// Only the package of the machine's own architecture is meant.
    pub basearch_only: bool,
    /// The architectures on which it belongs to the group; none: on all.
    pub arches: Vec<String>,
}

/// How firmly a package belongs to its group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MemberKind {
    /// It is what the group is about.
    #[default]
    Mandatory,
    /// It is installed unless somebody says otherwise.
    Default,
    /// It is installed where another package is.
    Conditional,
    /// It is installed only if asked for.
    Optional,
}

impl MemberKind {
    /// Those that a group stands for where nobody says more (dnf's `group_package_types`).
    pub const USUAL: [Self; 3] = [Self::Mandatory, Self::Default, Self::Conditional];

    /// The kind of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "mandatory" => Some(Self::Mandatory),
            "default" => Some(Self::Default),
            "conditional" => Some(Self::Conditional),
            "optional" => Some(Self::Optional),
            _ => None,
        }
    }
}

impl Groups {
    /// Adds a group; of two with one id, the first gets the packages of the second.
    pub fn add_group(&mut self, group: Group) {
        match self.groups.iter_mut().find(|known| known.id == group.id) {
            None => self.groups.push(group),
            Some(known) => {
                for package in group.packages {
                    if !known.packages.iter().any(|other| other.name == package.name) {
                        known.packages.push(package);
                    }
                }
            }
        }
    }

    /// Adds an environment; of two with one id, the first gets the groups of the second.
    pub fn add_environment(&mut self, environment: Environment) {
        match self.environments.iter_mut().find(|known| known.id == environment.id) {
            None => self.environments.push(environment),
            Some(known) => {
                for group in environment.groups {
                    if !known.groups.contains(&group) {
                        known.groups.push(group);
                    }
                }
            }
        }
    }

    /// The packages that a spec (without its `@`) stands for on a machine of this architecture; `None` where there is no such group.
    ///
    /// `core`, `Core`, `core/mandatory,optional`, `^minimal-environment` (an environment and no group), and patterns: what is called exactly so goes
    /// before what matches (dnf's `_by_pattern`).
    pub fn members(&self, spec: &str, arch: &str) -> Option<BTreeSet<&Member>> {
        let (pattern, kinds) = spec.split_once('/').map_or((spec, None), |(pattern, kinds)| (pattern, Some(kinds)));
        let kinds: Vec<MemberKind> = match kinds {
            None => MemberKind::USUAL.to_vec(),
            Some(kinds) => kinds.split(',').map(MemberKind::from_name).collect::<Option<_>>()?,
        };
        let (pattern, only_environments) = pattern.strip_prefix('^').map_or((pattern, false), |rest| (rest, true));
        let environments = found(&self.environments, pattern, |environment| (&environment.id, &environment.names));
        let mut groups: Vec<&Group> =
            if only_environments { Vec::new() } else { found(&self.groups, pattern, |group| (&group.id, &group.names)) };
        if environments.is_empty() && groups.is_empty() {
            return None;
        }
        let ids = environments.iter().flat_map(|environment| &environment.groups);
        groups.extend(ids.filter_map(|id| self.groups.iter().find(|group| group.id == *id)));
        let members = groups.into_iter().flat_map(|group| &group.packages);
        let here = |member: &&Member| member.arches.is_empty() || member.arches.iter().any(|known| known == arch);
        Some(members.filter(|member| kinds.contains(&member.kind)).filter(here).collect())
    }

    /// What groups and environments are called, for those who mistype it.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        let groups = self.groups.iter().map(|group| group.id.as_str());
        groups.chain(self.environments.iter().map(|environment| environment.id.as_str()))
    }
}

fn found<'a, T>(all: &'a [T], pattern: &str, called: impl Fn(&T) -> (&String, &Vec<String>)) -> Vec<&'a T> {
    let first_name = |one: &T| called(one).1.first().is_some_and(|name| name == pattern);
    let exact: Vec<&T> = all.iter().filter(|one| called(one).0 == pattern || first_name(one)).collect();
    if !exact.is_empty() {
        return exact;
    }
    let pattern = pattern.to_lowercase();
    let matches = |text: &String| {
        let text = text.to_lowercase();
        text == pattern || glob::matches(pattern.as_bytes(), text.as_bytes())
    };
    let fits = |one: &&T| {
        let (id, names) = called(one);
        matches(id) || names.iter().any(&matches)
    };
    all.iter().filter(fits).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: &str, kind: MemberKind) -> Member {
        Member { name: name.to_owned(), kind, ..Member::default() }
    }

    fn groups() -> Groups {
        let mut groups = Groups::default();
        let core = |packages| Group { id: "core".to_owned(), names: vec!["Core".to_owned(), "Kern".to_owned()], packages };
        groups.add_group(core(vec![
            member("bash", MemberKind::Mandatory),
            member("tuned", MemberKind::Default),
            member("dracut-network", MemberKind::Optional),
            Member { arches: vec!["s390x".to_owned()], ..member("s390utils", MemberKind::Mandatory) },
        ]));
        groups.add_group(core(vec![member("bash", MemberKind::Optional), member("sudo", MemberKind::Conditional)]));
        groups.add_group(Group {
            id: "web".to_owned(),
            packages: vec![member("nginx", MemberKind::Default)],
            ..Group::default()
        });
        groups.add_environment(Environment {
            id: "server-environment".to_owned(),
            names: vec!["Server".to_owned()],
            groups: vec!["core".to_owned(), "web".to_owned(), "absent".to_owned()],
        });
        groups
    }

    fn names(spec: &str) -> Option<Vec<String>> {
        Some(groups().members(spec, "x86_64")?.iter().map(|member| member.name.clone()).collect())
    }

    #[test]
    fn a_group_stands_for_its_usual_packages_of_every_repository() {
        let usual = Some(["bash", "sudo", "tuned"].map(str::to_owned).to_vec());
        for spec in ["core", "Core", "CORE", "kern", "c?re"] {
            assert_eq!(names(spec), usual, "{spec}");
        }
        assert!(groups().members("core", "s390x").unwrap().iter().any(|member| member.name == "s390utils"));
    }

    #[test]
    fn kinds_may_be_named() {
        assert_eq!(names("core/optional").unwrap(), ["dracut-network"]);
        assert_eq!(names("core/mandatory,default").unwrap(), ["bash", "tuned"]);
        assert_eq!(names("core/wrong"), None);
    }

    #[test]
    fn an_environment_is_its_groups() {
        assert_eq!(names("server-environment").unwrap(), ["bash", "nginx", "sudo", "tuned"]);
        assert_eq!(names("^Server").unwrap().len(), 4);
        assert_eq!(names("^core"), None);
        assert_eq!(names("nothing"), None);
    }
}
