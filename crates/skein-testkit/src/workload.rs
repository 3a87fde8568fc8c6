//! Random operations from a seed.

use fastrand::Rng;

/// What a sender does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Sends to this conversation (an index into the sender's own).
    Send(usize),
    /// Takes the own message back that was sent this many sends ago, if there is one.
    Recall(usize),
    /// Sends the message of this many sends ago once more, with the same client id.
    Repeat(usize),
    /// Deletes the message of this many sends ago from the own view.
    Delete(usize),
    /// Reads everything in this conversation.
    Read(usize),
}

/// The operations of one sender.
#[derive(Debug)]
pub struct Workload {
    random: Rng,
    conversations: usize,
}

impl Workload {
    /// The same seed gives the same operations.
    pub fn new(seed: u64, conversations: usize) -> Self {
        Self { random: Rng::with_seed(seed), conversations: conversations.max(1) }
    }

    /// Mostly sends, now and then something else.
    pub fn next_operation(&mut self) -> Operation {
        match self.random.u32(0..24) {
            0 => Operation::Recall(self.random.usize(0..3)),
            1 | 2 => Operation::Repeat(self.random.usize(0..8)),
            3 => Operation::Delete(self.random.usize(0..3)),
            4 | 5 => Operation::Read(self.random.usize(0..self.conversations)),
            _ => Operation::Send(self.random.usize(0..self.conversations)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_itself_and_every_kind_comes_up() {
        let operations = |seed| {
            let mut workload = Workload::new(seed, 4);
            (0..500).map(|_| workload.next_operation()).collect::<Vec<_>>()
        };
        assert_eq!(operations(7), operations(7));
        assert_ne!(operations(7), operations(8));
        let has = |kind: fn(&Operation) -> bool| operations(7).iter().any(kind);
        assert!(has(|operation| matches!(operation, Operation::Send(_))));
        assert!(has(|operation| matches!(operation, Operation::Recall(_))));
        assert!(has(|operation| matches!(operation, Operation::Repeat(_))));
        assert!(has(|operation| matches!(operation, Operation::Delete(_))));
        assert!(has(|operation| matches!(operation, Operation::Read(_))));
    }
}
