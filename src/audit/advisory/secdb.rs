//! Alpine's secdb: the versions of each source package that fixed a vulnerability, as YAML or JSON.

use super::{Advisory, Affected, End, Range, Scope};
use crate::yaml::{Cursor, Problem, Value};

/// Reads a document. Calls `found` with every CVE of the source packages that are `wanted`. Returns
/// the releases that the document is about.
pub(super) fn read(
    text: &str,
    wanted: &dyn Fn(&str) -> bool,
    found: &mut dyn FnMut(Advisory),
) -> Result<Vec<Option<Scope>>, String> {
    let mut scopes = Vec::new();
    let mut cursor = Cursor::new(text);
    let told = |problem: Problem| format!("{}, at character {}", problem.what, problem.at);
    while let Some(document) = cursor.next_document().map_err(told)? {
        let (mut release, mut prefix, mut packages) = (None, String::new(), None);
        let read = cursor.entries(document, &mut |cursor, key, value| {
            match key {
                "distroversion" => release = Some(cursor.text(value)?),
                "urlprefix" => prefix = cursor.text(value)?,
                "packages" => packages = Some(fixes(cursor, value, wanted)?),
                _ => cursor.skip(value)?,
            }
            Ok(())
        });
        read.map_err(told)?;
        let packages = packages.ok_or("a document without `packages`")?;
        // Other distributions use the same format without a release.
        let is_alpine = prefix.contains("alpinelinux.org");
        let scope = is_alpine.then(|| Scope { distribution: "Alpine".to_owned(), release });
        for Fix { name, version, what } in packages {
            advisories(scope.as_ref(), &name, &version, &what).for_each(&mut *found);
        }
        scopes.push(scope);
    }
    Ok(scopes)
}

/// A version of a source package that fixed vulnerabilities.
struct Fix {
    name: String,
    version: String,
    /// One entry per vulnerability: its CVE, then its other names, separated by spaces.
    what: Vec<String>,
}

fn fixes<'t>(cursor: &mut Cursor<'t>, list: Value<'t>, wanted: &dyn Fn(&str) -> bool) -> Result<Vec<Fix>, Problem> {
    let mut all = Vec::new();
    cursor.items(list, &mut |cursor, item| {
        cursor.entries(item, &mut |cursor, key, value| {
            if key != "pkg" {
                return cursor.skip(value);
            }
            let (mut name, mut own) = (String::new(), Vec::new());
            cursor.entries(value, &mut |cursor, key, value| match key {
                "name" => cursor.text(value).map(|text| name = text),
                "secfixes" => cursor.entries(value, &mut |cursor, version, value| {
                    own.push((version.to_owned(), cursor.texts(value)?));
                    Ok(())
                }),
                _ => cursor.skip(value),
            })?;
            if wanted(&name) {
                all.extend(own.into_iter().map(|(version, what)| Fix { name: name.clone(), version, what }));
            }
            Ok(())
        })
    })?;
    Ok(all)
}

fn advisories(scope: Option<&Scope>, name: &str, version: &str, what: &[String]) -> impl Iterator<Item = Advisory> {
    // "Fixed in 0" means that no version of the package was ever affected.
    let what = if version == "0" { &[] } else { what };
    what.iter().filter_map(move |names| {
        let id = names.split_ascii_whitespace().next()?;
        let mut cves: Vec<String> =
            names.split_ascii_whitespace().filter(|name| name.starts_with("CVE-")).map(str::to_owned).collect();
        cves.sort_unstable();
        cves.dedup();
        Some(Advisory {
            id: id.to_owned(),
            kind: "security".to_owned(),
            severity: None,
            // The format has no titles.
            title: String::new(),
            url: cves.first().map(|cve| format!("https://security.alpinelinux.org/vuln/{cve}")),
            cves,
            affected: vec![Affected {
                scope: scope.cloned(),
                name: name.to_owned(),
                of_source: true,
                ranges: vec![Range { introduced: None, end: End::Fixed(version.to_owned()) }],
                ..Affected::default()
            }],
        })
    })
}
