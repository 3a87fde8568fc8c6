//! What happened, and whether every promise was kept.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
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
    /// A fingerprint of what it says.
    pub content: u64,
    /// Every answer that the server gave to this client id; none when it never gave any.
    pub answers: Vec<Acked>,
    /// Whether it was taken back.
    pub recall: Attempt,
    /// Whether the sender deleted it from the own view.
    pub deletion: Attempt,
}

impl Send {
    /// The first answer.
    pub fn acked(&self) -> Option<Acked> {
        self.answers.first().copied()
    }
}

/// How an operation went that may have been cut off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Attempt {
    /// Not asked for.
    #[default]
    None,
    /// Asked for without a good answer: it may have happened.
    Unclear,
    /// The server said that it is done.
    Done,
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
    /// A fingerprint of what it says; `None` when it shows nothing, as after a recall.
    pub content: Option<u64>,
    /// Whether it counts as unread.
    pub counts: bool,
}

/// Who may read what in the end.
#[derive(Clone, Debug)]
pub struct Membership {
    /// Who.
    pub user: u64,
    /// Where.
    pub conversation: String,
    /// The first seq that this user may see.
    pub first_seq: u64,
    /// No longer a member: may see nothing.
    pub former: bool,
}

/// A conversation as one device of a user sees it in the end, or as the server shows it to the user.
#[derive(Clone, Debug)]
pub struct View {
    /// Who looks.
    pub user: u64,
    /// At what.
    pub conversation: String,
    /// The first seq that was looked at.
    pub from_seq: u64,
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
    /// Everybody who is or was in a conversation.
    pub memberships: Vec<Membership>,
    /// In the end, after the last fault: at least one of every member of every conversation in which something was acked.
    pub views: Vec<View>,
}

/// A broken promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// An acked message that an entitled member cannot read, or reads without its content.
    Lost,
    /// One client id, more than one message or more than one answer.
    Duplicated,
    /// A sender's messages in another order than they were sent; or an ack with another place than the message has.
    Reordered,
    /// A seq that is missing between others.
    Gap,
    /// Unread is not what a recount gives.
    UnreadMismatch,
    /// Content of a message that was taken back, or a message that the user has deleted.
    Resurrected,
    /// A message below the first that the user may see, or anything shown to a former member.
    FenceViolated,
    /// Two members see different messages at the same seq.
    Diverged,
    /// A message that nobody sent, or that says something else than its sender did.
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
        Report { acked: history.sends.iter().filter(|send| send.acked().is_some()).count(), ..Report::default() };
    let mut sends: HashMap<&str, Vec<&Send>> = HashMap::new();
    for send in &history.sends {
        sends.entry(&send.conversation).or_default().push(send);
    }
    check_answers(history, &mut report);
    check_attendance(history, &sends, &mut report);
    let memberships: HashMap<(u64, &str), &Membership> =
        history.memberships.iter().map(|member| ((member.user, member.conversation.as_str()), member)).collect();
    let mut views = Vec::new();
    for view in &history.views {
        let sends = sends.get(view.conversation.as_str()).map_or(&[][..], Vec::as_slice);
        match memberships.get(&(view.user, view.conversation.as_str())) {
            Some(member) if !member.former => views.push(Look::new(view, member, sends)),
            // A former member, or a stranger, sees something.
            _ => report.add(Fault::FenceViolated, place(view, view.from_seq)),
        }
    }
    for look in &views {
        look.check_seqs(&mut report);
        look.check_contents(&mut report);
        look.check_unread(&mut report);
        look.check_acked(&mut report);
        look.check_order(&mut report);
    }
    check_agreement(&views, &mut report);
    report
}

fn place(view: &View, seq: u64) -> String {
    format!("conversation {}, user {}, seq {seq}", view.conversation, view.user)
}

/// The same client id gets the same answer, and no two client ids the same place.
fn check_answers(history: &History, report: &mut Report) {
    let mut taken = HashSet::new();
    for send in &history.sends {
        let Some(acked) = send.acked() else { continue };
        let place = || format!("conversation {}, client id {}", send.conversation, send.client_id);
        if send.answers.iter().any(|answer| *answer != acked) {
            report.add(Fault::Duplicated, place());
        }
        if !taken.insert((send.conversation.as_str(), acked.seq)) {
            report.add(Fault::Lost, format!("{}: seq {} was acked twice", place(), acked.seq));
        }
    }
}

/// A member without any view has lost everything that was acked there.
fn check_attendance(history: &History, sends: &HashMap<&str, Vec<&Send>>, report: &mut Report) {
    let present: HashSet<(u64, &str)> =
        history.views.iter().map(|view| (view.user, view.conversation.as_str())).collect();
    for member in history.memberships.iter().filter(|member| !member.former) {
        let conversation = member.conversation.as_str();
        if present.contains(&(member.user, conversation)) {
            continue;
        }
        for acked in sends.get(conversation).into_iter().flatten().filter_map(|send| send.acked()) {
            if acked.seq >= member.first_seq {
                report.add(Fault::Lost, format!("conversation {conversation}, user {}, no view", member.user));
            }
        }
    }
}

/// A view with what it is judged by.
struct Look<'a> {
    view: &'a View,
    first_seq: u64,
    sends: &'a [&'a Send],
    /// Seqs that may be missing, because this user deleted them.
    deleted: BTreeSet<u64>,
}

