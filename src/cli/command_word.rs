//! Finds the command among the words of the command line.
//!
//! Input: the words that the user typed. Output: the words with the command first, as clap expects
//! them, or a failure that names the intended command. The names of commands, their hidden aliases
//! and their options come from clap's own list.

use std::ffi::OsString;
use std::path::Path;

use clap::{Arg, ArgAction, Command};

use super::failure::Failure;

/// Returns the words with the command moved before the options that precede it.
///
/// Fails if the word in the position of a command is a near miss of a command, or another package
/// manager's name for one. Such a word would otherwise be parsed as OUT.
pub(super) fn arrange(command: &mut Command, mut words: Vec<OsString>) -> Result<Vec<OsString>, Failure> {
    // Building clap's list takes time in each run, and a command in its place needs only the names.
    if words.get(1).is_some_and(|word| command.get_subcommands().any(|known| *word == *known.get_name())) {
        return Ok(words);
    }
    // Rendering anything makes clap add `help`, `--help` and `--version`.
    let _ = command.render_usage();
    let name = |word: &OsString| command.get_subcommands().find(|known| *word == *known.get_name());
    if words.get(1).is_some_and(|word| name(word).is_some()) {
        return Ok(words);
    }
    for place in 2..words.len() {
        let Some(found) = name(&words[place]) else { continue };
        let own = built(found);
        let table = |option: Flag<'_>| takes_value(&own, option).or_else(|| takes_value(command, option));
        if first_operand(&words, &table) == Some((place, false)) {
            let word = words.remove(place);
            words.insert(1, word);
            return Ok(words);
        }
    }
    let all = std::cell::OnceCell::new();
    let table = |option: Flag<'_>| {
        takes_value(command, option).or_else(|| {
            let all: &Vec<Command> = all.get_or_init(|| command.get_subcommands().map(built).collect());
            all.iter().filter_map(|known| takes_value(known, option)).reduce(|one, other| one || other)
        })
    };
    let first = first_operand(&words, &table).and_then(|(place, _)| words[place].to_str());
    first.and_then(|word| refusal(command, word)).map_or(Ok(words), Err)
}

/// Returns a command with its options, which are built only when needed.
fn built(command: &Command) -> Command {
    let mut command = command.clone();
    let _ = command.render_usage();
    command
}

/// An option as the user typed it: `--name` or one letter of `-xyz`.
#[derive(Clone, Copy)]
enum Flag<'a> {
    Long(&'a str),
    Short(char),
}

/// Returns whether the word after an option is its value, or `None` if the command has no such
/// option.
fn takes_value(command: &Command, option: Flag<'_>) -> Option<bool> {
    let is_it = |argument: &&Arg| match option {
        Flag::Long(name) => {
            argument.get_long() == Some(name) || argument.get_all_aliases().is_some_and(|aliases| aliases.contains(&name))
        }
        Flag::Short(letter) => {
            argument.get_short() == Some(letter)
                || argument.get_all_short_aliases().is_some_and(|aliases| aliases.contains(&letter))
        }
    };
    let needs_one = |argument: &Arg| argument.get_num_args().is_none_or(|number| number.min_values() > 0);
    command.get_arguments().find(is_it).map(|argument| argument.get_action().takes_values() && needs_one(argument))
}

