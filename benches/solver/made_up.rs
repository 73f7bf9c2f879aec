//! Synthetic universes of any size.

use std::fmt::Write as _;

use rootstrap::pool::Pool;
use rootstrap::rpm::{architecture, universe};

/// Builds a universe with this number of packages, three versions of each name. Each package
/// requires a few capabilities, mostly of earlier packages, as in a distribution. A fifth of the
/// capabilities has several providers, and a few have none.
pub(crate) fn made_up(packages: usize) -> Pool {
    let names = packages / 3;
    let mut random = Random(packages as u64);
    let mut text = String::new();
    for name in 0..names {
        for version in 1..=3 {
            let _ = write!(text, "p{name} {version}-1 provides c{name} = {version} provides shared{}", name / 5);
            for _ in 0..random.below(6) {
                // Half of the requirements go to a few common packages, the others to any earlier
                // one.
                let other = if random.below(2) == 0 { random.below(names.min(50)) } else { random.below(name.max(1)) };
                let _ = match random.below(10) {
                    0 | 1 => write!(text, " requires shared{}", other / 5),
                    2 => write!(text, " requires c{other} >= {}", 1 + random.below(3)),
                    3 => write!(text, " requires p{other} <= {}", 1 + random.below(3)),
                    4 if random.below(20) == 0 => write!(text, " requires missing{other}"),
                    _ => write!(text, " requires c{other}"),
                };
            }
            text.push('\n');
        }
    }
    universe::parse(&text, &architecture::compatible("x86_64")).expect("it reads")
}

/// A small random number generator (xorshift64*) with the same sequence on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % end
    }
}
