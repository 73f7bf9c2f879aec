mod foreign;

use std::fmt::Write as _;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use proptest::prelude::*;

use super::program::{Format, Program};
use super::*;
use crate::finish::testing::{micro_tree, shipped_digest, without_peer};

/// Load address of test images, different from their file offset.
const LOADED: u64 = 0x10000;

/// A shared object with only the parts that ldconfig reads.
#[derive(Clone, Debug)]
pub(super) struct Image {
    machine: u16,
    wide: bool,
    big_endian: bool,
    elf_flags: u32,
    soname: Option<&'static str>,
    needed: &'static [&'static str],
    abi: Option<[u32; 4]>,
    isa: Option<u32>,
}

impl Image {
    const X86_64: Self =
        Self { machine: 62, wide: true, big_endian: false, elf_flags: 0, soname: None, needed: &[], abi: None, isa: None };

    fn named(soname: &'static str) -> Self {
        Self { soname: Some(soname), ..Self::X86_64 }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let half = |out: &mut Vec<u8>, n: u16| out.extend(if self.big_endian { n.to_be_bytes() } else { n.to_le_bytes() });
        let word = |out: &mut Vec<u8>, n: u32| out.extend(if self.big_endian { n.to_be_bytes() } else { n.to_le_bytes() });
        let long = |out: &mut Vec<u8>, n: u64| match (self.wide, self.big_endian) {
            (true, true) => out.extend(n.to_be_bytes()),
            (true, false) => out.extend(n.to_le_bytes()),
            (false, true) => out.extend((n as u32).to_be_bytes()),
            (false, false) => out.extend((n as u32).to_le_bytes()),
        };
        let mut strings = vec![0u8];
        let mut dynamic: Vec<(u64, u64)> = Vec::new();
        for (tag, name) in self.needed.iter().map(|name| (1, name)).chain(self.soname.iter().map(|name| (14, name))) {
            dynamic.push((tag, strings.len() as u64));
            strings.extend(name.as_bytes());
            strings.push(0);
        }
        let mut abi = Vec::new();
        if let Some(tag) = self.abi {
            for n in [4, 16, 1] {
                word(&mut abi, n);
            }
            abi.extend(b"GNU\0");
            for n in tag {
                word(&mut abi, n);
            }
        }
        let mut property = Vec::new();
        if let Some(isa) = self.isa {
            // 0xc0000002 (control flow) comes first, in the order of compilers.
            let padding = if self.wide { 4 } else { 0 };
            for n in [4, 2 * (12 + padding), 5] {
                word(&mut property, n);
            }
            property.extend(b"GNU\0");
            for (kind, value) in [(0xc000_0002, 3), (0xc000_8002, isa)] {
                word(&mut property, kind);
                word(&mut property, 4);
                word(&mut property, value);
                property.resize(property.len() + padding as usize, 0);
            }
        }
        let (header, segment, align) = if self.wide { (64u64, 56u64, 8u64) } else { (52, 32, 4) };
        let segments = 2 + u64::from(self.abi.is_some()) + u64::from(self.isa.is_some());
        let strings_at = header + segments * segment;
        let abi_at = (strings_at + strings.len() as u64).next_multiple_of(8);
        let property_at = (abi_at + abi.len() as u64).next_multiple_of(8);
        let dynamic_at = (property_at + property.len() as u64).next_multiple_of(8);
        dynamic.push((5, strings_at + LOADED));
        dynamic.push((0, 0));
        let end = dynamic_at + dynamic.len() as u64 * 2 * align;

        out.extend(b"\x7fELF");
        out.extend([1 + u8::from(self.wide), 1 + u8::from(self.big_endian), 1]);
        out.resize(16, 0);
        half(&mut out, 3);
        half(&mut out, self.machine);
        word(&mut out, 1);
        long(&mut out, 0);
        long(&mut out, header);
        long(&mut out, 0);
        word(&mut out, self.elf_flags);
        for n in [header as u16, segment as u16, segments as u16, 0, 0, 0] {
            half(&mut out, n);
        }
        let mut put = |kind: u32, offset: u64, size: u64, align: u64| {
            word(&mut out, kind);
            if self.wide {
                word(&mut out, 4);
            }
            long(&mut out, offset);
            long(&mut out, offset + LOADED);
            long(&mut out, offset + LOADED);
            long(&mut out, size);
            long(&mut out, size);
            if !self.wide {
                word(&mut out, 4);
            }
            long(&mut out, align);
        };
        put(1, 0, end, 0x1000);
        put(2, dynamic_at, end - dynamic_at, align);
        if self.abi.is_some() {
            put(4, abi_at, abi.len() as u64, 4);
        }
        if self.isa.is_some() {
            put(0x6474_e553, property_at, property.len() as u64, align);
        }
        for (at, part) in [(strings_at, strings), (abi_at, abi), (property_at, property)] {
            if !part.is_empty() {
                out.resize(at as usize, 0);
                out.extend(part);
            }
        }
        out.resize(dynamic_at as usize, 0);
        for (tag, value) in dynamic {
            long(&mut out, tag);
            long(&mut out, value);
        }
        // The C program rejects files that are smaller than its own structures.
        out.resize(out.len() + 64, 0);
        out
    }
}

