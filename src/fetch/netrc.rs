//! `netrc`: the user's names and passwords for hosts, in the format of curl and ftp.

use std::fmt;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// A name and a password for a host. They are never displayed.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// The name.
    pub name: String,
    /// The password; empty if there is none.
    pub password: String,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").finish_non_exhaustive()
    }
}

/// The entries of a netrc file.
#[derive(Default)]
pub(super) struct Netrc {
    machines: Vec<(String, Login)>,
    default: Option<Login>,
}

/// Returns the path of the user's file: `$NETRC`, or `~/.netrc`.
pub(super) fn usual_path() -> Option<PathBuf> {
    let named = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    named("NETRC").or_else(|| named("HOME").map(|home| home.join(".netrc")))
}

impl Netrc {
    /// Reads a file. A missing file counts as empty.
    pub(super) fn read(path: &Path) -> io::Result<Self> {
        match fs::read(path) {
            Ok(bytes) => Ok(Self::parse(&String::from_utf8_lossy(&bytes))),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(Self::default()),
            Err(error) => Err(error),
        }
    }

    fn parse(text: &str) -> Self {
        let mut found = Self::default();
        let mut words = Words { rest: text };
        // The host of the current entry; `Some(None)` is the entry for all other hosts.
        let mut machine: Option<Option<String>> = None;
        let mut login = Login { name: String::new(), password: String::new() };
        let mut close = |machine: &mut Option<Option<String>>, login: &mut Login| {
            let empty = Login { name: String::new(), password: String::new() };
            let login = std::mem::replace(login, empty);
            match machine.take() {
                Some(Some(name)) => found.machines.push((name, login)),
                Some(None) => found.default = Some(login),
                None => {}
            }
        };
        while let Some(word) = words.next() {
            match word.as_str() {
                "machine" => {
                    close(&mut machine, &mut login);
                    machine = words.next().map(|name| Some(name.to_ascii_lowercase()));
                }
                "default" => {
                    close(&mut machine, &mut login);
                    machine = Some(None);
                }
                "login" => login.name = words.next().unwrap_or_default(),
                "password" => login.password = words.next().unwrap_or_default(),
                "account" => drop(words.next()),
                "macdef" => words.skip_macro(),
                _ => {}
            }
        }
        close(&mut machine, &mut login);
        found
    }

    /// Returns the login of a host that the file names.
    pub(super) fn machine(&self, host: &str) -> Option<&Login> {
        self.machines.iter().find(|(name, _)| name.eq_ignore_ascii_case(host)).map(|(_, login)| login)
    }

    /// Returns the login of a host, or the default login for hosts that the file does not name.
    pub(super) fn machine_or_default(&self, host: &str) -> Option<&Login> {
        self.machine(host).or(self.default.as_ref())
    }
}

/// The words of a file, separated by white space. A word with white space is quoted (as in curl).
/// Comments are skipped.
struct Words<'a> {
    rest: &'a str,
}

impl Words<'_> {
    /// A macro ends with an empty line.
    fn skip_macro(&mut self) {
        self.rest = self.rest.find("\n\n").map_or("", |at| &self.rest[at + 2..]);
    }
}

impl Iterator for Words<'_> {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        loop {
            self.rest = self.rest.trim_start();
            let Some(comment) = self.rest.strip_prefix('#') else { break };
            self.rest = comment.find('\n').map_or("", |at| &comment[at..]);
        }
        let Some(quoted) = self.rest.strip_prefix('"') else {
            let end = self.rest.find(char::is_whitespace).unwrap_or(self.rest.len());
            let (word, rest) = self.rest.split_at(end);
            self.rest = rest;
            return (!word.is_empty()).then(|| word.to_owned());
        };
        let mut word = String::new();
        let mut letters = quoted.char_indices();
        while let Some((at, letter)) = letters.next() {
            match letter {
                '"' => {
                    self.rest = &quoted[at + 1..];
                    return Some(word);
                }
                '\\' => match letters.next() {
                    Some((_, 'n')) => word.push('\n'),
                    Some((_, 't')) => word.push('\t'),
                    Some((_, 'r')) => word.push('\r'),
                    Some((_, other)) => word.push(other),
                    None => break,
                },
                other => word.push(other),
            }
        }
        self.rest = "";
        Some(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(netrc: &Netrc, host: &str) -> Option<(String, String)> {
        netrc.machine_or_default(host).map(|login| (login.name.clone(), login.password.clone()))
    }

    #[test]
    fn machines_have_their_words_and_all_others_the_default() {
        let netrc = Netrc::parse(
            "# mine\nmachine a.example login me password p#1 account none\nmachine B.example\n\tpassword \"two \\\"words\\\"\" login you\n\
             macdef init\nmachine c.example login no\n\ndefault login anonymous password guest\n",
        );
        let pair = |name: &str, password: &str| Some((name.to_owned(), password.to_owned()));
        assert_eq!(said(&netrc, "A.example"), pair("me", "p#1"));
        assert_eq!(said(&netrc, "b.example"), pair("you", "two \"words\""));
        assert_eq!(said(&netrc, "c.example"), pair("anonymous", "guest"));
        assert!(netrc.machine("c.example").is_none());
    }

    #[test]
    fn what_is_broken_says_less_and_never_fails() {
        for text in ["", "machine", "machine a login", "login me", "machine a password \"open", "macdef x", "\"\\", "default"] {
            let netrc = Netrc::parse(text);
            assert!(said(&netrc, "b").is_none_or(|(_, password)| password.is_empty()), "{text}");
        }
        assert_eq!(said(&Netrc::parse("machine a password \"open"), "a"), Some((String::new(), "open".to_owned())));
        assert!(Netrc::read(Path::new("/nonexistent/netrc")).is_ok());
    }
}
