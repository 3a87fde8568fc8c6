//! How much somebody may say: so much per second, and a little at once.

/// What is left of an allowance.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowance {
    /// Thousandths of one.
    left_milli: u64,
    time_ms: u64,
}

impl Allowance {
    /// A whole one.
    pub(crate) fn full(now_ms: u64, burst: u32) -> Self {
        Self { left_milli: u64::from(burst.max(1)) * 1_000, time_ms: now_ms }
    }

    /// Takes `count` (never more than `burst`), or says in how many milliseconds there are so many.
    pub(crate) fn take(&mut self, now_ms: u64, per_second: u32, burst: u32, count: u32) -> Result<(), u32> {
        let (per_second, burst_milli) = (u64::from(per_second.max(1)), u64::from(burst.max(1)) * 1_000);
        let grown = now_ms.saturating_sub(self.time_ms).saturating_mul(per_second);
        (self.left_milli, self.time_ms) = (self.left_milli.saturating_add(grown).min(burst_milli), now_ms);
        let wanted = (u64::from(count) * 1_000).min(burst_milli);
        if wanted > self.left_milli {
            let wait_ms = (wanted - self.left_milli).div_ceil(per_second);
            return Err(u32::try_from(wait_ms).unwrap_or(u32::MAX));
        }
        self.left_milli -= wanted;
        Ok(())
    }

    /// Whether nothing has been taken lately, so that forgetting it changes nothing.
    pub(crate) fn is_full(&self, now_ms: u64, per_second: u32, burst: u32) -> bool {
        let grown = now_ms.saturating_sub(self.time_ms).saturating_mul(u64::from(per_second));
        self.left_milli.saturating_add(grown) >= u64::from(burst) * 1_000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_then_a_steady_rate_and_the_wait_is_told() {
        let mut allowance = Allowance::full(0, 3);
        for _ in 0..3 {
            assert_eq!(allowance.take(0, 10, 3, 1), Ok(()));
        }
        assert_eq!(allowance.take(0, 10, 3, 1), Err(100));
        assert_eq!(allowance.take(99, 10, 3, 1), Err(1));
        assert_eq!(allowance.take(100, 10, 3, 1), Ok(()));
        assert!(!allowance.is_full(200, 10, 3));
        assert!(allowance.is_full(400, 10, 3));
        assert_eq!(allowance.take(1_000, 10, 3, 100), Ok(()), "more than a burst counts as a burst");
    }
}
