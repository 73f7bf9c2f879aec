//! The programs that a scriptlet asks for. None runs here: whoever runs the scriptlet does their work natively, or says it was not done.

/// A program with its arguments, as a scriptlet asked for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// The program's name and arguments; a shell command is `/bin/sh`, `-c` and the text.
    pub arguments: Vec<Vec<u8>>,
    /// Where the tree has the program; `None` when it does not, or not as something that can be executed.
    pub program: Option<Vec<u8>>,
}

impl Command {
    /// The words of what is asked for: of a shell command without anything but words and redirections to `/dev/null`, its own words
    /// (`/sbin/ldconfig >/dev/null 2>&1` is `/sbin/ldconfig`), of anything else, the arguments.
    pub fn words(&self) -> Vec<Vec<u8>> {
        match self.arguments.as_slice() {
            [shell, option, text] if shell == b"/bin/sh" && option == b"-c" => {
                simple_words(text).unwrap_or_else(|| self.arguments.clone())
            }
            _ => self.arguments.clone(),
        }
    }

    /// The command as one line, for a report.
    pub fn display(&self) -> String {
        let text: Vec<_> = self.arguments.iter().map(|word| String::from_utf8_lossy(word)).collect();
        match self.arguments.as_slice() {
            [shell, option, text] if shell == b"/bin/sh" && option == b"-c" => String::from_utf8_lossy(text).into_owned(),
            _ => text.join(" "),
        }
    }
}

/// The words of a shell command, when it holds nothing that only a shell understands.
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

/// What became of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandResult {
    /// Its work was done natively: the exit status, and what it printed.
    Done {
        /// The exit status, 0 to 255.
        status: u8,
        /// What it wrote to its standard output.
        output: Vec<u8>,
    },
    /// Nobody did its work: to the script it is as if it had exited with 127, and the report lists it.
    NotRun,
}

impl CommandResult {
    /// Done, with nothing to say.
    pub const SUCCESS: Self = Self::Done { status: 0, output: Vec::new() };

    /// The exit status that the script sees.
    pub fn status(&self) -> u8 {
        match self {
            Self::Done { status, .. } => *status,
            Self::NotRun => 127,
        }
    }
}

/// A command that a scriptlet asked for, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Executed {
    /// The command.
    pub command: Command,
    /// What became of it.
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
