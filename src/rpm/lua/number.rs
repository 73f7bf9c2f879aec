//! Numbers for `file:read("n")` (liolib.c, `l_getn`; lobject.c, `luaO_str2num`).

use super::value::Item;

/// Maximum number of characters to read for a number.
const MAX_LENGTH: usize = 200;

/// Reads a number at the beginning of `text`. Returns the number of bytes read and the number,
/// which is `nil` if there is none.
pub(super) fn read(text: &[u8]) -> (usize, Item) {
    let blank = text.iter().take_while(|c| c.is_ascii_whitespace() || **c == 0x0b).count();
    let mut reader = Reader { text: &text[blank..], position: 0 };
    reader.one_of(b"+-");
    let mut hexadecimal = false;
    let mut digits = 0;
    if reader.one_of(b"0") {
        if reader.one_of(b"xX") {
            hexadecimal = true;
        } else {
            digits = 1;
        }
    }
    digits += reader.digits(hexadecimal);
    if reader.one_of(b".") {
        digits += reader.digits(hexadecimal);
    }
    if digits > 0 && reader.one_of(if hexadecimal { b"pP" } else { b"eE" }) {
        reader.one_of(b"+-");
        reader.digits(false);
    }
    let number = if reader.position > MAX_LENGTH { Item::Nil } else { parse(&reader.text[..reader.position]) };
    (blank + reader.position, number)
}

struct Reader<'a> {
    text: &'a [u8],
    position: usize,
}

impl Reader<'_> {
    fn one_of(&mut self, set: &[u8]) -> bool {
        let found = self.text.get(self.position).is_some_and(|c| set.contains(c));
        self.position += usize::from(found);
        found
    }

    fn digits(&mut self, hexadecimal: bool) -> usize {
        let is_digit = |c: &&u8| if hexadecimal { c.is_ascii_hexdigit() } else { c.is_ascii_digit() };
        let count = self.text[self.position..].iter().take(MAX_LENGTH + 1).take_while(is_digit).count();
        self.position += count;
        count
    }
}

/// Parses a text without blanks as a number.
fn parse(text: &[u8]) -> Item {
    let Ok(text) = std::str::from_utf8(text) else { return Item::Nil };
    let (negative, digits) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let lower = digits.to_ascii_lowercase();
    if let Some(digits) = lower.strip_prefix("0x") {
        return hexadecimal(digits, negative);
    }
    if digits.bytes().all(|c| c.is_ascii_digit())
        && let Ok(integer) = text.parse()
    {
        return Item::Integer(integer);
    }
    text.parse().map_or(Item::Nil, Item::Number)
}

/// Parses hexadecimal digits. Integers wrap around; numbers with a point or an exponent are floats.
fn hexadecimal(digits: &str, negative: bool) -> Item {
    let (mantissa, exponent) = match digits.split_once('p') {
        Some((mantissa, exponent)) => match exponent.parse::<i32>() {
            Ok(exponent) => (mantissa, Some(exponent)),
            Err(_) => return Item::Nil,
        },
        None => (digits, None),
    };
    let (whole, fraction) = mantissa.split_once('.').map_or((mantissa, None), |(whole, fraction)| (whole, Some(fraction)));
    let all = whole.chars().chain(fraction.unwrap_or_default().chars()).filter_map(|c| c.to_digit(16));
    if mantissa.is_empty() || mantissa == "." {
        return Item::Nil;
    }
    if fraction.is_none() && exponent.is_none() {
        let value = all.fold(0i64, |value, digit| value.wrapping_mul(16).wrapping_add(i64::from(digit)));
        return Item::Integer(if negative { value.wrapping_neg() } else { value });
    }
    let value = all.fold(0f64, |value, digit| value * 16.0 + f64::from(digit));
    let scale = exponent.unwrap_or(0).saturating_sub(4 * fraction.unwrap_or_default().len() as i32);
    let value = value * 2f64.powi(scale);
    Item::Number(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_far_as_they_go() {
        assert_eq!(read(b"  42 rest"), (4, Item::Integer(42)));
        assert_eq!(read(b"-7.5e1x"), (6, Item::Number(-75.0)));
        assert_eq!(read(b"0x1F,"), (4, Item::Integer(31)));
        assert_eq!(read(b"0x.8p1"), (6, Item::Number(1.0)));
        assert_eq!(read(b"9223372036854775808"), (19, Item::Number(9_223_372_036_854_775_808.0)));
        for nothing in ["abc", "", "-", "0x", ".", "1e"] {
            assert_eq!(read(nothing.as_bytes()).1, Item::Nil, "{nothing}");
        }
    }
}
