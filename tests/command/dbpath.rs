//! The directory of rpm's database: `--dbpath`, else the catalog's, else that of the installed
//! packages' macros, else rpm's default.

use std::fs;
use std::path::Path;

use crate::made::{self, Item, Made};
use crate::place::Place;

const MACROS: &str = "%_usr /usr\n%_var /var\n%_db_backend sqlite\n";

/// Builds a root of one package with a macro file. Returns the path of the database below the root.
fn database(place: &Place, path: &str, text: &str, options: &[&str]) -> String {
    let files = made::write(place, &[Made::new("config", [Item::file(path, text)])]);
    made::build(place, &files, options).success();
    found(&place.path("out"), "").expect("the root has a database")
}

/// The path of the database below a directory.
fn found(root: &Path, below: &str) -> Option<String> {
    let mut entries: Vec<_> = fs::read_dir(root.join(below)).unwrap().map(Result::unwrap).collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    entries.into_iter().find_map(|entry| {
        let path = format!("{below}/{}", entry.file_name().into_string().unwrap()).trim_start_matches('/').to_owned();
        if entry.file_type().unwrap().is_dir() {
            return found(root, &path);
        }
        (path.ends_with("/rpmdb.sqlite") || path.ends_with("/Packages")).then_some(path)
    })
}

#[test]
fn macros_of_the_packages_name_the_database() {
    for (path, text, expected) in [
        ("/usr/lib/rpm/macros", "%_dbpath %{_usr}/lib/sysimage/rpm\n", "usr/lib/sysimage/rpm/rpmdb.sqlite"),
        ("/usr/lib/rpm/macros.d/macros.db", "%_dbpath %{_var}/lib/other\n", "var/lib/other/rpmdb.sqlite"),
        ("/etc/rpm/macros.db", "%_dbpath /opt/db\n%_db_backend bdb\n", "opt/db/Packages"),
        ("/etc/rpm/macros.db.rpmsave", "%_dbpath /opt/db\n", "var/lib/rpm/rpmdb.sqlite"),
        ("/usr/share/x", "%_dbpath /opt/db\n", "var/lib/rpm/rpmdb.sqlite"),
    ] {
        let place = Place::new();
        assert_eq!(database(&place, path, &format!("{MACROS}{text}"), &[]), expected, "{path}");
    }
}

#[test]
fn a_root_is_read_where_its_macros_name_the_database() {
    let place = Place::new();
    database(&place, "/usr/lib/rpm/macros", "%_dbpath /opt/db\n", &[]);
    let listed = place.run(&["list", "out"]).success().stdout;
    assert!(listed.starts_with("config-"), "{listed}");
}

#[test]
fn the_users_directory_goes_before_macros_and_catalog() {
    let place = Place::new();
    let own = ["--dbpath", "/srv/db"];
    assert_eq!(database(&place, "/usr/lib/rpm/macros", "%_dbpath /opt/db\n", &own), "srv/db/rpmdb.sqlite");
    place.bootstrap(&[&own[..], &["micro"]].concat()).success();
    assert!(place.path("micro/srv/db/rpmdb.sqlite").is_file());
    place.bootstrap(&["plain"]).success();
    assert!(place.path("plain/var/lib/rpm/rpmdb.sqlite").is_file(), "the catalog's");
}

#[test]
fn a_directory_that_leads_out_of_the_root_is_wrong_usage() {
    let place = Place::new();
    for path in ["relative", "/", "/../x"] {
        let outcome = place.bootstrap(&["--dbpath", path, "out"]);
        assert_eq!(outcome.code, Some(2), "{path}: {}", outcome.stderr);
        assert!(!place.path("out").exists());
    }
}
