//! Programs for machines other than the host's: their directories, and the tree's own ldconfig
//! under an emulator.

use super::*;
use crate::finish::binary;
use crate::tree::Node;

/// Returns the emulator for a machine, if the host cannot run its programs directly.
fn emulator(elf_machine: u16, big_endian: bool) -> Option<&'static str> {
    Some(match (elf_machine, big_endian) {
        (183, false) => "qemu-aarch64-static",
        (40, false) => "qemu-arm-static",
        (21, false) => "qemu-ppc64le-static",
        (21, true) => "qemu-ppc64-static",
        (22, true) => "qemu-s390x-static",
        (62, false) => "qemu-x86_64-static",
        (3, false) => "qemu-i386-static",
        (243, false) => "qemu-riscv64-static",
        (258, false) => "qemu-loongarch64-static",
        _ => return None,
    })
}

/// Writes to disk the part of a tree that ldconfig reads.
fn write_out(tree: &Tree, root: &Path) {
    tree.walk(|path, id| {
        let path = root.join(display(path));
        match &tree.node(id).kind {
            NodeKind::Directory(_) => std::fs::create_dir_all(path).unwrap(),
            NodeKind::File(content) => {
                std::fs::write(&path, content.bytes().unwrap()).unwrap();
                let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
                std::fs::set_permissions(&path, mode).unwrap();
            }
            NodeKind::Symlink(target) => symlink(display(target), path).unwrap(),
            _ => {}
        }
    });
}

/// Runs a tree's own ldconfig under an emulator and compares its cache with ours.
#[test]
fn the_trees_own_ldconfig_makes_the_same_cache() {
    let Some(mut tree) = micro_tree() else { return };
    let program = tree.read(b"/sbin/ldconfig").unwrap();
    let header = binary::header(program).unwrap();
    let emulator = emulator(header.machine, header.layout.big_endian).unwrap();
    if Command::new(emulator).arg("--version").output().is_err() || !rustix::process::geteuid().is_root() {
        without_peer(emulator);
        return;
    }
    // One library in each possible sibling of a standard directory.
    let image = Image { machine: header.machine, ..Image::X86_64 };
    for (number, directory) in ["/usr/lib", "/usr/libilp32", "/usr/libx32", "/usr/lib32", "/usr/lib64/sf"].into_iter().enumerate()
    {
        let soname: &'static str = ["liba.so.1", "libb.so.1", "libc1.so.1", "libd.so.1", "libe.so.1"][number];
        let library = Image { soname: Some(soname), ..image.clone() };
        tree.write(format!("{directory}/{soname}.0").as_bytes(), Content::from(library.bytes()), 0o755).unwrap();
    }
    tree.remove(CACHE);
    let root = tempfile::tempdir().unwrap();
    write_out(&tree, root.path());
    let at = |path: &str| root.path().join(path);
    let mut command = Command::new(emulator);
    let output = command.arg(at("sbin/ldconfig")).arg("-r").arg(root.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    run(&mut tree).unwrap().unwrap();
    let ours = tree.read(CACHE).unwrap().bytes().unwrap().into_owned();
    assert_eq!(dump(&ours), dump(&std::fs::read(at("etc/ld.so.cache")).unwrap()));
    assert!(binary::find(&ours, b"/lib/liba.so.1").is_some());
}

#[test]
fn directories_beside_the_standard_ones_are_read_where_the_program_is_of_s390x_or_ppc64le() {
    for (machine, big_endian, loader, flags) in [(22u16, true, "ld64.so.1", 0x403u32), (21, false, "ld64.so.2", 0x503)] {
        let mut tree = Tree::new();
        let image = Image { machine, big_endian, ..Image::X86_64 };
        let mut program = image.bytes();
        program.extend(b"\0new (default)\0ldconfig (GNU libc) stable release version 2.34\0ld64.so.\0/lib64/\0/usr/lib64/\0\0");
        tree.write(b"/usr/sbin/ldconfig", Content::from(program), 0o755).unwrap();
        for link in ["lib", "lib64", "sbin"] {
            tree.insert(Tree::ROOT, link.as_bytes(), Node::symlink(format!("usr/{link}").as_bytes())).unwrap();
        }
        let file = Image { soname: Some(loader), ..image.clone() }.bytes();
        tree.write(format!("/usr/lib64/{loader}").as_bytes(), Content::from(file), 0o755).unwrap();
        let lib = tree.create_directories(b"/usr/lib").unwrap();
        tree.insert(lib, loader.as_bytes(), Node::symlink(format!("../lib64/{loader}").as_bytes())).unwrap();
        assert_eq!(run(&mut tree).unwrap().unwrap().libraries, 2);
        let bytes = tree.read(CACHE).unwrap().bytes().unwrap().into_owned();
        for path in [format!("/lib/{loader}\0"), format!("/lib64/{loader}\0")] {
            assert!(binary::find(&bytes, path.as_bytes()).is_some(), "{path}");
        }
        let first = if big_endian { flags.to_be_bytes() } else { flags.to_le_bytes() };
        assert_eq!(bytes[48..52], first);
    }
}
