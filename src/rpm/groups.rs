//! Groups and environments: named lists of packages from comps files.
//!
//! Input: the `group` files of the repositories, which `index` reads. Output: the packages of
//! `@minimal-environment` or `@core/optional`. This module does not know which of them exist.

use std::collections::BTreeSet;

use crate::finish::glob;

/// All groups and environments of the repositories.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Groups {
    /// The groups, in the order of the files.
    pub groups: Vec<Group>,
    /// The environments, in the order of the files.
    pub environments: Vec<Environment>,
}

/// A group: a list of packages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// The id of the group.
    pub id: String,
    /// The names for users, in every language that comps contains.
    pub names: Vec<String>,
    /// The packages of the group.
    pub packages: Vec<Member>,
}

/// An environment: a list of groups.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    /// The id of the environment.
    pub id: String,
    /// The names for users, in every language that comps contains.
    pub names: Vec<String>,
    /// The ids of its groups, except optional ones.
    pub groups: Vec<String>,
}

/// A package of a group.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Member {
    /// The name of the package.
    pub name: String,
    /// The kind of membership.
    pub kind: MemberKind,
    /// For a conditional package, the package on which it depends.
    pub requires: Option<String>,
    /// True if only a package of the machine's own architecture counts.
    pub basearch_only: bool,
    /// The architectures on which it belongs to the group; empty for all.
    pub arches: Vec<String>,
}

/// The kind of a package's membership in a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MemberKind {
    /// The package is an essential part of the group.
    #[default]
    Mandatory,
    /// The package is installed unless it is excluded.
    Default,
    /// The package is installed if another package is.
    Conditional,
    /// The package is installed only on request.
    Optional,
}

impl MemberKind {
    /// The kinds that a group includes by default (dnf's `group_package_types`).
    pub const USUAL: [Self; 3] = [Self::Mandatory, Self::Default, Self::Conditional];

    /// Returns the kind for its name in comps.
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
    /// Adds a group, or merges its packages into the group with the same id.
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

    /// Adds an environment, or merges its groups into the environment with the same id.
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

    /// Returns the packages of a spec (without its `@`) on a machine of this architecture; `None`
    /// if there is no such group.
    ///
    /// The spec is `core`, `Core`, `core/mandatory,optional`, `^minimal-environment` (only
    /// environments), or a pattern. An exact match has priority over a pattern match (dnf's
    /// `_by_pattern`).
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

    /// Returns the ids of groups and environments, to suggest similar ones.
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
