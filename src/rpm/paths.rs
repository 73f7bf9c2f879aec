//! The paths that `primary.xml` lists; `filelists.xml` lists all paths.

/// Reports whether `primary.xml` lists a path for every package that owns it (`createrepo_c`'s
/// `cr_is_primary`). For such paths libsolv uses only `primary.xml`
/// (`repodata_filelistfilter_matches`). For other paths, only `filelists.xml` names all owners.
pub(super) fn lists_in_primary(path: &str) -> bool {
    path.starts_with("/etc/") || path.contains("bin/") || path == "/usr/lib/sendmail"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn primary_lists_programs_and_configuration_only() {
        for path in ["/bin/sh", "/usr/bin/a", "/opt/x/sbin/b", "/etc/passwd", "/usr/lib/sendmail", "/usr/share/cabin/x"] {
            assert!(lists_in_primary(path), "{path}");
        }
        for path in ["/etc", "/usr/lib/sendmail.d", "/lib/cpp", "/opt/x/run", "/usr/bin", "/usr/etc/x"] {
            assert!(!lists_in_primary(path), "{path}");
        }
    }
}