/// The same root twice: on disk for the host's ldconfig, and as a model.
struct Roots {
    directory: tempfile::TempDir,
    tree: Tree,
}

impl Roots {
    /// Returns `None` if the host's ldconfig is not that of glibc 2.36, for which these tests are
    /// written.
    fn new() -> Option<Self> {
        let program = ["/sbin/ldconfig", "/usr/sbin/ldconfig"].iter().find_map(|path| std::fs::read(path).ok());
        let Some(program) = program.filter(|bytes| bytes.windows(20).any(|w| w == b"release version 2.36")) else {
            without_peer("ldconfig of glibc 2.36");
            return None;
        };
        let mut roots = Self { directory: tempfile::tempdir().unwrap(), tree: Tree::new() };
        roots.file("/etc/ld.so.conf", b"include /etc/ld.so.conf.d/*.conf\n");
        roots.file("/sbin/ldconfig", &program);
        std::fs::create_dir_all(roots.path("/var/cache/ldconfig")).unwrap();
        Some(roots)
    }

    fn path(&self, path: &str) -> std::path::PathBuf {
        self.directory.path().join(&path[1..])
    }

    fn file(&mut self, path: &str, bytes: &[u8]) {
        let real = self.path(path);
        std::fs::create_dir_all(real.parent().unwrap()).unwrap();
        std::fs::write(real, bytes).unwrap();
        self.tree.write(path.as_bytes(), Content::from(bytes), 0o755).unwrap();
    }

    fn library(&mut self, path: &str, image: &Image) {
        self.file(path, &image.bytes());
    }

    fn link(&mut self, path: &str, target: &str) {
        let real = self.path(path);
        std::fs::create_dir_all(real.parent().unwrap()).unwrap();
        symlink(target, real).unwrap();
        let (directory, name) = crate::tree::split(path.as_bytes());
        let directory = self.tree.create_directories(directory).unwrap();
        self.tree.insert(directory, name, crate::tree::Node::symlink(target.as_bytes())).unwrap();
    }

    /// Runs both programs and compares the caches and all links.
    fn compare(mut self, format: &str) {
        let program = Program::of(self.tree.read(b"/sbin/ldconfig").unwrap()).unwrap();
        let status = Command::new("/sbin/ldconfig").args(["-c", format, "-r"]).arg(self.directory.path()).output().unwrap();
        assert!(status.status.success(), "{}", String::from_utf8_lossy(&status.stderr));
        let theirs = std::fs::read(self.path("/etc/ld.so.cache")).unwrap();

        let configured = conf::directories(&self.tree);
        let mut changes = Changes::default();
        let found = scan::scan(&mut self.tree, &program, configured, &mut changes).unwrap();
        let format = match format {
            "old" => Format::Old,
            "compat" => Format::Compat,
            _ => program.format,
        };
        let ours = cache::write(found.entries, &found.hwcaps, &program, format).unwrap();
        assert_eq!(dump(&ours), dump(&theirs));

        let mut links = String::new();
        self.tree.walk(|path, id| {
            if let NodeKind::Symlink(target) = &self.tree.node(id).kind {
                writeln!(links, "{} {}", display(path), display(target)).unwrap();
            }
        });
        let mut real = Vec::new();
        real_links(self.directory.path(), self.directory.path(), &mut real);
        real.sort();
        let mut ours: Vec<&str> = links.lines().collect();
        ours.sort_unstable();
        assert_eq!(ours, real);
    }
}

