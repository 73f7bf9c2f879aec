//! Which architectures can be installed, and which of them is the better one.

/// The architectures that fit a machine, best first, as the ecosystem's table gives them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Architectures {
    /// The machine's own first.
    compatible: Vec<String>,
    /// The one that fits every machine, as `noarch`; neither better nor worse than the others.
    neutral: Option<String>,
    any: bool,
}

impl Architectures {
    /// `compatible` from the best to the worst; `neutral` is what architecture-independent packages are marked with.
    pub fn new<'a>(compatible: impl IntoIterator<Item = &'a str>, neutral: Option<&str>) -> Self {
        Self { compatible: compatible.into_iter().map(str::to_owned).collect(), neutral: neutral.map(str::to_owned), any: false }
    }

    /// Every architecture fits and none is better: for universes that do not tell.
    pub fn any() -> Self {
        Self { any: true, ..Self::default() }
    }

    /// The machine's own architecture.
    pub fn native(&self) -> Option<&str> {
        self.compatible.first().map(String::as_str)
    }

    /// Nought for neutral, from one upwards for the compatible ones (one is the best), `None` for one that does not fit.
    pub fn rank(&self, arch: &str) -> Option<u16> {
        if self.any || self.neutral.as_deref() == Some(arch) {
            return Some(0);
        }
        let place = self.compatible.iter().position(|known| known == arch)?;
        u16::try_from(place + 1).ok()
    }
}
