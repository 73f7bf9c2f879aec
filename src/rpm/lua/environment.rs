//! The machine as a scriptlet sees it: the target, never the host.

use std::collections::BTreeMap;

use super::limits::Limits;
use super::macros::{MAX_FILE, Macros};

/// The machine, time and settings that scriptlets see.
#[derive(Clone, Debug)]
pub struct Environment {
    /// The target's architecture, by rpm's name.
    pub arch: String,
    /// Time of the build in seconds since 1970, which `os.time` returns.
    pub epoch: i64,
    /// Kernel release that `posix.uname("%r")` returns.
    pub kernel: String,
    /// Macros that extend or override the defaults: `_dbpath`, `_install_langs`…
    pub macros: Vec<(String, String)>,
    /// Environment variables that extend or override the defaults.
    pub variables: Vec<(String, String)>,
    /// Resource limits of one scriptlet.
    pub limits: Limits,
}

impl Environment {
    /// Kernel release that scriptlets see: that of the newest enterprise release, so that no
    /// package finds it too old.
    pub const KERNEL: &'static str = "6.12.0";

    /// Creates the environment for an architecture, at a time in seconds since 1970.
    pub fn new(arch: &str, epoch: i64) -> Self {
        Self {
            arch: arch.to_owned(),
            epoch,
            kernel: Self::KERNEL.to_owned(),
            macros: Vec::new(),
            variables: Vec::new(),
            limits: Limits::default(),
        }
    }

    /// Expands the macros in a text, as rpm does for scriptlets with the `EXPAND` flag. Returns
    /// `None` if it is malformed.
    pub fn expand(&self, text: &str) -> Option<String> {
        self.macros().expand(text).ok()
    }

    /// Expands a text with the macros of configuration files too. The last definition counts.
    /// Returns `None` if the text cannot be expanded.
    pub fn expand_with(&self, files: &[String], text: &str) -> Option<String> {
        let mut macros = self.macros();
        for file in files.iter().filter(|file| file.len() as u64 <= MAX_FILE) {
            macros.load(file);
        }
        macros.expand(text).ok()
    }

    /// Returns the kernel's name of the architecture.
    pub fn machine(&self) -> &str {
        match self.arch.as_str() {
            "i386" | "i486" | "i586" => "i686",
            "armv7hl" | "armv7hnl" => "armv7l",
            "armv6hl" => "armv6l",
            other if other.starts_with("x86_64") => "x86_64",
            other => other,
        }
    }

    fn is_64_bit(&self) -> bool {
        let machine = self.machine();
        ["x86_64", "aarch64", "ppc64", "ppc64le", "s390x", "riscv64", "loongarch64", "mips64", "mips64el", "sparc64"]
            .contains(&machine)
    }

    /// Returns the environment variables.
    pub(super) fn variables(&self) -> BTreeMap<Vec<u8>, Vec<u8>> {
        let usual = [("PATH", "/sbin:/bin:/usr/sbin:/usr/bin"), ("HOME", "/root")];
        let own = self.variables.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        usual.into_iter().chain(own).map(|(name, value)| (name.into(), value.into())).collect()
    }

    /// Returns the macros of rpm's configuration for paths and the target.
    pub(super) fn macros(&self) -> Macros {
        let mut macros = Macros::default();
        let lib = if self.is_64_bit() { "lib64" } else { "lib" };
        let usual = [
            ("nil", ""),
            ("_prefix", "/usr"),
            ("_exec_prefix", "%{_prefix}"),
            ("_bindir", "%{_exec_prefix}/bin"),
            ("_sbindir", "%{_exec_prefix}/sbin"),
            ("_libexecdir", "%{_exec_prefix}/libexec"),
            ("_datarootdir", "%{_prefix}/share"),
            ("_datadir", "%{_datarootdir}"),
            ("_sysconfdir", "/etc"),
            ("_sharedstatedir", "/var/lib"),
            ("_localstatedir", "/var"),
            ("_lib", lib),
            ("_libdir", "%{_prefix}/%{_lib}"),
            ("_includedir", "%{_prefix}/include"),
            ("_infodir", "%{_datarootdir}/info"),
            ("_mandir", "%{_datarootdir}/man"),
            ("_docdir", "%{_datadir}/doc"),
            ("_rundir", "/run"),
            ("_usr", "/usr"),
            ("_var", "/var"),
            ("_tmppath", "%{_var}/tmp"),
            ("_rpmconfigdir", "/usr/lib/rpm"),
            ("_dbpath", "/var/lib/rpm"),
            ("_unitdir", "/usr/lib/systemd/system"),
            ("_os", "linux"),
            ("_host_os", "linux"),
            ("_target_os", "linux"),
            ("_arch", &self.arch),
            ("_host_cpu", &self.arch),
            ("_build_arch", &self.arch),
            ("_target_cpu", &self.arch),
        ];
        for (name, body) in usual {
            macros.set(name, body);
        }
        for (name, body) in &self.macros {
            macros.set(name, body);
        }
        macros
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn macros_name_the_targets_places() {
        let environment = |arch| Environment { macros: vec![("_dbpath".into(), "/db".into())], ..Environment::new(arch, 0) };
        assert_eq!(environment("s390x").expand("%{_libdir} %{_target_cpu} %_dbpath").as_deref(), Some("/usr/lib64 s390x /db"));
        assert_eq!(environment("i386").expand("%{_libdir}").as_deref(), Some("/usr/lib"));
        assert_eq!(environment("i386").machine(), "i686");
        assert_eq!(environment("x86_64_v2").machine(), "x86_64");
        assert_eq!(environment("x86_64").expand("%{"), None);
    }
}
