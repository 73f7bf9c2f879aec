//! Native replacements of programs, on files from packages: shell scriptlets, `tmpfiles.d`,
//! `sysusers.d`, libraries for `ldconfig`, the names built into busybox, owners by `passwd` and
//! `group`. The first byte selects one.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rootstrap::finish::scriptlet::{Dialect, Recognised, recognise_in};
use rootstrap::finish::{busybox, iconvconfig, ldconfig, owners, sysusers, tmpfiles};
use rootstrap::package::Content;
use rootstrap::tree::Tree;
use rootstrap_fuzz::check_tree;

fn put(tree: &mut Tree, path: &str, bytes: &[u8]) {
    tree.write(path.as_bytes(), Content::from(bytes.to_vec()), 0o755).expect("nothing is in the way");
}

fuzz_target!(|data: &[u8]| {
    let Some((&which, data)) = data.split_first() else { return };
    let mut tree = Tree::new();
    put(&mut tree, "/etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n");
    put(&mut tree, "/etc/group", b"root:x:0:\n");
    match which % 6 {
        0 => {
            for dialect in [Dialect::Linux, Dialect::Busybox] {
                let words = ["/bin/sh".to_owned()];
                let found = recognise_in(dialect, &words, data);
                assert_eq!(found, recognise_in(dialect, &words, data));
                if let Recognised::Replaced(jobs) = found {
                    for job in jobs {
                        let _ = job.run(&mut tree, 0);
                    }
                }
            }
        }
        1 => {
            put(&mut tree, "/usr/lib/tmpfiles.d/fuzz.conf", data);
            let _ = tmpfiles::apply(&mut tree, "usr/lib/tmpfiles.d/fuzz.conf");
        }
        2 => {
            put(&mut tree, "/usr/lib/sysusers.d/fuzz.conf", data);
            let _ = sysusers::run(&mut tree, 0);
        }
        3 => {
            put(&mut tree, "/sbin/ldconfig", data);
            put(&mut tree, "/lib64/libfuzz.so.1", data);
            put(&mut tree, "/etc/ld.so.conf", data);
            let _ = ldconfig::run(&mut tree);
            put(&mut tree, "/usr/lib64/gconv/gconv-modules", data);
            let _ = iconvconfig::run(&mut tree);
        }
        4 => {
            let _ = busybox::built_in(&Content::from(data.to_vec()));
        }
        _ => {
            put(&mut tree, "/etc/passwd", data);
            put(&mut tree, "/etc/group", data);
            let _ = owners::resolve(&mut tree);
        }
    }
    check_tree(&tree);
});
