//! The merge of pushes and pulls into one state: pure, so that it can be shown to converge whatever is dropped, doubled or reordered.
//!
//! A conversation's `version` grows by one with each change, so a client that has seen all changes up to a version knows whether a pushed one is the next.
//! If not, it is kept and the hole is pulled. The higher version of a message wins, so nothing that was recalled comes back.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use skein_proto::v1;

/// Changes known beyond a hole that are kept per conversation; above it a pull brings them anyway.
const AHEAD_MAX: usize = 1_024;

/// What has to be pulled.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// The user timeline, from [`Timeline::user_version`].
    User,
    /// A conversation, from its [`Conversation::version`].
    Conversation(String),
}

/// One conversation as this client knows it.
#[derive(Clone, Debug, Default)]
pub struct Conversation {
    /// The caller's own entry; `None` until the user timeline brought it.
    pub entry: Option<v1::ConversationEntry>,
    /// Messages by seq.
    pub messages: BTreeMap<u64, v1::Message>,
    /// Every change up to here is known.
    pub version: u64,
    /// Messages below this seq are not held; history brings them.
    pub loaded_from: u64,
    /// How far each other member has read.
    pub cursors: HashMap<u64, v1::Cursor>,
    /// The highest version known to exist.
    wanted: u64,
    /// Versions known beyond a hole.
    ahead: BTreeSet<u64>,
    /// Deleted by this user, for itself.
    hidden: HashSet<u64>,
}

/// Everything that a client knows.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    /// Whose it is; decides what counts as unread.
    pub user_id: u64,
    /// Every change of the user timeline up to here is known.
    pub user_version: u64,
    /// By conversation id.
    pub conversations: HashMap<String, Conversation>,
    /// The own profile, once pulled.
    pub me: Option<v1::User>,
    /// The user's settings.
    pub settings: BTreeMap<String, String>,
    /// Whom the user blocks.
    pub blocked: BTreeSet<u64>,
    needs: BTreeSet<Need>,
    /// Head of the pull that is under way.
    pulling: Option<u64>,
}

impl Timeline {
    /// What has to be pulled now, each once; asked for again until a pull has answered it.
    pub fn take_needs(&mut self) -> Vec<Need> {
        std::mem::take(&mut self.needs).into_iter().collect()
    }

    /// Puts back what [`Timeline::take_needs`] gave and no pull has answered.
    pub fn return_needs(&mut self, needs: &[Need]) {
        self.needs.extend(needs.iter().cloned());
    }

    /// Whether anything has to be pulled. A hole that pushes have closed meanwhile is none.
    pub fn has_needs(&mut self) -> bool {
        let conversations = &self.conversations;
        self.needs.retain(|need| match need {
            Need::User => true,
            Need::Conversation(id) => conversations.get(id).is_none_or(|known| known.wanted > known.version),
        });
        !self.needs.is_empty()
    }

    /// Goes on from what a cache kept, perhaps in the middle of a pull: whatever was asked for and not answered is asked for again.
    pub fn restart(&mut self) {
        self.pulling = None;
        self.needs.insert(Need::User);
        let holes = self.conversations.iter().filter(|(_, known)| known.wanted > known.version);
        self.needs.extend(holes.map(|(id, _)| Need::Conversation(id.clone())));
    }

    /// Asks for a pull of the user timeline: after a session that was not resumed, or a lagging push.
    pub fn need_user(&mut self) {
        self.needs.insert(Need::User);
    }

    /// The conversations that are listed, as the server sorts them.
    pub fn listed(&self) -> Vec<&v1::ConversationEntry> {
        let mut entries: Vec<_> = self
            .conversations
            .values()
            .filter_map(|conversation| conversation.entry.as_ref())
            .filter(|entry| entry.member && !entry.hidden)
            .collect();
        entries.sort_by(|a, b| b.sort_key.cmp(&a.sort_key).then_with(|| a.conversation_id.cmp(&b.conversation_id)));
        entries
    }

    /// Takes a pushed event. True when something that people see has changed.
    pub fn push(&mut self, event: &v1::Event) -> bool {
        match &event.body {
            Some(v1::event::Body::Message(event)) => match event.message.as_option() {
                Some(message) => self.push_message(message),
                None => false,
            },
            Some(v1::event::Body::Entry(entry)) => self.merge_entry(entry),
            Some(v1::event::Body::Cursor(cursor)) => self.push_cursor(cursor),
            Some(v1::event::Body::Timeline(hint)) => {
                self.take_hint(hint);
                false
            }
            // Nothing of it is kept; who listens is told.
            Some(v1::event::Body::Signal(_) | v1::event::Body::Presence(_)) => true,
            None => false,
        }
    }