fn real_links(root: &Path, directory: &Path, out: &mut Vec<String>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_symlink() {
            let target = std::fs::read_link(entry.path()).unwrap();
            out.push(format!("{} {}", entry.path().strip_prefix(root).unwrap().display(), target.display()));
        } else if entry.file_type().unwrap().is_dir() {
            real_links(root, &entry.path(), out);
        }
    }
}

/// Formats bytes as lines for the output of a failed comparison.
fn dump(bytes: &[u8]) -> Vec<String> {
    bytes.chunks(24).map(|chunk| chunk.escape_ascii().to_string()).collect()
}

#[test]
fn the_shipped_cache_byte_for_byte() {
    let Some(mut tree) = micro_tree() else { return };
    let changes = run(&mut tree).unwrap().expect("the tree has ldconfig");
    assert_eq!(changes.libraries, 37);
    assert_eq!((changes.linked, changes.removed), (vec![], vec![]));
    assert_eq!(shipped_digest(&tree, "etc/ld.so.cache"), None);
    let node = tree.node(tree.lookup(AUX_CACHE).unwrap());
    assert_eq!((node.metadata.mode, node.content().unwrap().len()), (0o600, 33));
    // A second run changes nothing.
    run(&mut tree).unwrap();
    assert_eq!(shipped_digest(&tree, "etc/ld.so.cache"), None);
}

#[test]
fn sonames_links_and_configuration_as_the_host_does_them() {
    for format in ["new", "compat", "old"] {
        let Some(mut roots) = Roots::new() else { return };
        roots.file("/etc/ld.so.conf.d/b.conf", b"# a comment\n  /opt/b/lib  # another\n/opt/missing\n/opt/a/lib/\n");
        roots.file("/etc/ld.so.conf.d/a.conf", b"/opt/a/lib///\t\n/opt/six = libc6\n/opt/six=libc6\nhwcap 0 nosegneg\n\n");
        roots.file("/etc/ld.so.conf.d/ignored.txt", b"/opt/ignored\n");
        roots.file("/etc/ld.so.conf.d/nested.conf", b"include /etc/more/*.conf /etc/again/[0-9]?\n");
        roots.file("/etc/more/x.conf", b"/opt/more");
        roots.file("/etc/again/1a", b"/opt/again\n");
        for directory in ["/opt/a/lib", "/opt/b/lib", "/opt/six", "/opt/ignored", "/opt/more", "/opt/again", "/lib", "/usr/lib"] {
            roots.library(&format!("{directory}/libone.so.1.2"), &Image::named("libone.so.1"));
            roots.library(&format!("{directory}/libone.so.1.10"), &Image::named("libone.so.1"));
            roots.library(&format!("{directory}/libdistinct-{}.so", directory.len()), &Image::X86_64);
        }
        // A correct link, a wrong one, a file with the link's name, a stale link, a foreign stale
        // link, a development link.
        roots.library("/lib/libright.so.3.1", &Image::named("libright.so.3"));
        roots.link("/lib/libright.so.3", "libright.so.3.1");
        roots.link("/lib/libright.so", "libright.so.3.1");
        roots.library("/lib/libwrong.so.3.1", &Image::named("libwrong.so.3"));
        roots.library("/lib/libwrong.so.3.0", &Image::named("libwrong.so.3"));
        roots.link("/lib/libwrong.so.3", "libwrong.so.3.0");
        roots.library("/lib/libfile.so.4.1", &Image::named("libfile.so.4"));
        roots.library("/lib/libfile.so.4", &Image::named("libfile.so.4"));
        roots.link("/lib/libstale.so.9", "libstale.so.9.9");
        roots.link("/lib/libstale.so", "libstale.so.9.9");
        roots.link("/lib/libelsewhere.so.2", "/opt/b/lib/libone.so.1.2");
        roots.link("/lib/libloop.so.1", "libloop.so.1");
        roots.library("/lib/ld-linux-x86-64.so.2", &Image::named("ld-linux-x86-64.so.2"));
        roots.library("/lib/ld64.so.1", &Image::named("ld64.so.1"));
        roots.library("/lib/notalibrary.so.1", &Image::named("notalibrary.so.1"));
        roots.library("/lib/libx.so.1.#prelink#", &Image::named("libx.so.1"));
        roots.file("/lib/libscript.so", b"/* GNU ld script */ GROUP ( /lib/libc.so.6 )\n");
        roots.file("/lib/libempty.so.1", b"");
        roots.library("/lib/libtrailing.so.007", &Image::named("libtrailing.so.7"));
        roots.library("/lib/libnote.so.1", &Image { abi: Some([0, 3, 2, 0]), ..Image::named("libnote.so.1") });
        roots.compare(format);
    }
}

