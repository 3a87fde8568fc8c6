//! When a failed delivery is tried again.

use crate::config::WebhooksConfig;

/// The table of pauses.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    pauses_ms: Vec<u64>,
    jitter_percent: u32,
}

impl Schedule {
    pub(crate) fn new(config: &WebhooksConfig) -> Self {
        Self { pauses_ms: config.retry_ms.clone(), jitter_percent: config.retry_jitter_percent.min(100) }
    }

    /// When to try again after this many failures, the last of them now; `None` when it is time to give up. An endpoint that asks for a longer
    /// pause gets it, up to the longest of the table.
    pub(crate) fn next(&self, failures: u32, now_ms: u64, asked_ms: Option<u64>) -> Option<u64> {
        let pause_ms = *self.pauses_ms.get(failures.checked_sub(1)? as usize)?;
        let longest_ms = self.pauses_ms.iter().copied().max().unwrap_or(0);
        let pause_ms = pause_ms.max(asked_ms.unwrap_or(0).min(longest_ms));
        let jitter_ms = pause_ms.saturating_mul(u64::from(self.jitter_percent)) / 100;
        Some(now_ms + pause_ms + fastrand::u64(0..=jitter_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_the_specification_is_the_default_and_ends() {
        let schedule = Schedule::new(&WebhooksConfig { retry_jitter_percent: 0, ..WebhooksConfig::default() });
        let pauses: Vec<_> = (1..=10).map(|failures| schedule.next(failures, 1_000, None)).collect();
        let seconds = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
        let expected: Vec<_> = seconds.iter().map(|pause| Some(1_000 + pause * 1_000)).chain([None]).collect();
        assert_eq!(pauses, expected);
    }

    #[test]
    fn jitter_only_lengthens_and_a_wish_counts_up_to_the_longest() {
        let config = WebhooksConfig { retry_ms: vec![1_000, 5_000], retry_jitter_percent: 20, ..Default::default() };
        let schedule = Schedule::new(&config);
        for _ in 0..100 {
            assert!((1_000..=1_200).contains(&schedule.next(1, 0, None).unwrap()));
            assert!((3_000..=3_600).contains(&schedule.next(1, 0, Some(3_000)).unwrap()));
            assert!((5_000..=6_000).contains(&schedule.next(1, 0, Some(u64::MAX)).unwrap()));
        }
    }
}
