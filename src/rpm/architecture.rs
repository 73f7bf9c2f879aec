//! Compatible architectures of machines, as in rpm (libsolv's `poolarch.c`, rpmrc).

use crate::pool::Architectures;

/// Families of compatible architectures, best first.
const FAMILIES: &[&[&str]] = &[
    &["x86_64_v4", "x86_64_v3", "x86_64_v2", "x86_64", "i686", "i586", "i486", "i386"],
    &["ia32e", "x86_64", "athlon", "i686", "i586", "i486", "i386"],
    &["amd64", "x86_64", "athlon", "i686", "i586", "i486", "i386"],
    &["athlon", "i686", "i586", "i486", "i386"],
    &["geode", "i586", "i486", "i386"],
    &["s390x", "s390"],
    &["ppc64p7", "ppc64", "ppc"],
    &["armv7hnl", "armv7hl", "armv6hl"],
    &["armv7l", "armv6l", "armv5tejl", "armv5tel", "armv5l", "armv4tl", "armv4l", "armv3l"],
    &["sparc64v", "sparc64", "sparcv9v", "sparcv9", "sparcv8", "sparc"],
    &["sh4a", "sh4"],
];

/// Returns the architectures that can be installed on a machine: its own, the older ones of its
/// family, and `noarch`.
pub fn compatible(machine: &str) -> Architectures {
    let family = FAMILIES.iter().find_map(|family| Some(&family[family.iter().position(|&arch| arch == machine)?..]));
    Architectures::new(family.unwrap_or(&[machine]).iter().copied(), Some("noarch"))
}

/// Returns the architectures of the second color on a machine that runs two (libsolv's
/// `pool_arch2color_slow`): the 32-bit ones. rpm allows their packages beside 64-bit packages of
/// the same name.
pub fn second_colour(machine: &str) -> Vec<&'static str> {
    let is_first = |arch: &str| arch.contains("64") || arch == "s390x";
    let family = FAMILIES.iter().find(|family| family.contains(&machine)).filter(|_| is_first(machine));
    family.into_iter().flat_map(|family| family.iter().copied()).filter(|arch| !is_first(arch)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn older_architectures_of_the_family_fit() {
        let x86_64 = compatible("x86_64");
        assert_eq!(x86_64.rank("x86_64"), Some(1));
        assert!(x86_64.rank("i686") < x86_64.rank("i386"));
        assert_eq!(x86_64.rank("x86_64_v2"), None);
        assert_eq!(x86_64.rank("noarch"), Some(0));
        assert_eq!(compatible("x86_64_v2").rank("x86_64"), Some(2));
        assert_eq!(compatible("i586").rank("i686"), None);
        assert_eq!(compatible("aarch64").rank("aarch64"), Some(1));
        assert_eq!(compatible("aarch64").rank("armv7hl"), None);
        assert_eq!(compatible("riscv64").rank("src"), None);
    }

    #[test]
    fn only_machines_of_64_bits_have_a_second_colour() {
        assert_eq!(second_colour("x86_64"), ["i686", "i586", "i486", "i386"]);
        assert_eq!(second_colour("x86_64_v2").len(), 4);
        assert_eq!(second_colour("s390x"), ["s390"]);
        assert!(second_colour("i686").is_empty() && second_colour("aarch64").is_empty() && second_colour("riscv64").is_empty());
    }
}