#[test]
fn other_classes_of_x86_have_their_flags() {
    for format in ["new", "compat"] {
        let Some(mut roots) = Roots::new() else { return };
        let i386 = Image { machine: 3, wide: false, ..Image::named("liba.so.1") };
        let images = [
            ("liba.so.1", i386.clone()),
            ("libb.so.1", Image { soname: Some("libb.so.1"), needed: &["libz.so.1", "libc.so.6"], ..i386.clone() }),
            ("libc5.so.1", Image { soname: Some("libc5.so.1"), needed: &["libm.so.5"], ..i386.clone() }),
            ("libx32.so.1", Image { machine: 62, soname: Some("libx32.so.1"), ..i386.clone() }),
            ("libarm.so.1", Image { machine: 183, ..Image::named("libarm.so.1") }),
            ("libwide386.so.1", Image { machine: 3, ..Image::named("libwide386.so.1") }),
            ("libbig.so.1", Image { big_endian: true, ..Image::named("libbig.so.1") }),
        ];
        roots.file("/etc/ld.so.conf.d/x.conf", b"/opt/five=libc5\n/opt/six=libc6\n/opt/any\n/opt/wrong=libc7\n");
        for directory in ["/opt/five", "/opt/six", "/opt/any", "/opt/wrong"] {
            for (name, image) in &images {
                roots.library(&format!("{directory}/{name}.0"), image);
            }
        }
        roots.compare(format);
    }
}

#[test]
fn capability_directories_new_and_old() {
    // Only the new format is tested: with capabilities, 2.36 writes the old entries beyond its
    // buffer and crashes.
    let Some(mut roots) = Roots::new() else { return };
    roots.file("/etc/ld.so.conf.d/x.conf", b"/opt/lib\n/opt/b\n");
    for directory in [
        "/opt/lib",
        "/opt/lib/glibc-hwcaps/x86-64-v3",
        "/opt/lib/glibc-hwcaps/x86-64-v2",
        "/opt/lib/glibc-hwcaps/.hidden",
        "/opt/lib/glibc-hwcaps/a:b",
        "/opt/lib/haswell",
        "/opt/lib/haswell/avx512_1",
        "/opt/lib/tls",
        "/opt/lib/tls/x86_64",
        "/opt/lib/sse2",
        "/opt/lib/plain",
        "/opt/b/glibc-hwcaps/x86-64-v4",
        "/opt/b/glibc-hwcaps/x86-64-v2/haswell",
    ] {
        roots.library(&format!("{directory}/libq.so.1.5"), &Image::named("libq.so.1"));
    }
    roots.file("/opt/b/glibc-hwcaps/unused/readme", b"");
    roots.link("/opt/b/i686", "/opt/lib/plain");
    for (i, isa) in [0u32, 1, 2, 3, 4, 7, 8, 15, 16, 0x23].into_iter().enumerate() {
        let name: &'static str = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"][i];
        let image = Image { isa: Some(isa), ..Image::X86_64 };
        roots.library(&format!("/opt/b/glibc-hwcaps/x86-64-v2/lib{name}.so"), &image);
        let narrow = Image { machine: 3, wide: false, ..image };
        roots.library(&format!("/opt/b/glibc-hwcaps/x86-64-v2/lib{name}{name}.so"), &narrow);
    }
    roots.compare("new");
}

