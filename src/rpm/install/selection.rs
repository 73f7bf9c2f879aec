//! Which files of a package are installed: documentation, languages, and directories that are left with nothing.

use rustc_hash::FxHashMap;

use crate::catalog::Langs;
use crate::ecosystem::FileOptions;
use crate::rpm::database::FileState;
use crate::rpm::files::{File, FileKind, Flags};
use crate::tree::split;

/// The state of each file of a package, in its order, by what is asked for.
///
/// The rules are rpm's (`lib/transaction.c`, `skipInstallFiles`): a file is left out when it is documentation and none is wanted, or when it
/// has languages and none of them is wanted; then a directory of the package goes too, if all that the package has directly in it went.
pub(super) fn select(files: &[File], options: &FileOptions) -> Vec<FileState> {
    let mut states: Vec<FileState> =
        files.iter().map(|file| if is_wanted(file, options) { FileState::Normal } else { FileState::NotInstalled }).collect();
    if states.contains(&FileState::NotInstalled) {
        leave_out_emptied_directories(files, &mut states);
    }
    states
}

/// Whether a file is wanted for itself.
pub(super) fn is_wanted(file: &File, options: &FileOptions) -> bool {
    (options.docs || !file.flags.contains(Flags::DOC)) && language_wanted(&file.languages, &options.langs)
}

fn leave_out_emptied_directories(files: &[File], states: &mut [FileState]) {
    // Of each directory: how many of the package's files it holds, and how many of them stay.
    let mut held: FxHashMap<&[u8], (usize, usize)> = FxHashMap::default();
    for (file, &state) in files.iter().zip(&*states) {
        let (all, kept) = held.entry(split(&file.path).0).or_default();
        *all += 1;
        *kept += usize::from(state == FileState::Normal);
    }
    for (file, state) in files.iter().zip(states) {
        if file.kind == FileKind::Directory && held.get(&*file.path).is_some_and(|&(_, kept)| kept == 0) {
            *state = FileState::NotInstalled;
        }
    }
}

/// Whether a file for these languages (none: for all) is wanted.
fn language_wanted(languages: &[Box<[u8]>], wanted: &Langs) -> bool {
    match wanted {
        Langs::All => true,
        Langs::Only(_) if languages.is_empty() => true,
        Langs::Only(list) => {
            list.iter().any(|want| want == "all" || languages.iter().any(|language| **language == *want.as_bytes()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn test_file(path: &str, mode: u16) -> File {
        let kind = if mode & 0o170_000 == 0o040_000 { FileKind::Directory } else { FileKind::Regular };
        File {
            path: path.as_bytes().into(),
            kind,
            mode,
            mtime: 0,
            user: "root".into(),
            group: "root".into(),
            flags: Flags::default(),
            verify: 0,
            languages: Vec::new(),
            color: 0,
            digest: None,
            size: 0,
            link_target: Box::default(),
            rdev: 0,
            inode: (0, 0),
            capabilities: None,
        }
    }

    fn states(files: &[File], docs: bool, langs: &[&str]) -> Vec<FileState> {
        let langs = Langs::Only(langs.iter().map(ToString::to_string).collect());
        select(files, &FileOptions { docs, langs })
    }

    #[test]
    fn documentation_and_languages_are_left_out_with_the_directories_that_they_empty() {
        use FileState::{Normal, NotInstalled};
        let doc = |file: File| File { flags: Flags::DOC, ..file };
        let german = |file: File| File { languages: vec![b"de".as_slice().into(), b"de_AT".as_slice().into()], ..file };
        let files = [
            test_file("/usr/share/doc/a", 0o040_755),
            doc(test_file("/usr/share/doc/a/README", 0o100_644)),
            test_file("/usr/share/licenses/a", 0o040_755),
            test_file("/usr/share/licenses/a/COPYING", 0o100_644),
            test_file("/usr/share/locale/de", 0o040_755),
            german(test_file("/usr/share/locale/de/a.mo", 0o100_644)),
            test_file("/var/empty", 0o040_755),
        ];
        assert_eq!(states(&files, true, &["de"]), [Normal; 7]);
        assert_eq!(states(&files, true, &["all"]), [Normal; 7]);
        assert_eq!(states(&files, false, &["de_AT"]), [NotInstalled, NotInstalled, Normal, Normal, Normal, Normal, Normal]);
        assert_eq!(states(&files, true, &["C.utf8"]), [Normal, Normal, Normal, Normal, NotInstalled, NotInstalled, Normal]);
    }
}