    fn push_message(&mut self, message: &v1::Message) -> bool {
        let me = self.user_id;
        let id = &message.conversation_id;
        let Some(conversation) = self.conversations.get_mut(id).filter(|known| known.entry.is_some()) else {
            // A conversation that the list does not have yet.
            self.needs.insert(Need::User);
            return false;
        };
        conversation.note_version(message.version);
        if conversation.wanted > conversation.version {
            self.needs.insert(Need::Conversation(id.clone()));
        }
        let changed = conversation.merge_message(message);
        if changed && let Some(entry) = &mut conversation.entry {
            advance_entry(entry, message, me);
        }
        changed
    }

    fn push_cursor(&mut self, event: &v1::CursorEvent) -> bool {
        let cursor = v1::Cursor {
            user_id: event.user_id,
            read_seq: event.read_seq,
            delivered_seq: event.delivered_seq,
            read_time_ms: event.read_time_ms,
            ..Default::default()
        };
        match self.conversations.get_mut(&event.conversation_id) {
            Some(conversation) => conversation.merge_cursor(cursor),
            None => false,
        }
    }

    fn take_hint(&mut self, hint: &v1::TimelineEvent) {
        if hint.conversation_id.is_empty() {
            if hint.version > self.user_version {
                self.needs.insert(Need::User);
            }
        } else {
            self.want(&hint.conversation_id, hint.version);
        }
    }

    /// The conversation has changed up to this version.
    fn want(&mut self, id: &str, version: u64) {
        let conversation = self.conversations.entry(id.to_owned()).or_default();
        conversation.wanted = conversation.wanted.max(version);
        if conversation.wanted > conversation.version {
            self.needs.insert(Need::Conversation(id.to_owned()));
        }
    }

    /// Takes one page of a pull of the user timeline. `messages` is the bundle, wherever it came packed. True when it was the last page.
    pub fn merge_user_page(&mut self, page: &v1::PullUserResponse, messages: &[v1::Message]) -> bool {
        let head = *self.pulling.get_or_insert(page.version);
        for entry in &page.entries {
            let id = &entry.conversation_id;
            let first_sight = self.conversations.get(id).is_none_or(|known| known.version == 0);
            self.merge_entry(entry);
            let Some(conversation) = self.conversations.get_mut(id).filter(|_| entry.member) else { continue };
            if first_sight {
                // The newest messages as of this very version: nothing older needs to be known to go on from here.
                conversation.start_from(entry, messages.iter().filter(|message| message.conversation_id == *id));
            } else {
                self.want(id, entry.conversation_version);
            }
        }
        for head in &page.heads {
            if let Some(conversation) = self.conversations.get_mut(&head.conversation_id) {
                if let Some(entry) = &mut conversation.entry {
                    (entry.unread, entry.last_seq) = (head.unread, head.last_seq.max(entry.last_seq));
                }
                self.want(&head.conversation_id, head.version);
            }
        }
        if let Some(me) = page.me.as_option() {
            self.me = Some(me.clone());
        }
        for setting in &page.settings {
            if setting.value.is_empty() {
                self.settings.remove(&setting.key);
            } else {
                self.settings.insert(setting.key.clone(), setting.value.clone());
            }
        }
        for block in &page.blocks {
            if block.blocked {
                self.blocked.insert(block.user_id);
            } else {
                self.blocked.remove(&block.user_id);
            }
        }
        if !page.has_more {
            self.user_version = self.user_version.max(head);
            self.pulling = None;
        }
        !page.has_more
    }

    /// Forgets a pull of the user timeline that broke off; it starts again from the old version.
    pub fn abandon_user_pull(&mut self) {
        self.pulling = None;
    }

    /// Takes one page of a pull of a conversation. True when it was the last page.
    pub fn merge_conversation_page(&mut self, id: &str, page: &v1::PullConversationResponse) -> bool {
        let me = self.user_id;
        let conversation = self.conversations.entry(id.to_owned()).or_default();
        for message in &page.messages {
            if conversation.merge_message(message)
                && let Some(entry) = &mut conversation.entry
            {
                advance_entry(entry, message, me);
            }
        }
        conversation.known_through(page.version);
        for cursor in &page.cursors {
            conversation.merge_cursor(cursor.clone());
        }
        !page.has_more
    }

    /// Takes older messages, newest first, from just below [`Conversation::loaded_from`].
    pub fn merge_history(&mut self, id: &str, page: &v1::ListHistoryResponse) {
        let conversation = self.conversations.entry(id.to_owned()).or_default();
        let oldest = page.messages.iter().map(|message| message.seq).min();
        conversation.loaded_from = if page.has_more { oldest.unwrap_or(page.first_seq) } else { page.first_seq };
        for message in &page.messages {
            conversation.merge_message(message);
        }
    }

