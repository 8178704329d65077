//! Choices at random, the same for the same seed.

/// A sequence of numbers (splitmix64), none of which is to be guessed by a test.
pub(crate) struct Random(u64);

impl Random {
    /// Begins another sequence in each run; the seed is printed, and a test
    /// that fails shows it.
    pub(crate) fn new() -> Self {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        Self::seeded(u64::try_from(now.as_nanos() & u128::from(u64::MAX)).unwrap())
    }

    pub(crate) fn seeded(seed: u64) -> Self {
        println!("the seed is {seed}");
        Self(seed)
    }

    /// Returns a number below `limit`.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) >> 1).unwrap() % limit
    }

    pub(crate) fn of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }
}