#[test]
fn the_host_s_own_libraries() {
    let Some(mut roots) = Roots::new() else { return };
    let Ok(entries) = std::fs::read_dir("/usr/lib/x86_64-linux-gnu") else { return };
    roots.file("/etc/ld.so.conf.d/x.conf", b"/usr/lib/x86_64-linux-gnu\n");
    for entry in entries.flatten() {
        let name = entry.file_name().into_string().unwrap();
        if !name.contains(".so") || entry.metadata().is_ok_and(|m| m.len() > 1 << 22) {
            continue;
        }
        let path = format!("/usr/lib/x86_64-linux-gnu/{name}");
        match std::fs::read_link(entry.path()) {
            // Only links within the directory. A link is stale if its target was left out.
            Ok(target) if !target.to_string_lossy().contains('/') => roots.link(&path, &target.to_string_lossy()),
            Err(_) if entry.path().is_file() => roots.file(&path, &std::fs::read(entry.path()).unwrap()),
            _ => {}
        }
    }
    roots.compare("new");
}

#[test]
fn both_formats_of_2_28_in_both_byte_orders() {
    // An ldconfig that contains only the texts of glibc 2.28's. The test checks the layout field by
    // field.
    for (machine, big_endian, flags) in [(62u16, false, 0x303u32), (22, true, 0x403)] {
        let mut tree = Tree::new();
        let image = Image { machine, big_endian, ..Image::X86_64 };
        let mut program = image.bytes();
        program.extend(b"\0Format to use: new, old or compat (default)\0, OS ABI: %s %d.%d.%d\0%s: (hwcap: %#.16lx)\0/lib64/\0/usr/lib64/\0\0");
        tree.write(b"/usr/sbin/ldconfig", Content::from(program), 0o755).unwrap();
        let library = |soname| Image { soname: Some(soname), abi: Some([0, 3, 2, 0]), ..image.clone() };
        for (path, soname) in [
            ("/lib64/liba.so.1", "liba.so.1"),
            ("/usr/lib64/libb.so.2.0", "libb.so.2"),
            ("/lib64/libc.so.6", "libc.so.6"),
            ("/lib64/tls/liba.so.1", "liba.so.1"),
        ] {
            tree.write(path.as_bytes(), Content::from(library(soname).bytes()), 0o755).unwrap();
        }
        let changes = run(&mut tree).unwrap().unwrap();
        assert_eq!(changes.linked, [b"/usr/lib64/libb.so.2"]);
        let bytes = tree.read(CACHE).unwrap().bytes().unwrap().into_owned();
        let u32_at = |at: usize| {
            let n: [u8; 4] = bytes[at..at + 4].try_into().unwrap();
            if big_endian { u32::from_be_bytes(n) } else { u32::from_le_bytes(n) }
        };
        let text = |at: u32| bytes[at as usize..].split(|&c| c == 0).next().unwrap().to_vec();
        assert_eq!(&bytes[..12], b"ld.so-1.7.0\0");
        // Three libraries without capabilities; the last one is repeated.
        assert_eq!(u32_at(12), 4);
        let new = 16 + 4 * 12;
        for (i, soname) in ["libc.so.6", "libb.so.2", "liba.so.1", "liba.so.1"].iter().enumerate() {
            assert_eq!(u32_at(16 + i * 12), flags);
            assert_eq!(text(new as u32 + u32_at(20 + i * 12)), soname.as_bytes());
        }
        assert_eq!(&bytes[new..new + 20], b"glibc-ld.so.cache1.1");
        assert_eq!(u32_at(new + 20), 4);
        assert_eq!(bytes[new + 28..new + 48], [0; 20]);
        let strings = new + 48 + 4 * 24;
        assert_eq!(bytes.len() - strings, u32_at(new + 24) as usize, "the texts end the file");
        let expected = [
            ("libc.so.6", "/lib64/libc.so.6", 0),
            ("libb.so.2", "/usr/lib64/libb.so.2", 0),
            ("liba.so.1", "/lib64/tls/liba.so.1", 1u32 << 31),
            ("liba.so.1", "/lib64/liba.so.1", 0),
        ];
        for (i, (soname, path, high)) in expected.into_iter().enumerate() {
            let at = new + 48 + i * 24;
            assert_eq!(u32_at(at), flags);
            assert_eq!(text(new as u32 + u32_at(at + 4)), soname.as_bytes());
            assert_eq!(text(new as u32 + u32_at(at + 8)), path.as_bytes());
            assert_eq!(u32_at(at + 12), 0x0003_0200);
            assert_eq!(if big_endian { u32_at(at + 16) } else { u32_at(at + 20) }, high);
        }
    }
}

