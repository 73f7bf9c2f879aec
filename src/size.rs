//! Sizes in bytes, as people write them.

/// Parses a size in bytes: `500M`, `2G`, `1 GiB`. Each unit is 1024 times the one below it. The
/// error is a message for the user.
pub(crate) fn parse(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is not a size: give a number and K, M, G or T");
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let shift = match unit.trim().to_ascii_lowercase().trim_end_matches("ib").trim_end_matches('b') {
        "" => 0,
        "k" => 10,
        "m" => 20,
        "g" => 30,
        "t" => 40,
        _ => return Err(wrong()),
    };
    number.checked_mul(1 << shift).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_their_units() {
        assert_eq!(
            ["0", "7B", "500k", "2 MiB", "1GB", "3t"].map(|text| parse(text).ok()),
            [0, 7, 500 << 10, 2 << 20, 1 << 30, 3 << 40].map(Some)
        );
        for text in ["", "M", "-1", "1X", "1.5G", "99999999999999999999", "18446744073709551615K"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