impl<'a> Look<'a> {
    fn new(view: &'a View, member: &Membership, sends: &'a [&'a Send]) -> Self {
        let deleted = sends.iter().filter(|send| send.sender == view.user && send.deletion != Attempt::None);
        let deleted = deleted.filter_map(|send| send.acked()).map(|acked| acked.seq).collect();
        Self { view, first_seq: member.first_seq, sends, deleted }
    }

    fn place(&self, seq: u64) -> String {
        place(self.view, seq)
    }

    fn start(&self) -> u64 {
        self.view.from_seq.max(self.first_seq)
    }

    fn is_at_fault(&self, missing: impl IntoIterator<Item = u64>) -> bool {
        missing.into_iter().any(|seq| !self.deleted.contains(&seq))
    }

    /// Contiguous from the first seq that the user may see, in order, and nothing below it.
    fn check_seqs(&self, report: &mut Report) {
        let mut expected = self.start();
        for message in &self.view.messages {
            if message.seq < self.first_seq {
                report.add(Fault::FenceViolated, self.place(message.seq));
                continue;
            }
            if self.is_at_fault(expected..message.seq) {
                report.add(Fault::Gap, self.place(expected));
            }
            expected = message.seq + 1;
        }
    }

    fn check_contents(&self, report: &mut Report) {
        let sent: HashMap<(u64, &str), &&Send> =
            self.sends.iter().map(|send| ((send.sender, send.client_id.as_str()), send)).collect();
        let mut known = HashSet::new();
        for message in self.view.messages.iter().filter(|message| message.sender != 0) {
            let key = (message.sender, message.client_id.as_str());
            if !known.insert(key) {
                report.add(Fault::Duplicated, self.place(message.seq));
            }
            let Some(send) = sent.get(&key) else {
                report.add(Fault::Invented, self.place(message.seq));
                continue;
            };
            let deleted = send.deletion == Attempt::Done && send.sender == self.view.user;
            match message.content {
                _ if deleted => report.add(Fault::Resurrected, self.place(message.seq)),
                Some(_) if send.recall == Attempt::Done => report.add(Fault::Resurrected, self.place(message.seq)),
                Some(content) if content != send.content => report.add(Fault::Invented, self.place(message.seq)),
                None if send.recall == Attempt::None => report.add(Fault::Lost, self.place(message.seq)),
                _ => {}
            }
        }
    }

    /// A recount: what counts, of others, above what was read and above the own last message.
    fn check_unread(&self, report: &mut Report) {
        let view = self.view;
        let shown = view.messages.iter().filter(|message| message.sender == view.user).map(|message| message.seq);
        // The own last message may be deleted, and still sets the floor.
        let own = shown.chain(self.deleted.iter().copied()).max().unwrap_or(0);
        let floor = view.read_seq.max(own);
        let recount = view.messages.iter().filter(|message| message.counts && message.seq > floor).count() as u64;
        if recount != view.unread {
            let place = self.place(view.read_seq);
            report.add(Fault::UnreadMismatch, format!("{place}: {} instead of {recount}", view.unread));
        }
    }

    /// Every acked message is where its ack said.
    fn check_acked(&self, report: &mut Report) {
        let by_id: HashMap<u64, u64> =
            self.view.messages.iter().map(|message| (message.message_id, message.seq)).collect();
        for acked in self.sends.iter().filter_map(|send| send.acked()).filter(|acked| acked.seq >= self.start()) {
            match by_id.get(&acked.message_id) {
                None if self.is_at_fault([acked.seq]) => report.add(Fault::Lost, self.place(acked.seq)),
                Some(seq) if *seq != acked.seq => report.add(Fault::Reordered, self.place(acked.seq)),
                _ => {}
            }
        }
    }

    /// Each sender's messages stand in the order they were sent.
    fn check_order(&self, report: &mut Report) {
        let mut ranks: HashMap<(u64, &str), usize> = HashMap::new();
        for (rank, send) in self.sends.iter().enumerate() {
            ranks.entry((send.sender, &send.client_id)).or_insert(rank);
        }
        let mut last: HashMap<u64, usize> = HashMap::new();
        for message in &self.view.messages {
            if let Some(rank) = ranks.get(&(message.sender, message.client_id.as_str())) {
                if last.get(&message.sender).is_some_and(|before| before > rank) {
                    report.add(Fault::Reordered, self.place(message.seq));
                }
                last.insert(message.sender, *rank);
            }
        }
    }
}

/// At one seq, everybody sees the same message, and all end with the same one.
fn check_agreement(views: &[Look], report: &mut Report) {
    let mut seen: BTreeMap<(&str, u64), &Seen> = BTreeMap::new();
    let mut ends: HashMap<&str, u64> = HashMap::new();
    for look in views {
        let conversation = look.view.conversation.as_str();
        for message in &look.view.messages {
            let first = seen.entry((conversation, message.seq)).or_insert(message);
            if (first.message_id, first.content) != (message.message_id, message.content) {
                report.add(Fault::Diverged, look.place(message.seq));
            }
        }
        let shown = look.view.messages.last().map(|message| message.seq);
        let end = shown.max(look.deleted.last().copied()).unwrap_or(0);
        if *ends.entry(conversation).or_insert(end) != end {
            report.add(Fault::Diverged, look.place(end));
        }
    }
}

#[cfg(test)]
mod tests;
