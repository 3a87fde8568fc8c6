//! What happened, and whether every promise was kept.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fmt,
};

/// One message as somebody tried to send it. The order of a sender's sends in a conversation is the order of this list.
#[derive(Clone, Debug)]
pub struct Send {
    /// Who.
    pub sender: u64,
    /// Where.
    pub conversation: String,
    /// The idempotency key.
    pub client_id: String,
    /// What the server answered; `None` when no answer ever came.
    pub acked: Option<Acked>,
    /// The sender was told that it has been taken back.
    pub recalled: bool,
}

/// The server's answer to a send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acked {
    /// Id of the message.
    pub message_id: u64,
    /// Its position.
    pub seq: u64,
}

/// One message as somebody sees it in the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its position.
    pub seq: u64,
    /// Its id.
    pub message_id: u64,
    /// Who wrote it; 0 is the system.
    pub sender: u64,
    /// The idempotency key; empty for lines of the system.
    pub client_id: String,
    /// Whether it shows any content.
    pub has_content: bool,
    /// Whether it counts as unread.
    pub counts: bool,
}

/// A conversation as one user sees it in the end.
#[derive(Clone, Debug)]
pub struct View {
    /// Who looks.
    pub user: u64,
    /// At what.
    pub conversation: String,
    /// The first seq that this user may see.
    pub first_seq: u64,
    /// How far this user has read.
    pub read_seq: u64,
    /// Unread, as the server says.
    pub unread: u64,
    /// The messages, by seq.
    pub messages: Vec<Seen>,
}

/// Everything that a run collected.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// By sender, in the order they were made.
    pub sends: Vec<Send>,
    /// In the end, after the last fault, of every member of every conversation.
    pub views: Vec<View>,
}

/// A broken promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// An acked message that an entitled member cannot read.
    Lost,
    /// One client id, more than one message.
    Duplicated,
    /// A sender's messages in another order than they were sent; or an ack with another place than the message has.
    Reordered,
    /// A seq that is missing between others.
    Gap,
    /// Unread is not what a recount gives.
    UnreadMismatch,
    /// Content of a message that was taken back.
    Resurrected,
    /// A message below the first that the user may see.
    FenceViolated,
    /// Two members see different messages at the same seq.
    Diverged,
    /// A message that nobody sent.
    Invented,
}

/// A fault with where it was found.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Which promise.
    pub fault: Fault,
    /// Where: conversation, user, seq.
    pub place: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.fault, self.place)
    }
}

/// The verdict.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Sends that were acked.
    pub acked: usize,
    /// Everything that is wrong.
    pub findings: Vec<Finding>,
}

impl Report {
    /// How often a promise was broken.
    pub fn count(&self, fault: &Fault) -> usize {
        self.findings.iter().filter(|finding| finding.fault == *fault).count()
    }

    fn add(&mut self, fault: Fault, place: String) {
        self.findings.push(Finding { fault, place });
    }
}

/// Judges a history.
pub fn check(history: &History) -> Report {
    let mut report =
        Report { acked: history.sends.iter().filter(|send| send.acked.is_some()).count(), ..Report::default() };
    let sent: HashMap<(u64, &str), &Send> =
        history.sends.iter().map(|send| ((send.sender, send.client_id.as_str()), send)).collect();
    for view in &history.views {
        check_seqs(view, &mut report);
        check_contents(view, &sent, &mut report);
        check_unread(view, &mut report);
        check_acked(view, &history.sends, &mut report);
        check_order(view, &history.sends, &mut report);
    }
    check_agreement(&history.views, &mut report);
    report
}

fn place(view: &View, seq: u64) -> String {
    format!("conversation {}, user {}, seq {seq}", view.conversation, view.user)
}

/// Contiguous from the first seq that the user may see.
fn check_seqs(view: &View, report: &mut Report) {
    let mut expected = view.first_seq;
    for message in &view.messages {
        if message.seq < view.first_seq {
            report.add(Fault::FenceViolated, place(view, message.seq));
            continue;
        }
        if message.seq > expected {
            report.add(Fault::Gap, place(view, expected));
        }
        expected = message.seq + 1;
    }
}

fn check_contents(view: &View, sent: &HashMap<(u64, &str), &Send>, report: &mut Report) {
    let mut known = HashSet::new();
    for message in view.messages.iter().filter(|message| message.sender != 0) {
        if !known.insert((message.sender, message.client_id.as_str())) {
            report.add(Fault::Duplicated, place(view, message.seq));
        }
        match sent.get(&(message.sender, message.client_id.as_str())) {
            None => report.add(Fault::Invented, place(view, message.seq)),
            Some(send) if send.recalled && message.has_content => {
                report.add(Fault::Resurrected, place(view, message.seq));
            }
            Some(_) => {}
        }
    }
}

/// A recount: what counts, of others, above what was read and above the own last message.
fn check_unread(view: &View, report: &mut Report) {
    let own = view.messages.iter().filter(|message| message.sender == view.user).map(|message| message.seq).max();
    let floor = view.read_seq.max(own.unwrap_or(0));
    let recount = view.messages.iter().filter(|message| message.counts && message.seq > floor).count() as u64;
    if recount != view.unread {
        let place = place(view, view.read_seq);
        report.add(Fault::UnreadMismatch, format!("{place}: {} instead of {recount}", view.unread));
    }
}

/// Every acked message is where its ack said.
fn check_acked(view: &View, sends: &[Send], report: &mut Report) {
    let by_id: HashMap<u64, u64> = view.messages.iter().map(|message| (message.message_id, message.seq)).collect();
    for send in sends.iter().filter(|send| send.conversation == view.conversation) {
        let Some(acked) = send.acked.filter(|acked| acked.seq >= view.first_seq) else { continue };
        match by_id.get(&acked.message_id) {
            None => report.add(Fault::Lost, place(view, acked.seq)),
            Some(seq) if *seq != acked.seq => report.add(Fault::Reordered, place(view, acked.seq)),
            Some(_) => {}
        }
    }
}

/// Each sender's messages stand in the order they were sent.
fn check_order(view: &View, sends: &[Send], report: &mut Report) {
    let mut ranks: HashMap<(u64, &str), usize> = HashMap::new();
    for (rank, send) in sends.iter().enumerate() {
        ranks.entry((send.sender, &send.client_id)).or_insert(rank);
    }
    let mut last: HashMap<u64, usize> = HashMap::new();
    for message in &view.messages {
        if let Some(rank) = ranks.get(&(message.sender, message.client_id.as_str())) {
            if last.get(&message.sender).is_some_and(|before| before > rank) {
                report.add(Fault::Reordered, place(view, message.seq));
            }
            last.insert(message.sender, *rank);
        }
    }
}

/// At one seq, everybody sees the same message, and the same last one.
fn check_agreement(views: &[View], report: &mut Report) {
    let mut seen: BTreeMap<(&str, u64), &Seen> = BTreeMap::new();
    let mut ends: HashMap<&str, u64> = HashMap::new();
    for view in views {
        for message in &view.messages {
            let first = seen.entry((&view.conversation, message.seq)).or_insert(message);
            if (first.message_id, first.has_content) != (message.message_id, message.has_content) {
                report.add(Fault::Diverged, place(view, message.seq));
            }
        }
        let end = view.messages.last().map_or(0, |message| message.seq);
        if *ends.entry(&view.conversation).or_insert(end) != end {
            report.add(Fault::Diverged, place(view, end));
        }
    }
}

#[cfg(test)]
mod tests;
