//! Which rows a batch has to lock and to load, as its operations name them.

use std::collections::{BTreeMap, BTreeSet};

use skein_proto::id::{ConversationId, UserId};

/// What is wanted of a conversation.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wish {
    /// Make it at this time when it is missing (one-to-one only), Unix milliseconds.
    pub create_ms: Option<u64>,
    /// So many members may leave: the roster is loaded if it may become a small one.
    pub leaving: u32,
}

/// The union of what the operations of a batch name. Ordered, because locks are taken in this order.
#[derive(Debug, Default)]
pub(crate) struct Needs {
    pub conversations: BTreeMap<ConversationId, Wish>,
    pub users: BTreeSet<UserId>,
    pub entries: BTreeSet<(UserId, ConversationId)>,
    /// Whether the first blocks the second.
    pub blocks: BTreeSet<(UserId, UserId)>,
    /// Ids that senders made themselves, and that are to be looked up before anything runs.
    pub client_ids: BTreeSet<(Vec<u8>, UserId)>,
    /// Whether they are: a repeated send is rare, and in a batch that has one the unique index refuses the first attempt.
    pub look_up_client_ids: bool,
    /// Seqs whose running count is wanted.
    pub counts: BTreeSet<(ConversationId, u64)>,
    /// Consumers of events, by name.
    pub consumers: BTreeSet<String>,
    /// All of these that there are.
    pub all_consumers: bool,
    /// Positions for the events that are committed.
    pub positions: bool,
}

impl Needs {
    /// The conversation and, of a small one, all members with their entries.
    pub(crate) fn conversation(&mut self, id: ConversationId) -> &mut Wish {
        self.conversations.entry(id).or_default()
    }

    /// An id that the sender made.
    pub(crate) fn client_id(&mut self, client_id: &[u8], sender: UserId) {
        if self.look_up_client_ids {
            self.client_ids.insert((client_id.to_vec(), sender));
        }
    }

    pub(crate) fn user(&mut self, user: UserId) {
        self.users.insert(user);
    }

    /// The conversation, the user, and the entry that it may have.
    pub(crate) fn entry(&mut self, user: UserId, id: ConversationId) {
        self.conversation(id);
        self.users.insert(user);
        self.entries.insert((user, id));
    }

    /// Whether `user` blocks `other`; both are locked.
    pub(crate) fn block(&mut self, user: UserId, other: UserId) {
        self.users.extend([user, other]);
        self.blocks.insert((user, other));
    }
}
