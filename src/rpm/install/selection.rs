//! Selects the files of a package to install: skips documentation, languages, and directories that
//! become empty.

use rustc_hash::FxHashMap;

use crate::catalog::Langs;
use crate::ecosystem::FileOptions;
use crate::rpm::database::FileState;
use crate::rpm::files::{File, FileKind, Flags};
use crate::tree::split;

/// Returns the state of each file of a package, in the header's order.
///
/// The rules are rpm's (`lib/transaction.c`, `skipInstallFiles`). A file is left out if it is
/// documentation and documentation is not wanted, or if none of its languages is wanted. A
/// directory of the package is also left out if all of the package's files in it are.
pub(super) fn select(files: &[File], options: &FileOptions) -> Vec<FileState> {
    let mut states: Vec<FileState> =
        files.iter().map(|file| if is_wanted(file, options) { FileState::Normal } else { FileState::NotInstalled }).collect();
    if states.contains(&FileState::NotInstalled) {
        leave_out_emptied_directories(files, &mut states);
    }
    states
}

/// Reports whether a file itself is wanted. A license is never left out.
pub(super) fn is_wanted(file: &File, options: &FileOptions) -> bool {
    file.flags.contains(Flags::LICENSE)
        || ((options.docs || !file.flags.contains(Flags::DOC)) && language_wanted(&file.languages, &options.langs))
}

/// A directory that has files of the package.
#[derive(Default)]
struct Parent {
    /// Number of the package's files in it that are installed.
    kept: usize,
    /// True if one of the package's files in it was left out.
    emptied: bool,
}

/// Leaves out the package's own directories that become empty. Subdirectories are processed first,
/// because they can make their parent empty.
fn leave_out_emptied_directories(files: &[File], states: &mut [FileState]) {
    let mut numbers: FxHashMap<&[u8], usize> = FxHashMap::default();
    let mut parents: Vec<(&[u8], Parent)> = Vec::new();
    let mut parent_of = Vec::with_capacity(files.len());
    for (file, &state) in files.iter().zip(&*states) {
        let path = split(&file.path).0;
        let number = *numbers.entry(path).or_insert_with(|| {
            parents.push((path, Parent::default()));
            parents.len() - 1
        });
        let kept = state == FileState::Normal;
        parents[number].1.kept += usize::from(kept);
        parents[number].1.emptied |= !kept;
        parent_of.push(number);
    }
    let directories: FxHashMap<&[u8], usize> = files
        .iter()
        .enumerate()
        .filter(|&(index, file)| file.kind == FileKind::Directory && states[index] == FileState::Normal)
        .map(|(index, file)| (&*file.path, index))
        .collect();
    for number in (0..parents.len()).rev() {
        let (path, Parent { kept: 0, emptied: true }) = &parents[number] else { continue };
        if let Some(&index) = directories.get(path) {
            states[index] = FileState::NotInstalled;
            let parent = &mut parents[parent_of[index]].1;
            parent.kept = parent.kept.saturating_sub(1);
            parent.emptied = true;
        }
    }
}

/// Reports whether a file with these languages is wanted. A file without languages always is.
///
/// A language of a file matches every wanted language that begins with it, so `en` matches
/// `en_US.UTF-8` (`skipInstallFiles`).
fn language_wanted(languages: &[Box<[u8]>], wanted: &Langs) -> bool {
    match wanted {
        Langs::All => true,
        Langs::Only(_) if languages.is_empty() => true,
        Langs::Only(list) => {
            let begins = |want: &str| languages.iter().any(|language| want.as_bytes().starts_with(language));
            list.iter().any(|want| want == "all" || begins(want))
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

    fn in_languages(path: &str, languages: &[&str]) -> File {
        File { languages: languages.iter().map(|language| language.as_bytes().into()).collect(), ..test_file(path, 0o100_644) }
    }

    #[test]
    fn documentation_and_languages_are_left_out_with_the_directories_that_they_empty() {
        use FileState::{Normal, NotInstalled};
        let doc = |file: File| File { flags: Flags::DOC, ..file };
        let files = [
            test_file("/usr/share/doc/a", 0o040_755),
            doc(test_file("/usr/share/doc/a/README", 0o100_644)),
            test_file("/usr/share/licenses/a", 0o040_755),
            test_file("/usr/share/licenses/a/COPYING", 0o100_644),
            test_file("/usr/share/locale/de", 0o040_755),
            in_languages("/usr/share/locale/de/a.mo", &["de", "de_AT"]),
            test_file("/var/empty", 0o040_755),
        ];
        assert_eq!(states(&files, true, &["de"]), [Normal; 7]);
        assert_eq!(states(&files, true, &["all"]), [Normal; 7]);
        assert_eq!(states(&files, false, &["de_AT"]), [NotInstalled, NotInstalled, Normal, Normal, Normal, Normal, Normal]);
        assert_eq!(states(&files, true, &["C.utf8"]), [Normal, Normal, Normal, Normal, NotInstalled, NotInstalled, Normal]);
    }

    #[test]
    fn a_file_is_wanted_if_one_of_its_languages_begins_a_wanted_one() {
        let wanted =
            |languages: &[&str], want: &[&str]| states(&[in_languages("/x", languages)], true, want) == [FileState::Normal];
        assert!(wanted(&["en"], &["en_US.UTF-8"]));
        assert!(wanted(&["sr"], &["sr@latin"]));
        assert!(wanted(&["fr", "de"], &["C", "de_AT"]));
        assert!(wanted(&["C"], &["C.utf8"]));
        assert!(wanted(&["xx"], &["de", "all"]));
        assert!(!wanted(&["en_US"], &["en"]), "the longer name is not the beginning of the shorter one");
        assert!(!wanted(&["en_GB"], &["en_US.UTF-8"]));
        assert!(!wanted(&["en"], &["C", "POSIX"]));
        assert!(!wanted(&["en"], &["EN_us"]));
        assert!(!wanted(&["de"], &[]));
        assert!(wanted(&[], &[]));
    }

    #[test]
    fn an_emptied_directory_empties_the_one_above_it() {
        use FileState::{Normal, NotInstalled};
        let files = [
            test_file("/usr/share/locale", 0o040_755),
            test_file("/usr/share/locale/de", 0o040_755),
            test_file("/usr/share/locale/de/LC_MESSAGES", 0o040_755),
            in_languages("/usr/share/locale/de/LC_MESSAGES/a.mo", &["de"]),
            test_file("/usr/share/locale/en", 0o040_755),
            in_languages("/usr/share/locale/en/a.mo", &["en"]),
        ];
        let expected = [Normal, NotInstalled, NotInstalled, NotInstalled, Normal, Normal];
        assert_eq!(states(&files, true, &["en_US"]), expected);
        assert_eq!(states(&files, true, &["C"]), [NotInstalled; 6]);
    }

    #[test]
    fn a_license_is_installed_whatever_its_language_and_without_documentation() {
        let file = File { flags: Flags(Flags::LICENSE.0 | Flags::DOC.0), ..in_languages("/usr/share/licenses/a", &["de"]) };
        assert_eq!(states(&[file], false, &["C"]), [FileState::Normal]);
    }
}
