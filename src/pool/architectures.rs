//! The architectures that can be installed, in order of preference.

/// The architectures that fit a machine, best first, as the ecosystem defines them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Architectures {
    /// Compatible architectures; the machine's own is first.
    compatible: Vec<String>,
    /// The architecture that fits every machine, such as `noarch`. It is neither better nor worse
    /// than the others.
    neutral: Option<String>,
    any: bool,
}

impl Architectures {
    /// Creates the list from `compatible`, best first, and `neutral`, which marks
    /// architecture-independent packages.
    pub fn new<'a>(compatible: impl IntoIterator<Item = &'a str>, neutral: Option<&str>) -> Self {
        Self { compatible: compatible.into_iter().map(str::to_owned).collect(), neutral: neutral.map(str::to_owned), any: false }
    }

    /// Returns a list by which every architecture fits and none is better, for universes without a
    /// machine.
    pub fn any() -> Self {
        Self { any: true, ..Self::default() }
    }

    /// Returns the machine's own architecture.
    pub fn native(&self) -> Option<&str> {
        self.compatible.first().map(String::as_str)
    }

    /// Returns 0 for neutral, 1 for the best compatible architecture and more for worse ones;
    /// `None` for an incompatible one.
    pub fn rank(&self, arch: &str) -> Option<u16> {
        if self.any || self.neutral.as_deref() == Some(arch) {
            return Some(0);
        }
        let place = self.compatible.iter().position(|known| known == arch)?;
        u16::try_from(place + 1).ok()
    }
}
