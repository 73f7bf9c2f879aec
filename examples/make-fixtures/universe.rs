//! The packages of the fixtures: an AlmaLinux micro of a few kilobytes with typical difficulties of
//! real packages, and decoys.

use rootstrap::rpm::tag::Tag;

use crate::elf;
use crate::package::{Dependency, File, Package, any, equal, pre};

const CONFIG: u32 = 1;
const DOC: u32 = 2;
const NOREPLACE: u32 = 16;
const GHOST: u32 = 64;
const LICENSE: u32 = 128;
const LUA: &str = "<lua>";

/// Returns the repositories: the name in the layout, and the packages for an architecture.
pub fn repositories(arch: &str) -> [(&'static str, Vec<Package>); 2] {
    let mut base = vec![
        release(),
        filesystem(),
        setup(),
        libgcc(arch),
        glibc(arch),
        glibc_common(),
        langpack("glibc-minimal-langpack", "/usr/share/doc/glibc-minimal-langpack"),
        bash("5.1.8", "6.el9", "bash, the version to take"),
        libcap(arch),
        coreutils_single(),
        rootfiles(),
    ];
    let mut apps = vec![
        langpack("glibc-all-langpacks", "/usr/share/doc/glibc-all-langpacks"),
        bash("5.1.8", "2.el9", "bash, a version too old"),
        busybox(),
        coreutils(),
    ];
    for list in [&mut base, &mut apps] {
        for package in list.iter_mut() {
            complete(package, arch);
        }
        list.sort_by_key(|package| (package.name, package.release));
    }
    [("BaseOS", base), ("AppStream", apps)]
}

/// Adds the parts that rpmbuild adds: the package provides itself, and its files are sorted by
/// path.
fn complete(package: &mut Package, arch: &str) {
    let evr: &'static str = package.evr().leak();
    package.provides.push(equal(package.name, evr));
    if package.arch.is_none() {
        let isa = if arch == "aarch64" { "aarch-64" } else { "x86-64" };
        package.provides.push(equal(format!("{}({isa})", package.name).leak(), evr));
    }
    for (.., interpreter, _) in &package.scripts {
        if interpreter.starts_with('/') {
            package.requires.push(pre(interpreter));
        }
    }
    package.provides.sort_by_key(|dependency| dependency.name);
    package.requires.sort_by_key(|dependency| dependency.name);
    package.files.sort_by_key(|file| file.path);
}

fn noarch(name: &'static str, version: &'static str, release: &'static str, summary: &'static str) -> Package {
    Package { name, version, release, arch: Some("noarch"), summary, ..Package::default() }
}

fn native(name: &'static str, version: &'static str, release: &'static str, summary: &'static str) -> Package {
    Package { arch: None, ..noarch(name, version, release, summary) }
}

fn release() -> Package {
    let os_release = "NAME=\"AlmaLinux\"\nVERSION=\"9.3 (fixtures)\"\nID=\"almalinux\"\nID_LIKE=\"rhel centos fedora\"\nVERSION_ID=\"9.3\"\nPLATFORM_ID=\"platform:el9\"\nPRETTY_NAME=\"AlmaLinux 9.3 (rootstrap fixtures)\"\n";
    Package {
        provides: vec![any("system-release"), any("system-release(releasever)")],
        files: vec![
            File::symlink("/etc/os-release", "../usr/lib/os-release"),
            File::text("/usr/lib/os-release", os_release),
            File::text("/etc/almalinux-release", "AlmaLinux release 9.3 (fixtures)\n"),
            File::symlink("/etc/system-release", "almalinux-release"),
            File::directory("/etc/yum.repos.d"),
            File::text(
                "/etc/yum.repos.d/almalinux-baseos.repo",
                "[baseos]\nname=AlmaLinux $releasever - BaseOS\nmirrorlist=https://mirrors.almalinux.org/mirrorlist/$releasever/baseos\nenabled=1\ngpgcheck=1\n",
            )
            .flags(CONFIG | NOREPLACE),
        ],
        ..native("almalinux-release", "9.3", "1.el9", "Release files")
    }
}

fn filesystem() -> Package {
    let pretrans = r#"-- The links must be there before any package brings files below them.
for _, directory in ipairs({"/usr", "/usr/bin", "/usr/sbin", "/usr/lib", "/usr/lib64"}) do
  posix.mkdir(directory)
end
for _, name in ipairs({"bin", "sbin", "lib", "lib64"}) do
  posix.symlink("usr/" .. name, "/" .. name)
end
posix.mkdir("/proc")
posix.chmod("/proc", 0555)
return 0
"#;
    let mut files: Vec<File> = [
        "/boot",
        "/dev",
        "/etc",
        "/home",
        "/media",
        "/mnt",
        "/opt",
        "/run",
        "/srv",
        "/usr",
        "/usr/bin",
        "/usr/lib",
        "/usr/lib64",
        "/usr/sbin",
        "/usr/share",
        "/usr/share/doc",
        "/usr/share/licenses",
        "/usr/share/locale",
        "/var",
        "/var/cache",
        "/var/lib",
    ]
    .map(File::directory)
    .into();
    files.extend([
        File::directory("/proc").mode(0o555),
        File::directory("/sys").mode(0o555),
        File::directory("/root").mode(0o550),
        File::directory("/tmp").mode(0o1777),
        File::directory("/var/tmp").mode(0o1777),
        File::directory("/var/mail").mode(0o775).group("mail"),
        File::symlink("/bin", "usr/bin"),
        File::symlink("/sbin", "usr/sbin"),
        File::symlink("/lib", "usr/lib"),
        File::symlink("/lib64", "usr/lib64"),
        File::symlink("/var/run", "../run"),
        File::directory("/usr/share/locale/de").lang("de"),
        File::directory("/usr/share/locale/de/LC_MESSAGES").lang("de"),
    ]);
    Package {
        requires: vec![pre("setup")],
        files,
        scripts: vec![(Tag::PRETRANS, Tag::PRETRANS_PROG, LUA, pretrans)],
        ..native("filesystem", "3.16", "2.el9", "The directories that every system has")
    }
}

fn setup() -> Package {
    let post = "for _, name in ipairs({\"passwd\", \"shadow\", \"group\", \"gshadow\"}) do\n  os.remove(\"/etc/\" .. name .. \".rpmnew\")\nend\n";
    let config = CONFIG | NOREPLACE;
    Package {
        requires: vec![any("system-release")],
        files: vec![
            File::text("/etc/passwd", "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534:Nobody:/:/sbin/nologin\n")
                .flags(config),
            File::text("/etc/group", "root:x:0:\nmail:x:12:\nnobody:x:65534:\n").flags(config),
            File::text("/etc/shadow", "root:*:19700:0:99999:7:::\nnobody:*:19700:0:99999:7:::\n").mode(0).flags(config),
            File::text("/etc/gshadow", "root:::\nmail:::\nnobody:::\n").mode(0).flags(config),
            File::text("/etc/shells", "/sbin/nologin\n").flags(config),
            File::text("/etc/profile", "export PATH=/usr/bin:/usr/sbin\n").flags(config),
            File::text("/usr/share/doc/setup/README", "Left out without documentation.\n").flags(DOC),
            File::directory("/usr/share/doc/setup").flags(DOC),
            File::text("/run/motd", "").flags(GHOST),
        ],
        scripts: vec![(Tag::POSTIN, Tag::POSTIN_PROG, LUA, post)],
        ..noarch("setup", "2.13.7", "9.el9", "Users, groups and the shell's first words")
    }
}

fn libgcc(arch: &str) -> Package {
    let post = "if posix.access(\"/sbin/ldconfig\", \"x\") then\n  local pid = posix.fork()\n  if pid == 0 then\n    posix.exec(\"/sbin/ldconfig\")\n  elseif pid ~= -1 then\n    posix.wait(pid)\n  end\nend\n";
    Package {
        provides: vec![any("libgcc_s.so.1()(64bit)")],
        files: vec![
            File::library("/lib64/libgcc_s-11-20231218.so.1", elf::library("libgcc_s.so.1", arch)),
            File::symlink("/lib64/libgcc_s.so.1", "libgcc_s-11-20231218.so.1"),
            File::directory("/usr/share/licenses/libgcc"),
            File::text("/usr/share/licenses/libgcc/COPYING", "Licences stay, even without documentation.\n").flags(LICENSE),
        ],
        scripts: vec![(Tag::POSTIN, Tag::POSTIN_PROG, LUA, post)],
        ..native("libgcc", "11.4.1", "2.1.el9", "A support library")
    }
}

fn glibc(arch: &str) -> Package {
    // The file is not a program. It contains the strings by which the cache format of a real
    // `ldconfig` is recognized.
    let mut ldconfig = elf::library("ldconfig", arch);
    ldconfig.extend(b"/glibc-hwcaps\0new (default)\0Cache file has wrong endianness.\n\0glibc-ld.so.auxcache-1.0\0");
    ldconfig.extend(b"ldconfig (GNU libc) stable release version 2.34\0");
    Package {
        provides: vec![any("libc.so.6()(64bit)"), any("libm.so.6()(64bit)"), any("/sbin/ldconfig")],
        requires: vec![
            equal("glibc-common", "2.34-83.el9"),
            any("glibc-langpack"),
            any("libgcc_s.so.1()(64bit)"),
            pre("filesystem"),
        ],
        files: vec![
            File::library("/lib64/libc.so.6", elf::library("libc.so.6", arch)),
            File::library("/lib64/libm.so.6", elf::library("libm.so.6", arch)),
            File::library("/sbin/ldconfig", ldconfig),
            File::text("/etc/ld.so.conf", "include ld.so.conf.d/*.conf\n").flags(CONFIG | NOREPLACE),
            File::directory("/etc/ld.so.conf.d"),
            File::text("/etc/ld.so.cache", "").flags(GHOST | CONFIG),
        ],
        scripts: vec![(Tag::POSTIN, Tag::POSTIN_PROG, "/sbin/ldconfig", "")],
        ..native("glibc", "2.34", "83.el9", "The C library")
    }
}

fn glibc_common() -> Package {
    Package {
        requires: vec![pre("filesystem")],
        files: vec![File::program("/usr/bin/getent", "#!/bin/sh\nexit 2\n")],
        ..native("glibc-common", "2.34", "83.el9", "What belongs to the C library on every architecture")
    }
}

/// Returns a provider of `glibc-langpack`. There are two; the variant requires the minimal one.
fn langpack(name: &'static str, doc: &'static str) -> Package {
    Package {
        provides: vec![equal("glibc-langpack", "2.34-83.el9")],
        requires: vec![equal("glibc-common", "2.34-83.el9")],
        files: vec![File::directory(doc).flags(DOC)],
        ..native(name, "2.34", "83.el9", "Locales")
    }
}

fn bash(version: &'static str, release: &'static str, summary: &'static str) -> Package {
    let post = r#"local f = io.open("/etc/shells", "a+")
if f then
  local shells = "\n" .. f:read("*all") .. "\n"
  for _, shell in ipairs({"/bin/sh", "/bin/bash"}) do
    if not shells:find("\n" .. shell .. "\n", 1, true) then f:write(shell, "\n") end
  end
  f:close()
end
"#;
    Package {
        provides: vec![any("/bin/sh"), any("/bin/bash")],
        requires: vec![any("libc.so.6()(64bit)"), pre("filesystem")],
        files: vec![
            File::program("/usr/bin/bash", "not a real shell\n"),
            File::symlink("/usr/bin/sh", "bash"),
            File::text("/etc/skel/.bashrc", "# .bashrc\n").flags(CONFIG | NOREPLACE),
            File::directory("/etc/skel"),
            File::text("/usr/share/locale/de/LC_MESSAGES/bash.mo", "deutsch\n").lang("de"),
        ],
        scripts: vec![(Tag::POSTIN, Tag::POSTIN_PROG, LUA, post)],
        ..native("bash", version, release, summary)
    }
}

fn libcap(arch: &str) -> Package {
    Package {
        provides: vec![any("libcap.so.2()(64bit)")],
        requires: vec![any("libc.so.6()(64bit)")],
        files: vec![
            File::library("/lib64/libcap.so.2.48", elf::library("libcap.so.2", arch)),
            File::symlink("/lib64/libcap.so.2", "libcap.so.2.48"),
            File::program("/usr/sbin/capping", "not a real ping\n").caps("cap_net_raw=ep"),
        ],
        ..native("libcap", "2.48", "9.el9", "Capabilities")
    }
}

fn coreutils_single() -> Package {
    let binary = "a binary of many names\n";
    let mut files: Vec<File> = ["/usr/bin/coreutils", "/usr/bin/cat", "/usr/bin/ls", "/usr/bin/true"]
        .map(|path| File::hard_link(path, 1, binary))
        .into();
    files.push(File::program("/usr/bin/su-like", "setuid\n").mode(0o4755));
    Package {
        provides: vec![equal("coreutils", "8.32-34.el9"), any("coreutils(micro)")],
        requires: vec![any("/bin/sh"), any("libc.so.6()(64bit)"), any("libcap.so.2()(64bit)"), pre("/sbin/ldconfig")],
        conflicts: vec![Dependency { op: "<", ..equal("coreutils", "8.32-34.el9") }],
        files,
        ..native("coreutils-single", "8.32", "34.el9", "Everyday commands in one binary")
    }
}

fn rootfiles() -> Package {
    Package {
        files: [
            ("/root/.bash_logout", "# ~/.bash_logout\n"),
            ("/root/.bash_profile", "# .bash_profile\n"),
            ("/root/.bashrc", "# .bashrc\n"),
            ("/root/.cshrc", "# .cshrc\n"),
            ("/root/.tcshrc", "# .tcshrc\n"),
        ]
        .map(|(path, text)| File::text(path, text).flags(CONFIG | NOREPLACE))
        .into(),
        ..noarch("rootfiles", "8.1", "31.el9", "What root's home begins with")
    }
}

/// A decoy: it provides `/bin/sh`, but nothing requires it by name.
fn busybox() -> Package {
    Package {
        provides: vec![any("/bin/sh")],
        files: vec![File::program("/sbin/busybox", "decoy\n")],
        ..native("busybox", "1.35.0", "1.el9", "A shell that should not be chosen")
    }
}

/// A decoy: it conflicts with a package of the variant.
fn coreutils() -> Package {
    Package {
        requires: vec![any("libc.so.6()(64bit)")],
        conflicts: vec![any("coreutils-single")],
        files: vec![File::program("/usr/bin/cat", "decoy\n")],
        ..native("coreutils", "8.32", "34.el9", "Everyday commands in many binaries")
    }
}
