//! Makes text from packages safe for a terminal: nothing in it can move the cursor, hide a line or
//! change the direction of the text.

use std::fmt::Write as _;

use crate::catalog::DateFormat;

/// Returns bytes as text. Invalid UTF-8 and characters that control a terminal become escapes.
pub(super) fn shown(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if steers(c) { text.extend(c.escape_default()) } else { text.push(c) }
        }
        for byte in chunk.invalid() {
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

/// Applies [`shown`] to each line of a message, which may contain names from untrusted sources.
pub(super) fn shown_lines(text: &str) -> String {
    text.split('\n').map(|line| shown(line.as_bytes())).collect::<Vec<_>>().join("\n")
}

/// Reports whether a character controls the terminal or changes the writing direction.
fn steers(c: char) -> bool {
    c.is_control() || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Formats bytes in hexadecimal with a separator between them.
pub(super) fn hex(bytes: &[u8], between: &str) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(between)
}

/// Formats a time like `2024-04-30T14:33:12Z`, or as seconds if it is before 1970.
pub(super) fn time(seconds: i64) -> String {
    let format = DateFormat::try_from("%FT%TZ".to_owned());
    let rendered = u64::try_from(seconds).ok().zip(format.ok()).map(|(epoch, format)| format.render(epoch));
    rendered.unwrap_or_else(|| format!("{seconds} s"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_steers_the_terminal() {
        assert_eq!(shown("plain: é ü 漢".as_bytes()), "plain: é ü 漢");
        assert_eq!(shown(b"a\x1b[31m\tb\n\xff"), "a\\u{1b}[31m\\tb\\n\\xff");
        assert_eq!(shown("\u{202e}cba".as_bytes()), "\\u{202e}cba");
    }

    #[test]
    fn times_are_told_in_utc() {
        assert_eq!(time(1_714_487_592), "2024-04-30T14:33:12Z");
        assert_eq!(time(0), "1970-01-01T00:00:00Z");
        assert_eq!(time(-5), "-5 s");
    }
}