/// Returns the position of the first word that is neither an option nor the value of one, and
/// whether it follows `--`.
fn first_operand(words: &[OsString], takes_value: &dyn Fn(Flag<'_>) -> Option<bool>) -> Option<(usize, bool)> {
    let mut place = 1;
    while let Some(word) = words.get(place) {
        let word = word.to_string_lossy();
        let is_value_next = if word == "--" {
            return (place + 1 < words.len()).then_some((place + 1, true));
        } else if let Some(long) = word.strip_prefix("--") {
            !long.contains('=') && takes_value(Flag::Long(long)) == Some(true)
        } else if let Some(letters) = word.strip_prefix('-').filter(|letters| !letters.is_empty()) {
            // The rest of the word is the value, unless the option is its last letter.
            let valued = letters.char_indices().find(|&(_, letter)| takes_value(Flag::Short(letter)) == Some(true));
            valued.is_some_and(|(at, letter)| at + letter.len_utf8() == letters.len())
        } else {
            return Some((place, false));
        };
        place += 1 + usize::from(is_value_next);
    }
    None
}

/// Returns the failure for a word in the position of OUT that stands for a command.
fn refusal(command: &Command, word: &str) -> Option<Failure> {
    // A word with a slash, a dot or a digit is a path.
    let is_command = command.get_subcommands().any(|known| known.get_name() == word);
    if word.is_empty() || !word.chars().all(|c| c.is_ascii_alphabetic() || matches!(c, '-' | '_')) {
        return None;
    }
    let typed = word.to_ascii_lowercase().replace('_', "-");
    let invoked = |names: &[&str], known: &Command| {
        let about = known.get_about().map(|about| format!(": {about}")).unwrap_or_default();
        format!("`rootstrap {}`{about}", names.join(" "))
    };
    let mut meant: Vec<String> = Vec::new();
    for known in command.get_subcommands() {
        if known.get_name() != typed && known.get_all_aliases().all(|alias| alias != typed) {
            continue;
        }
        // The word may name a subcommand of this command: `clean` is `cache clean`.
        let own = built(known);
        let below = own.get_subcommands().find(|below| below.get_name() == typed);
        meant.push(match below {
            Some(below) => invoked(&[known.get_name(), below.get_name()], below),
            None => invoked(&[known.get_name()], known),
        });
    }
    for argument in command.get_arguments().filter(|argument| matches!(argument.get_action(), ArgAction::Version)) {
        if let Some(long) = argument.get_long().filter(|long| *long == typed) {
            meant.push(format!("`rootstrap --{long}`"));
        }
    }
    let mut failure = if is_command {
        Failure::usage(format!("`{word}` is a command: it is no name for OUT"))
    } else if meant.is_empty() {
        // A word that names an existing path is that path.
        let near = nearest(command, &typed).filter(|_| !Path::new(word).exists())?;
        Failure::usage(format!("`{word}` is not a command of rootstrap"))
            .hint(format!("did you mean the command `{}`?", near.get_name()))
    } else {
        Failure::usage(format!("`{word}` is not a command of rootstrap"))
    };
    for meant in meant {
        failure = failure.hint(format!("the command is {meant}"));
    }
    Some(failure.hint(format!("if OUT is meant to have this name: ./{word}")))
}

/// Returns the command whose name, or else one of its aliases, is nearest to a mistyped word.
fn nearest<'a>(command: &'a Command, typed: &str) -> Option<&'a Command> {
    let distance = |name: &str| slips(typed, name);
    let by_name = command.get_subcommands().filter_map(|known| Some((distance(known.get_name())?, known)));
    let by_alias =
        command.get_subcommands().filter_map(|known| Some((known.get_all_aliases().filter_map(distance).min()?, known)));
    by_name.min_by_key(|&(slips, _)| slips).or_else(|| by_alias.min_by_key(|&(slips, _)| slips)).map(|(_, known)| known)
}

/// The keys of a keyboard, row by row.
const KEYS: [&str; 3] = ["qwertyuiop", "asdfghjkl", "zxcvbnm"];

/// Reports whether two letters are next to each other on a keyboard.
fn are_neighbors(one: u8, other: u8) -> bool {
    let place = |letter: u8| {
        let found = KEYS.iter().enumerate().find_map(|(row, keys)| Some((row, keys.bytes().position(|key| key == letter)?)));
        found.map(|(row, column)| (row as i32, column as i32))
    };
    let (Some((row, column)), Some((other_row, other_column))) = (place(one), place(other)) else { return false };
    match other_row - row {
        0 => (other_column - column).abs() == 1,
        // Each row lies half a key to the right of the one above it.
        1 => (-1..=0).contains(&(other_column - column)),
        -1 => (0..=1).contains(&(other_column - column)),
        _ => false,
    }
}

/// Returns the number of typing errors between two words, or `None` if they are different words. A
/// typing error swaps two letters, omits one, adds one, or hits a neighboring key. English words
/// are not typing errors: `remote` is not `remove`, and `locked` is not `lock`.
fn slips(typed: &str, name: &str) -> Option<usize> {
    let (typed, name) = (typed.as_bytes(), name.as_bytes());
    // In a short word, any error but a swap makes another word. A long word may have two errors.
    let most = if name.len() >= 7 { 2 } else { 1 };
    let is_longer = typed.starts_with(name) && typed.len() > name.len() && typed.last() != name.last();
    let is_singular = typed.len() < SHORT + 1 && name.strip_suffix(b"s") == Some(typed);
    if is_longer || is_singular || typed.len() + 2 < name.len() {
        return None;
    }
    (1..=most).find(|&budget| reaches(typed, name, budget, name.len() <= SHORT))
}

/// Maximum length of a short word. It must have all letters of a name to count as a typing error
/// for it.
const SHORT: usize = 4;