#[test]
fn without_ldconfig_nothing_is_done() {
    let mut tree = Tree::new();
    tree.write(b"/usr/lib64/libx.so.1.0", Content::from(Image::named("libx.so.1").bytes()), 0o755).unwrap();
    assert_eq!(run(&mut tree).unwrap(), None);
    assert!(tree.lookup(CACHE).is_none());
}

#[test]
fn sonames_lead_nowhere_else_and_includes_end() {
    let mut tree = Tree::new();
    let mut program = Image::X86_64.bytes();
    program.extend(b"\0new (default)\0");
    tree.write(b"/sbin/ldconfig", Content::from(program), 0o755).unwrap();
    tree.write(b"/etc/ld.so.conf", Content::from(&b"include /etc/ld.so.conf\n/x\n"[..]), 0o644).unwrap();
    for (i, soname) in ["../../etc/passwd", "/etc/passwd", "..", ".", ""].into_iter().enumerate() {
        tree.write(format!("/lib64/lib{i}.so.1").as_bytes(), Content::from(Image::named(soname).bytes()), 0o755).unwrap();
    }
    let changes = run(&mut tree).unwrap().unwrap();
    assert_eq!(changes.linked, Vec::<Vec<u8>>::new());
    assert!(tree.lookup(b"/etc/passwd").is_none());
}

proptest! {
    #[test]
    fn damaged_libraries_are_read_without_harm(
        at in proptest::collection::vec((0usize..600, any::<u8>()), 1..8),
        cut in 0usize..700,
        wide: bool,
        big_endian: bool,
    ) {
        let image = Image { wide, big_endian, abi: Some([0, 3, 2, 0]), isa: Some(7), needed: &["libc.so.6"], machine: if wide { 62 } else { 3 }, ..Image::named("libx.so.1") };
        let mut bytes = image.bytes();
        for (i, c) in at {
            if i < bytes.len() {
                bytes[i] = c;
            }
        }
        bytes.truncate(bytes.len().saturating_sub(cut / 4));
        let content = Content::from(bytes);
        for machine in [62, 3, 183, 21, 22, 243, 258, 0] {
            let reading = elf::Reading { machine: machine::Machine::of(machine), layout: crate::finish::binary::Layout { wide, big_endian }, libc6_only: cut % 2 == 0 };
            let _ = elf::library(&content, reading);
        }
        let _ = Program::of(&content);
    }

    #[test]
    fn any_names_sort_without_harm(names in proptest::collection::vec("lib[a-z0-9.\u{e9}]{0,24}", 0..40)) {
        let Some(program) = Program::of(&Content::from([Image::X86_64.bytes(), b"\0new (default)\0ldconfig (x) stable release version 2.34\0".to_vec()].concat())) else {
            return Err(TestCaseError::fail("no program"));
        };
        let entries = names.iter().map(|name| cache::Entry {
            soname: name.clone().into_bytes(),
            path: format!("/lib64/{name}").into_bytes(),
            flags: 0x303,
            osversion: 0,
            capabilities: 0,
            isa_level: 0,
            hwcaps: None,
        });
        let bytes = cache::write(entries.collect(), &[], &program, Format::Compat).unwrap();
        prop_assert!(bytes.len() > names.len() * 36);
    }
}
