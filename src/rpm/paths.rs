//! Paths that `primary.xml` lists, and those that only `filelists.xml` does.

/// Whether `primary.xml` lists a path with every package that owns it (createrepo_c's `cr_is_primary`). libsolv takes the owners of
/// such a path from there alone (`repodata_filelistfilter_matches`); those of any other path only `filelists.xml` names in full.
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