    /// Takes an entry from a push, a pull or an answer; the higher version wins. True when it was newer.
    pub fn merge_entry(&mut self, entry: &v1::ConversationEntry) -> bool {
        let conversation = self.conversations.entry(entry.conversation_id.clone()).or_default();
        conversation.hidden.extend(&entry.deleted_message_ids);
        conversation.messages.retain(|seq, message| {
            *seq > entry.cleared_seq && !entry.deleted_message_ids.contains(&message.message_id)
        });
        if conversation.entry.as_ref().is_some_and(|known| known.version > entry.version) {
            return false;
        }
        let mut entry = entry.clone();
        if let Some(known) = &conversation.entry {
            entry.conversation_version = entry.conversation_version.max(known.conversation_version);
        }
        // An answer may have been on its way while newer messages were pushed: what they changed stays changed.
        for message in conversation.messages.range(entry.last_seq.saturating_add(1)..).map(|(_, message)| message) {
            advance_entry(&mut entry, message, self.user_id);
        }
        conversation.entry = Some(entry);
        true
    }
}

/// What the server will say about the entry once it is pulled, as far as one message tells.
fn advance_entry(entry: &mut v1::ConversationEntry, message: &v1::Message, me: u64) {
    entry.conversation_version = entry.conversation_version.max(message.version);
    if message.seq < entry.last_seq {
        return;
    }
    let fresh = message.seq > entry.last_seq;
    entry.last_seq = message.seq;
    entry.last_message = message.clone().into();
    if !fresh {
        return;
    }
    if !message.options.no_list_move {
        // Pinned entries carry a bit above all times.
        entry.sort_key = message.sort_key | (entry.sort_key & (1 << 62));
        entry.hidden = false;
    }
    if message.sender_id == me {
        entry.unread = 0;
    } else if message.sender_id != 0 && !message.options.no_count {
        entry.unread = entry.unread.saturating_add(1);
    }
    entry.mentioned |= message.content.mention_all && message.sender_id != me
        || message.content.mentions.iter().any(|mention| mention.user_id == me);
}

impl Conversation {
    /// The version of one change is known.
    fn note_version(&mut self, version: u64) {
        if version <= self.version {
            return;
        }
        self.wanted = self.wanted.max(version);
        self.ahead.insert(version);
        self.close_hole();
        while self.ahead.len() > AHEAD_MAX {
            self.ahead.pop_last();
        }
    }

    /// Every change up to this version is known.
    fn known_through(&mut self, version: u64) {
        self.version = self.version.max(version);
        self.ahead = self.ahead.split_off(&self.version.saturating_add(1));
        self.close_hole();
    }

    fn close_hole(&mut self) {
        while let Some(next) = self.version.checked_add(1).filter(|next| self.ahead.remove(next)) {
            self.version = next;
        }
    }

    fn start_from<'a>(&mut self, entry: &v1::ConversationEntry, bundle: impl Iterator<Item = &'a v1::Message>) {
        let mut oldest = entry.last_seq.saturating_add(1);
        let mut held = Vec::new();
        for message in bundle {
            oldest = oldest.min(message.seq);
            held.push(message);
        }
        self.loaded_from = oldest;
        self.messages.retain(|seq, _| *seq >= oldest);
        for message in held {
            self.merge_message(message);
        }
        self.known_through(entry.conversation_version);
    }

    /// True when the message is new, or newer than the one held.
    fn merge_message(&mut self, message: &v1::Message) -> bool {
        let cleared = self.entry.as_ref().map_or(0, |entry| entry.cleared_seq);
        if message.seq < self.loaded_from || message.seq <= cleared || self.hidden.contains(&message.message_id) {
            return false;
        }
        if self.messages.get(&message.seq).is_some_and(|held| held.version >= message.version) {
            return false;
        }
        self.messages.insert(message.seq, message.clone());
        true
    }

    fn merge_cursor(&mut self, cursor: v1::Cursor) -> bool {
        if let Some(entry) = self.entry.as_mut().filter(|entry| entry.peer_id == cursor.user_id) {
            entry.peer_read_seq = entry.peer_read_seq.max(cursor.read_seq);
            entry.peer_delivered_seq = entry.peer_delivered_seq.max(cursor.delivered_seq);
        }
        let held = self.cursors.entry(cursor.user_id).or_default();
        if cursor.read_seq < held.read_seq || cursor.delivered_seq < held.delivered_seq || *held == cursor {
            return false;
        }
        *held = cursor;
        true
    }
}

#[cfg(test)]
mod tests;