/// Reports whether at most `budget` typing errors separate two words. In a short word, only swaps
/// count.
fn reaches(typed: &[u8], name: &[u8], budget: usize, is_short: bool) -> bool {
    let same = typed.iter().zip(name).take_while(|(one, other)| one == other).count();
    let (typed, name) = (&typed[same..], &name[same..]);
    if typed.is_empty() && name.is_empty() {
        return true;
    }
    if budget == 0 {
        return false;
    }
    let after = |from: usize, to: usize| {
        from <= typed.len() && to <= name.len() && reaches(&typed[from..], &name[to..], budget - 1, is_short)
    };
    let is_swap = typed.len() > 1 && name.len() > 1 && typed[0] == name[1] && typed[1] == name[0];
    if is_swap && after(2, 2) {
        return true;
    }
    let is_beside = || typed.first().zip(name.first()).is_some_and(|(&one, &other)| are_neighbors(one, other));
    !is_short && (after(0, 1) || after(1, 0) || (is_beside() && after(1, 1)))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::super::arguments::Cli;
    use super::*;

    fn arranged(words: &[&str]) -> Result<String, Failure> {
        let words = std::iter::once("rootstrap").chain(words.iter().copied()).map(OsString::from).collect();
        let arranged = arrange(&mut Cli::command(), words)?;
        Ok(arranged[1..].iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn options_before_the_command_come_after_it() {
        for (given, expected) in [
            ("--distro a --release 9 resolve bash", "resolve --distro a --release 9 bash"),
            ("--distro=a -q -j4 resolve --each x", "resolve --distro=a -q -j4 --each x"),
            ("-qj 4 resolve x", "resolve -qj 4 x"),
            ("--root R remove musl", "remove --root R musl"),
            ("--installed list R", "list --installed R"),
            ("--installed R remove x", "remove --installed R x"),
            ("--cache-dir c cache list", "cache --cache-dir c list"),
            ("--tar x.tar resolve bash", "resolve --tar x.tar bash"),
            ("--variant list --mirror fetch ./out", "--variant list --mirror fetch ./out"),
            ("--distro a out resolve", "--distro a out resolve"),
            ("resolve upgrade", "resolve upgrade"),
            ("--oci images", "--oci images"),
        ] {
            let words: Vec<&str> = given.split(' ').collect();
            assert_eq!(arranged(&words).unwrap(), expected, "{given}");
        }
    }

    #[test]
    fn names_of_directories_are_no_commands() {
        let names = [
            "out",
            "rootfs",
            "root",
            "dist",
            "image",
            "images",
            "target",
            "tree",
            "micro",
            "base",
            "test",
            "tmp",
            "a",
            "alpine",
            "almalinux",
            "output",
            "chroot",
            "sysroot",
            "result",
            "distro",
            "./resolve",
            "resolve/",
            "list.d",
            "fix1",
            "x",
            "file",
            "lists",
            "box",
            "locked",
            "remote",
            "last",
            "maker",
            "installed",
            "upgraded",
            "resolved",
            "dest",
        ];
        for name in names {
            assert!(arranged(&["--distro", "a", name]).is_ok(), "{name}");
        }
    }

    #[test]
    fn a_word_that_stands_for_a_command_is_answered_with_the_command() {
        for (word, command) in [
            ("resovle", "resolve"),
            ("isntall", "install"),
            ("reslove", "resolve"),
            ("instal", "install"),
            ("isntal", "install"),
            ("installl", "install"),
            ("resolce", "resolve"),
            ("serach", "search"),
            ("lsit", "list"),
            ("Resolve", "resolve"),
            ("distro_sync", "distro-sync"),
            ("auto-remove", "autoremove"),
            ("udpate", "upgrade"),
            ("update", "upgrade"),
            ("add", "install"),
            ("del", "remove"),
            ("erase", "remove"),
            ("create", "build"),
            ("version", "--version"),
            ("clean", "cache clean"),
            ("makecache", "cache"),
            ("repoquery", "list"),
            ("whatprovides", "provides"),
        ] {
            for words in [&[word][..], &["--distro", "a", word], &["--root", "R", word, "x"], &["--", word]] {
                let failure = arranged(words).unwrap_err();
                assert_eq!(failure.code, super::super::failure::Code::Usage);
                let hints = failure.hints.join("\n");
                assert!(hints.contains(&format!("`rootstrap {command}`")) || hints.contains(&format!("`{command}`")), "{hints}");
                assert!(hints.contains(&format!("./{word}")), "{hints}");
            }
        }
        assert!(arranged(&["--distro", "a", "--", "resolve"]).unwrap_err().message.contains("is a command"));
    }

    #[test]
    fn an_option_takes_a_value_in_every_command_or_in_none() {
        let mut command = Cli::command();
        let _ = command.render_usage();
        for known in command.get_subcommands().map(built) {
            for argument in known.get_arguments() {
                let option = argument.get_long().map(Flag::Long);
                let both = option.and_then(|option| takes_value(&command, option).zip(takes_value(&known, option)));
                assert!(both.is_none_or(|(one, other)| one == other), "{} {argument}", known.get_name());
            }
        }
    }
}
