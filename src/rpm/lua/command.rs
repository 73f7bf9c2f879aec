//! The programs that a scriptlet executes. None of them runs here: the caller of the scriptlet does
//! their work natively, or reports that it was not done.

/// A program with its arguments, as a scriptlet executes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// The program's name and arguments; a shell command is `/bin/sh`, `-c` and the text.
    pub arguments: Vec<Vec<u8>>,
    /// Path of the program in the tree; `None` if it does not exist or is not executable.
    pub program: Option<Vec<u8>>,
}

impl Command {
    /// Returns the words of the command.
    ///
    /// A simple shell command consists of words and redirections to `/dev/null` only. For it, the
    /// result is the words of its text (`/sbin/ldconfig >/dev/null 2>&1` gives `/sbin/ldconfig`).
    /// For any other command it is the arguments.
    pub fn words(&self) -> Vec<Vec<u8>> {
        match self.arguments.as_slice() {
            [shell, option, text] if shell == b"/bin/sh" && option == b"-c" => {
                simple_words(text).unwrap_or_else(|| self.arguments.clone())
            }
            _ => self.arguments.clone(),
        }
    }

    /// Returns the command as one line, for reports.
    pub fn display(&self) -> String {
        let text: Vec<_> = self.arguments.iter().map(|word| String::from_utf8_lossy(word)).collect();
        match self.arguments.as_slice() {
            [shell, option, text] if shell == b"/bin/sh" && option == b"-c" => String::from_utf8_lossy(text).into_owned(),
            _ => text.join(" "),
        }
    }
}

/// Returns the words of a shell command, if it has no syntax that requires a shell.
fn simple_words(text: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut words = Vec::new();
    let mut pieces = text.split(u8::is_ascii_whitespace).filter(|piece| !piece.is_empty()).peekable();
    while let Some(piece) = pieces.next() {
        match piece {
            b">" | b"2>" | b"1>" | b"&>" | b">>" | b"2>>" | b"<" => {
                pieces.next_if_eq(&&b"/dev/null"[..])?;
            }
            b"2>&1" | b"1>&2" | b">&2" | b">/dev/null" | b"2>/dev/null" | b"1>/dev/null" | b"&>/dev/null" | b">>/dev/null"
            | b"</dev/null" => {}
            word if word.iter().all(|c| c.is_ascii_alphanumeric() || b"_-./=:,+@%".contains(c)) => words.push(word.to_vec()),
            _ => return None,
        }
    }
    // `NAME=value program` sets a variable.
    (words.first()?.iter().all(|&c| c != b'=')).then_some(words)
}

/// The result of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandResult {
    /// The command's work was done natively.
    Done {
        /// The exit status, 0 to 255.
        status: u8,
        /// Data written to standard output.
        output: Vec<u8>,
    },
    /// The command's work was not done. The script sees exit status 127, and the report lists the
    /// command.
    NotRun,
}

impl CommandResult {
    /// Success without output.
    pub const SUCCESS: Self = Self::Done { status: 0, output: Vec::new() };

    /// Returns the exit status that the script sees.
    pub fn status(&self) -> u8 {
        match self {
            Self::Done { status, .. } => *status,
            Self::NotRun => 127,
        }
    }
}

/// A command that a scriptlet executed, and its result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Executed {
    /// The command.
    pub command: Command,
    /// The result of the command.
    pub result: CommandResult,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        let arguments = vec![b"/bin/sh".to_vec(), b"-c".to_vec(), text.into()];
        let command = Command { arguments, program: None };
        command.words().iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect()
    }

    #[test]
    fn a_simple_shell_command_is_its_words() {
        assert_eq!(words("/sbin/ldconfig"), ["/sbin/ldconfig"]);
        assert_eq!(words("/usr/bin/newaliases >/dev/null"), ["/usr/bin/newaliases"]);
        assert_eq!(words("systemctl  -q daemon-reload > /dev/null 2>&1"), ["systemctl", "-q", "daemon-reload"]);
        for shell in ["a; b", "a | b", "a && b", "echo $HOME", "A=1 b", "a > file", "a '", "a >", ""] {
            assert_eq!(words(shell), ["/bin/sh", "-c", shell], "{shell}");
        }
    }
}
