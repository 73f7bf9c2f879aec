//! Directory and format of the database by a root's own macro files (`%_dbpath`, `%_db_backend`).

use std::io;

use super::Backend;
use crate::catalog::Database;
use crate::ecosystem::RootFiles;
use crate::rpm::lua::Environment;

/// Directory of rpm's own configuration.
const RPM: &str = "usr/lib/rpm";
/// Directory of the machine's configuration.
const ETC: &str = "etc/rpm";
/// Endings of files that editors and package managers leave beside macro files (`rpmio/macro.c`,
/// `rpmInitMacros`).
const BACKUPS: [&str; 4] = ["~", ".rpmnew", ".rpmorig", ".rpmsave"];

/// Settings of the database in macro files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Configured {
    /// The directory of the database, relative to the root.
    pub directory: Option<String>,
    /// The format of the database.
    pub backend: Option<Backend>,
}

/// Reads the macro files of a root in rpm's order; the last definition counts. If the root's `arch`
/// is known, the files of its platform are read too.
pub fn configured(root: &dyn RootFiles, arch: Option<&str>) -> io::Result<Configured> {
    let mut files = Vec::new();
    for path in macro_files(root, arch)? {
        files.extend(root.read(&path)?.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()));
    }
    if files.is_empty() {
        return Ok(Configured::default());
    }
    let mut environment = Environment::new(arch.unwrap_or("noarch"), 0);
    environment.macros = ["_dbpath", "_db_backend"].map(|name| (name.to_owned(), String::new())).to_vec();
    let value = |name: &str| environment.expand_with(&files, &format!("%{{{name}}}")).unwrap_or_default();
    let backend = match value("_db_backend").trim() {
        "sqlite" => Some(Backend::Sqlite),
        "bdb" => Some(Backend::Bdb),
        "ndb" => Some(Backend::Ndb),
        _ => None,
    };
    Ok(Configured { directory: Database::directory_of(value("_dbpath").trim()), backend })
}

/// The paths of the macro files, in rpm's order (`MACROFILES` of its build).
fn macro_files(root: &dyn RootFiles, arch: Option<&str>) -> io::Result<Vec<String>> {
    let fragments = |directory: &str| -> io::Result<Vec<String>> {
        let is_fragment = |name: &String| name.starts_with("macros.") && !BACKUPS.iter().any(|end| name.ends_with(end));
        Ok(root.names(directory)?.into_iter().filter(is_fragment).map(|name| format!("{directory}/{name}")).collect())
    };
    let mut paths = vec![format!("{RPM}/macros")];
    paths.extend(fragments(&format!("{RPM}/macros.d"))?);
    paths.extend(arch.map(|arch| format!("{RPM}/platform/{arch}-linux/macros")));
    // The vendor's: `redhat`, `suse`, `fedora`.
    paths.extend(root.names(RPM)?.into_iter().map(|name| format!("{RPM}/{name}/macros")));
    paths.extend(fragments(ETC)?);
    paths.push(format!("{ETC}/macros"));
    paths.extend(arch.map(|arch| format!("{ETC}/{arch}-linux/macros")));
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::Content;
    use crate::tree::Tree;

    fn configured_by(files: &[(&str, &str)]) -> Configured {
        let mut tree = Tree::new();
        for (path, text) in files {
            tree.write(path.as_bytes(), Content::from(text.as_bytes().to_vec()), 0o644).unwrap();
        }
        configured(&tree, Some("x86_64")).unwrap()
    }

    fn directory_by(files: &[(&str, &str)]) -> Option<String> {
        configured_by(files).directory
    }

    #[test]
    fn nested_macros_of_a_root_name_the_directory() {
        let usual = (
            "/usr/lib/rpm/macros",
            "# x\n%_usr /usr\n%_var\t/var\n%_dbpath\t\t%{_usr}/lib/sysimage/rpm\n%_db_backend\t sqlite\n",
        );
        let found = configured_by(&[usual]);
        assert_eq!(found, Configured { directory: Some("usr/lib/sysimage/rpm".into()), backend: Some(Backend::Sqlite) });
        assert_eq!(directory_by(&[("/usr/lib/rpm/macros", "%_dbpath %{_var}/lib/rpm\n")]).as_deref(), Some("var/lib/rpm"));
        assert_eq!(configured_by(&[("/etc/rpm/macros.db", "%_db_backend ndb\n")]).backend, Some(Backend::Ndb));
    }

    #[test]
    fn of_several_macro_files_the_last_in_rpms_order_counts() {
        let order = [
            "/usr/lib/rpm/macros",
            "/usr/lib/rpm/macros.d/macros.a",
            "/usr/lib/rpm/macros.d/macros.b",
            "/usr/lib/rpm/platform/x86_64-linux/macros",
            "/usr/lib/rpm/redhat/macros",
            "/etc/rpm/macros.local",
            "/etc/rpm/macros",
            "/etc/rpm/x86_64-linux/macros",
        ];
        for last in 0..order.len() {
            let texts: Vec<String> = (0..=last).map(|place| format!("%_dbpath /db/{place}\n")).collect();
            let files: Vec<(&str, &str)> = order.iter().copied().zip(texts.iter().map(String::as_str)).rev().collect();
            assert_eq!(directory_by(&files), Some(format!("db/{last}")), "{}", order[last]);
        }
    }

    #[test]
    fn files_that_rpm_does_not_read_say_nothing() {
        for path in
            ["/etc/rpm/macros.a.rpmsave", "/etc/rpm/macros.a~", "/usr/lib/rpm/platform/s390x-linux/macros", "/etc/rpm/other"]
        {
            assert_eq!(directory_by(&[(path, "%_dbpath /db\n")]), None, "{path}");
        }
    }

    #[test]
    fn a_directory_that_is_none_counts_as_not_given() {
        for text in ["relative", "/", "/../x", "%(echo /x)", "%{?nothing}", ""] {
            assert_eq!(directory_by(&[("/etc/rpm/macros", &format!("%_dbpath {text}\n"))]), None, "{text}");
        }
        assert_eq!(Database::directory_of("//a/./b/").as_deref(), Some("a/b"));
    }
}
