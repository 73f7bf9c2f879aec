//! File modes in the formats of `posix.chmod` and `posix.umask` (rpm's `modemuncher.c`).

/// Returns the nine letters of a mode, with `s` or `S` for the set-id bits.
pub(super) fn letters(mode: u32) -> String {
    let mut letters: Vec<u8> = (0..9).map(|i| if mode & (0o400 >> i) == 0 { b'-' } else { b"rwx"[i % 3] }).collect();
    for (place, bit, execute) in [(2, 0o4000, 0o100), (5, 0o2000, 0o010)] {
        if mode & bit != 0 {
            letters[place] = if mode & execute == 0 { b'S' } else { b's' };
        }
    }
    letters.into_iter().map(char::from).collect()
}

/// Changes `mode` by `text`: `0644`, `rw-r--r--` or `u+w,g-x`. Returns `None` if the text is
/// malformed.
pub(super) fn changed(mode: u32, text: &[u8]) -> Option<u32> {
    match text.first()? {
        b'r' | b'-' => changed_by_letters(mode, text),
        b'0'..=b'7' => octal(text),
        _ => changed_by_clauses(mode, text),
    }
}

fn octal(text: &[u8]) -> Option<u32> {
    text.iter().try_fold(0u32, |mode, c| match c {
        b'0'..=b'7' => mode.checked_mul(8)?.checked_add(u32::from(c - b'0')),
        _ => None,
    })
}

/// Changes a mode by nine letters. As in rpm, a letter in a wrong position changes nothing.
fn changed_by_letters(mode: u32, text: &[u8]) -> Option<u32> {
    let mut mode = mode & !0o6000;
    for (i, bit) in (0..9).map(|i| (i, 0o400u32 >> i)) {
        match text.get(i) {
            Some(&c) if c == b"rwx"[i % 3] => mode |= bit,
            Some(b'-') => mode &= !bit,
            Some(b's') if i == 2 => mode |= 0o4100,
            Some(b's') if i == 5 => mode |= 0o2010,
            Some(b's') => return None,
            _ => {}
        }
    }
    Some(mode)
}

fn changed_by_clauses(mut mode: u32, text: &[u8]) -> Option<u32> {
    let mut rest = text;
    let mut next = || {
        let (&first, tail) = rest.split_first()?;
        rest = tail;
        Some(first)
    };
    let mut current = next();
    loop {
        let mut who = 0;
        loop {
            who |= match current {
                Some(b'u') => 0o4700,
                Some(b'g') => 0o2070,
                Some(b'o') => 0o1007,
                Some(b'a') => 0o7777,
                Some(b' ') => 0,
                _ => break,
            };
            current = next();
        }
        let who = if who == 0 { 0o7777 } else { who };
        let operator = current.filter(|c| b"+-=".contains(c))?;
        let mut what = 0;
        loop {
            current = next();
            what |= match current {
                Some(b'r') => 0o444,
                Some(b'w') => 0o222,
                Some(b'x') => 0o111,
                Some(b's') => 0o6000,
                Some(b' ') => 0,
                _ => break,
            };
        }
        if what != 0 {
            mode = match operator {
                b'+' => mode | (what & who),
                b'-' => mode & !(what & who),
                // As in rpm, `=` also clears the bits of the other classes.
                _ => what & who,
            };
        }
        match current {
            None => return Some(mode),
            Some(b',') => current = next(),
            Some(_) => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_and_numbers() {
        assert_eq!(letters(0o100_644), "rw-r--r--");
        assert_eq!(letters(0o6755), "rwsr-sr-x");
        assert_eq!(letters(0o6000), "--S--S---");
        assert_eq!(changed(0o644, b"755"), Some(0o755));
        assert_eq!(changed(0o644, b"755.0"), None);
        assert_eq!(changed(0o644, b"rwxr-x--x"), Some(0o751));
        assert_eq!(changed(0o4644, b"rws------"), Some(0o4700));
        assert_eq!(changed(0o644, b"u+x"), Some(0o744));
        assert_eq!(changed(0o777, b"g-w,o-rwx"), Some(0o750));
        assert_eq!(changed(0o644, b"+x"), Some(0o755));
        assert_eq!(changed(0o777, b"u=rw"), Some(0o600));
        assert_eq!(changed(0o755, b"u+s"), Some(0o4755));
        for bad in [&b""[..], b"zz", b"u", b"u+q", b"8", b"77777777777777", b"rws--s-s-"] {
            assert_eq!(changed(0o644, bad), None, "{}", String::from_utf8_lossy(bad));
        }
    }
}
