//! The conversions that are built into the C library (`gconv_builtin.h`). A configured conversion
//! with the same names has priority.

use super::IconvconfigError;
use super::modules::Configuration;

const ALIASES: [(&str, &str); 32] = [
    ("UCS4//", UCS4),
    ("UCS-4//", UCS4),
    ("UCS-4BE//", UCS4),
    ("CSUCS4//", UCS4),
    ("ISO-10646//", UCS4),
    ("10646-1:1993//", UCS4),
    ("10646-1:1993/UCS4/", UCS4),
    ("OSF00010104//", UCS4),
    ("OSF00010105//", UCS4),
    ("OSF00010106//", UCS4),
    ("WCHAR_T//", INTERNAL),
    ("UTF8//", UTF8),
    ("UTF-8//", UTF8),
    ("ISO-IR-193//", UTF8),
    ("OSF05010001//", UTF8),
    ("ISO-10646/UTF-8/", UTF8),
    ("UCS2//", UCS2),
    ("UCS-2//", UCS2),
    ("OSF00010100//", UCS2),
    ("OSF00010101//", UCS2),
    ("OSF00010102//", UCS2),
    ("ANSI_X3.4//", ASCII),
    ("ISO-IR-6//", ASCII),
    ("ANSI_X3.4-1986//", ASCII),
    ("ISO_646.IRV:1991//", ASCII),
    ("ASCII//", ASCII),
    ("ISO646-US//", ASCII),
    ("US-ASCII//", ASCII),
    ("US//", ASCII),
    ("IBM367//", ASCII),
    ("CP367//", ASCII),
    ("CSASCII//", ASCII),
];

const INTERNAL: &str = "INTERNAL";
const UCS4: &str = "ISO-10646/UCS4/";
const UTF8: &str = "ISO-10646/UTF8/";
const UCS2: &str = "ISO-10646/UCS2/";
const ASCII: &str = "ANSI_X3.4-1968//";

/// Adds the conversions in the order of the library: first all aliases, then the conversions.
pub(super) fn add(configuration: &mut Configuration, big_endian: bool) -> Result<(), IconvconfigError> {
    // UCS-2 has the byte order of the machine; the other byte order has a conversion of its own.
    let (own, own_short, other, other_short) = if big_endian {
        ("UNICODEBIG//", "UCS-2BE//", "UNICODELITTLE//", "UCS-2LE//")
    } else {
        ("UNICODELITTLE//", "UCS-2LE//", "UNICODEBIG//", "UCS-2BE//")
    };
    let last = [("OSF00010020//", ASCII), (own, UCS2), (own_short, UCS2), (other_short, other)];
    for (from, to) in ALIASES.into_iter().chain(last) {
        configuration.alias(from.as_bytes(), to.as_bytes())?;
    }
    let conversions = [
        (INTERNAL, UCS4, "=INTERNAL->ucs4"),
        (UCS4, INTERNAL, "=ucs4->INTERNAL"),
        (INTERNAL, "UCS-4LE//", "=INTERNAL->ucs4le"),
        ("UCS-4LE//", INTERNAL, "=ucs4le->INTERNAL"),
        (INTERNAL, UTF8, "=INTERNAL->utf8"),
        (UTF8, INTERNAL, "=utf8->INTERNAL"),
        (UCS2, INTERNAL, "=ucs2->INTERNAL"),
        (INTERNAL, UCS2, "=INTERNAL->ucs2"),
        (ASCII, INTERNAL, "=ascii->INTERNAL"),
        (INTERNAL, ASCII, "=INTERNAL->ascii"),
        (other, INTERNAL, "=ucs2reverse->INTERNAL"),
        (INTERNAL, other, "=INTERNAL->ucs2reverse"),
    ];
    for (from, to, file) in conversions {
        configuration.module(from.as_bytes(), to.as_bytes(), b"", file.as_bytes())?;
    }
    Ok(())
}
