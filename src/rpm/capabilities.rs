//! File capabilities: conversion from the text in a package to the bytes of the extended attribute.
//!
//! Input: text as `cap_to_text(3)` writes it (`cap_net_raw=ep`). Output: the value of
//! `security.capability`.

/// The name of the extended attribute.
pub const XATTR: &[u8] = b"security.capability";

/// Capabilities in the order of their numbers (capabilities(7), linux/capability.h).
const NAMES: [&str; 41] = [
    "chown",
    "dac_override",
    "dac_read_search",
    "fowner",
    "fsetid",
    "kill",
    "setgid",
    "setuid",
    "setpcap",
    "linux_immutable",
    "net_bind_service",
    "net_broadcast",
    "net_admin",
    "net_raw",
    "ipc_lock",
    "ipc_owner",
    "sys_module",
    "sys_rawio",
    "sys_chroot",
    "sys_ptrace",
    "sys_pacct",
    "sys_admin",
    "sys_boot",
    "sys_nice",
    "sys_resource",
    "sys_time",
    "sys_tty_config",
    "mknod",
    "lease",
    "audit_write",
    "audit_control",
    "setfcap",
    "mac_override",
    "mac_admin",
    "syslog",
    "wake_alarm",
    "block_suspend",
    "audit_read",
    "perfmon",
    "bpf",
    "checkpoint_restore",
];

/// All known capabilities.
const ALL: u64 = (1 << NAMES.len()) - 1;

/// `VFS_CAP_REVISION_2`, and the flag by which the permitted set becomes effective
/// (linux/capability.h).
const REVISION_2: u32 = 0x0200_0000;
const EFFECTIVE: u32 = 1;

/// Text that is not a list of capabilities, or lists capabilities that files cannot have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` are no capabilities of a file")]
pub struct CapabilitiesError {
    /// The invalid text.
    pub text: String,
}

/// Three sets of capabilities, one bit for each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sets {
    effective: u64,
    inheritable: u64,
    permitted: u64,
}

/// Returns the value of `security.capability` for a text; `None` for a text without capabilities.
/// The effective set of a file is all or nothing (`cap_set_file(3)`).
pub fn xattr(text: &str) -> Result<Option<Box<[u8]>>, CapabilitiesError> {
    let error = || CapabilitiesError { text: text.to_owned() };
    let sets = parse(text).ok_or_else(error)?;
    let given = sets.permitted | sets.inheritable;
    if sets == Sets::default() {
        return Ok(None);
    }
    if sets.effective != 0 && given & !sets.effective != 0 {
        return Err(error());
    }
    let flags = REVISION_2 | if sets.effective == 0 { 0 } else { EFFECTIVE };
    let words =
        [flags, sets.permitted as u32, sets.inheritable as u32, (sets.permitted >> 32) as u32, (sets.inheritable >> 32) as u32];
    Ok(Some(words.into_iter().flat_map(u32::to_le_bytes).collect()))
}

/// Parses the grammar of `cap_from_text(3)`: clauses separated by white space, each a list of names
/// and one or more of `=`, `+`, `-` with flags.
fn parse(text: &str) -> Option<Sets> {
    let mut sets = Sets::default();
    for clause in text.split_ascii_whitespace() {
        let operators = clause.find(['=', '+', '-'])?;
        let (names, mut rest) = clause.split_at(operators);
        let mask = match names {
            "" if rest.starts_with('=') => ALL,
            names => names.split(',').try_fold(0, |mask, name| Some(mask | mask_of(name)?))?,
        };
        let mut first = true;
        while let Some(operator) = rest.chars().next() {
            rest = &rest[1..];
            let end = rest.find(['=', '+', '-']).unwrap_or(rest.len());
            let flags = &rest[..end];
            rest = &rest[end..];
            apply(&mut sets, mask, operator, flags, first)?;
            first = false;
        }
    }
    Some(sets)
}

fn apply(sets: &mut Sets, mask: u64, operator: char, flags: &str, first: bool) -> Option<()> {
    if operator == '=' {
        // `=` may only be first, as it clears the sets.
        if !first {
            return None;
        }
        for set in [&mut sets.effective, &mut sets.inheritable, &mut sets.permitted] {
            *set &= !mask;
        }
    }
    for flag in flags.chars() {
        let set = match flag {
            'e' => &mut sets.effective,
            'i' => &mut sets.inheritable,
            'p' => &mut sets.permitted,
            _ => return None,
        };
        if operator == '-' { *set &= !mask } else { *set |= mask }
    }
    Some(())
}

fn mask_of(name: &str) -> Option<u64> {
    let name = name.to_ascii_lowercase();
    if name == "all" {
        return Some(ALL);
    }
    let number = match name.strip_prefix("cap_") {
        Some(name) => NAMES.iter().position(|known| *known == name)?,
        None => name.parse().ok().filter(|number| *number < 64)?,
    };
    Some(1 << number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> Vec<u8> {
        xattr(text).unwrap().unwrap().into()
    }

    #[test]
    fn texts_of_packages() {
        // The values that `getcap` and `getfattr -e hex` show for ping (cap_net_raw is 13) and
        // newuidmap (cap_setuid is 7).
        let net_raw = [1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(bytes("cap_net_raw=ep"), net_raw);
        assert_eq!(bytes("cap_net_raw+ep"), net_raw);
        assert_eq!(bytes("= cap_net_raw+ep"), net_raw);
        assert_eq!(bytes("CAP_NET_RAW=p cap_net_raw+e"), net_raw);
        assert_eq!(bytes("cap_setuid=p")[..5], [0, 0, 0, 2, 0x80]);
        assert_eq!(bytes("cap_net_raw,cap_net_admin=p")[..8], [0, 0, 0, 2, 0, 0x30, 0, 0]);
        assert_eq!(bytes("cap_checkpoint_restore=i"), [0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0]);
        assert_eq!(bytes("=ep cap_chown-ep")[4..8], [0xfe, 0xff, 0xff, 0xff]);
        assert_eq!(bytes("all=p")[12..16], [0xff, 1, 0, 0]);
    }

    #[test]
    fn no_capabilities_are_no_attribute() {
        for text in ["", "=", "cap_chown=", "cap_chown=ep cap_chown-ep"] {
            assert_eq!(xattr(text), Ok(None), "{text}");
        }
    }

    #[test]
    fn what_is_not_such_a_text_or_fits_no_file() {
        for text in ["cap_chown", "cap_nonsense=ep", "cap_chown=x", "+ep", "cap_chown+e=p", "cap_chown=p cap_kill=ep", "64=p"] {
            assert!(xattr(text).is_err(), "{text}");
        }
    }
}
