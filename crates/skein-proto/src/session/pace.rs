//! How seldom a client may say something: the interval grows by steps while silence is survived, and shrinks when a link dies in it. Networks differ in how long
//! they remember a silent connection; nobody says it.

/// The interval of each step, in tenths of what the server asks for by itself.
const STEPS: &[u64] = &[10, 15, 20, 30, 40, 60, 80, 100];
/// A silence of the present length has to be survived so often in a row before a longer one is tried.
const HELD_MIN: u32 = 3;

/// Where a client is on the steps. Made anew when the network is another one.
#[derive(Debug)]
pub(super) struct Pace {
    step: usize,
    /// No step beyond this one: a longer silence killed a link, or the server does not allow it.
    limit: usize,
    held: u32,
}

impl Pace {
    pub(super) fn new() -> Self {
        Self { step: 0, limit: STEPS.len() - 1, held: 0 }
    }

    /// What to ask the server for, in milliseconds; 0: what it likes. `base_ms` is what it asks for by itself.
    pub(super) fn wish_ms(&self, base_ms: u64) -> u32 {
        if self.step == 0 { 0 } else { u32::try_from(base_ms * STEPS[self.step] / 10).unwrap_or(u32::MAX) }
    }

    /// A silence of a whole interval was survived. True: a longer one is to be asked for.
    pub(super) fn held(&mut self) -> bool {
        self.held += 1;
        if self.held < HELD_MIN || self.step >= self.limit {
            return false;
        }
        (self.step, self.held) = (self.step + 1, 0);
        true
    }

    /// The link died in silence: shorter from now on, and never again as long.
    pub(super) fn lost(&mut self) {
        self.limit = self.step.saturating_sub(1);
        (self.step, self.held) = (self.limit, 0);
    }

    /// The server allows less than was asked for.
    pub(super) fn refused(&mut self) {
        self.lost();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hold(pace: &mut Pace, times: u32) {
        for _ in 0..times {
            pace.held();
        }
    }

    #[test]
    fn it_grows_while_silence_is_survived_and_stays_below_what_killed_a_link() {
        let mut pace = Pace::new();
        assert_eq!(pace.wish_ms(30_000), 0);
        hold(&mut pace, 2);
        assert_eq!(pace.wish_ms(30_000), 0);
        assert!(pace.held());
        assert_eq!(pace.wish_ms(30_000), 45_000);
        hold(&mut pace, 6);
        assert_eq!(pace.wish_ms(30_000), 90_000);
        pace.lost();
        assert_eq!(pace.wish_ms(30_000), 60_000);
        hold(&mut pace, 100);
        assert_eq!(pace.wish_ms(30_000), 60_000);
        (0..10).for_each(|_| pace.lost());
        assert_eq!(pace.wish_ms(30_000), 0);
    }

    #[test]
    fn it_ends_at_ten_times() {
        let mut pace = Pace::new();
        hold(&mut pace, 100);
        assert_eq!(pace.wish_ms(30_000), 300_000);
    }
}
