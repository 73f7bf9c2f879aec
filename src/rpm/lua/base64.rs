//! Base64 with the behavior of `rpm.b64encode` and `rpm.b64decode` (rpm's `base64.c`).

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/// Default length of lines, in characters.
const LINE: usize = 64;

/// Encodes `bytes` in lines of `length` characters. A negative length means 64. Zero means a single
/// line without a newline.
pub(super) fn encode(bytes: &[u8], length: i64) -> String {
    let length = usize::try_from(length).unwrap_or(LINE) / 4 * 4;
    let mut text = String::with_capacity(bytes.len() / 3 * 4 + 8);
    let mut column = 0;
    for group in bytes.chunks(3) {
        let value = group.iter().fold(0u32, |value, &byte| value << 8 | u32::from(byte)) << (8 * (3 - group.len()));
        for place in 0..4 {
            let padding = place > group.len();
            let digit = ALPHABET[(value >> (18 - 6 * place) & 63) as usize];
            text.push(if padding { '=' } else { char::from(digit) });
        }
        column += 4;
        if length > 0 && column >= length {
            text.push('\n');
            column = 0;
        }
    }
    if length > 0 && column > 0 {
        text.push('\n');
    }
    text
}

/// Decodes a text, or returns `None` if it is not base64. White space is ignored. Only white space
/// and more padding may follow padding.
pub(super) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut value, mut digits, mut padding) = (0u32, 0, 0);
    for &c in text {
        if c.is_ascii_whitespace() {
            continue;
        }
        if c == b'=' {
            padding += 1;
            if digits + padding > 4 || digits < 2 {
                return None;
            }
            continue;
        }
        let digit = ALPHABET.iter().position(|&a| a == c).filter(|_| padding == 0)?;
        value = value << 6 | digit as u32;
        digits += 1;
        if digits == 4 {
            bytes.extend_from_slice(&value.to_be_bytes()[1..]);
            (value, digits) = (0, 0);
        }
    }
    match (digits, padding) {
        (0, 0) => {}
        (2, 2) => bytes.push((value >> 4) as u8),
        (3, 1) => bytes.extend_from_slice(&((value >> 2) as u16).to_be_bytes()),
        _ => return None,
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways() {
        assert_eq!(encode(b"abcdefghij", 6), "YWJj\nZGVm\nZ2hp\nag==\n");
        assert_eq!(encode(b"abcdefghij", 0), "YWJjZGVmZ2hpag==");
        assert_eq!(encode(b"abc", -1), "YWJj\n");
        for length in 0..200 {
            let bytes: Vec<u8> = (0..length).collect();
            assert_eq!(decode(encode(&bytes, -1).as_bytes()), Some(bytes));
        }
        assert_eq!(decode(b"YWJj\nZGVm "), Some(b"abcdef".to_vec()));
        for bad in ["!!", "YWJ", "YWJj=", "=", "YQ=x"] {
            assert_eq!(decode(bad.as_bytes()), None, "{bad}");
        }
    }
}
