//! The vocabulary of outbox events: the kinds, sets of kinds, lanes, and the JSON of an event.

mod payload;

use std::fmt;

pub use self::payload::{payload, timestamp};
use crate::id::{ConversationId, UserId};

macro_rules! kinds {
    ($($kind:ident = $number:literal $name:literal $data:literal $text:literal,)*) => {
        /// A kind of change that business systems can be told. Numbers are stored: they never change their meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum EventKind {
            $(#[doc = $text] $kind = $number,)*
        }

        impl EventKind {
            /// Every kind.
            pub const ALL: &[EventKind] = &[$(EventKind::$kind,)*];

            /// As it is written in configurations and payloads.
            pub fn name(self) -> &'static str {
                match self { $(EventKind::$kind => $name,)* }
            }
            /// The message of the schema that is its `data`.
            pub fn data(self) -> &'static str {
                match self { $(EventKind::$kind => $data,)* }
            }
            /// What happened, in a sentence.
            pub fn text(self) -> &'static str {
                match self { $(EventKind::$kind => $text,)* }
            }
            /// The kind with this number.
            pub fn from_number(number: u8) -> Option<Self> {
                match number { $($number => Some(EventKind::$kind),)* _ => None }
            }
        }
    };
}

kinds! {
    MessageCreated = 1 "message.created" "MessageChanged" "A message was accepted.",
    MessageEdited = 2 "message.edited" "MessageChanged" "The sender replaced the content of a message.",
    MessageRecalled = 3 "message.recalled" "MessageChanged" "A message was taken back, for everybody.",
    MessageHidden = 4 "message.hidden" "MessagesHidden" "A user deleted messages from the own view.",
    ConversationCreated = 8 "conversation.created" "ConversationCreated" "A one-to-one conversation came into being with its first message.",
    ConversationUpdated = 9 "conversation.updated" "EntryChanged" "A user pinned, muted, hid, archived or renamed a conversation in the own list.",
    ConversationCleared = 10 "conversation.cleared" "EntryChanged" "A user cleared or deleted a conversation in the own list.",
    GroupCreated = 16 "group.created" "GroupChanged" "A group was created.",
    GroupRenamed = 17 "group.renamed" "GroupChanged" "A group got another name.",
    GroupMembersAdded = 18 "group.members_added" "GroupChanged" "Members joined a group.",
    GroupMembersRemoved = 19 "group.members_removed" "GroupChanged" "Members were removed from a group.",
    GroupMemberLeft = 20 "group.member_left" "GroupChanged" "A member left a group.",
    GroupRoleChanged = 21 "group.role_changed" "GroupChanged" "A member of a group got another role.",
    ReceiptRead = 24 "receipt.read" "CursorEvent" "A user read a conversation up to a message.",
    ReceiptDelivered = 25 "receipt.delivered" "CursorEvent" "A device of a user has a conversation up to a message.",
    UserCreated = 32 "user.created" "UserChanged" "An account came into being.",
    UserUpdated = 33 "user.updated" "UserChanged" "A user changed the profile.",
    UserStateChanged = 34 "user.state_changed" "UserChanged" "An account was suspended, re-activated or deleted.",
    UserPasswordChanged = 35 "user.password_changed" "UserChanged" "A user changed the password.",
    UserBlocked = 36 "user.blocked" "BlockChanged" "A user blocks another.",
    UserUnblocked = 37 "user.unblocked" "BlockChanged" "A user no longer blocks another.",
    UserSettingChanged = 38 "user.setting_changed" "SettingChanged" "A user changed a setting.",
    DeviceLoggedIn = 40 "device.logged_in" "DeviceChanged" "A device logged in.",
    DeviceLoggedOut = 41 "device.logged_out" "DeviceChanged" "A device was logged out.",
    MailingFinished = 48 "mailing.finished" "MailingFinished" "A mailing of the admin interface has served everybody.",
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of kinds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KindSet(u64);

/// A word that names no kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no kind of event called {0:?}; write a name like \"message.created\", a family like \"message.*\", or \"*\""
)]
pub struct UnknownKind(pub String);

impl KindSet {
    /// No kind.
    pub const EMPTY: Self = Self(0);

    /// Every kind there is.
    pub fn all() -> Self {
        EventKind::ALL.iter().copied().collect()
    }

    /// The kinds that these words name: exact names, families (`message.*`), or `*`.
    ///
    /// # Errors
    /// The first word that names nothing.
    pub fn parse<T: AsRef<str>>(words: impl IntoIterator<Item = T>) -> Result<Self, UnknownKind> {
        let mut set = Self::EMPTY;
        for word in words {
            let word = word.as_ref().trim();
            let family = word.strip_suffix('*').filter(|family| family.is_empty() || family.ends_with('.'));
            let named: Self = EventKind::ALL
                .iter()
                .copied()
                .filter(|kind| family.map_or(kind.name() == word, |family| kind.name().starts_with(family)))
                .collect();
            if named.is_empty() {
                return Err(UnknownKind(word.chars().take(64).collect()));
            }
            set = set.union(named);
        }
        Ok(set)
    }

    /// Whether the kind is in it.
    pub fn contains(self, kind: EventKind) -> bool {
        self.0 & (1 << kind as u8) != 0
    }
    /// Whether nothing is in it.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
    /// What is in either.
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
    /// As a number, for whoever shares it between threads.
    pub fn bits(self) -> u64 {
        self.0
    }
    /// The inverse of [`Self::bits`].
    pub fn from_bits(bits: u64) -> Self {
        Self(bits)
    }
}

impl FromIterator<EventKind> for KindSet {
    fn from_iter<I: IntoIterator<Item = EventKind>>(kinds: I) -> Self {
        Self(kinds.into_iter().fold(0, |bits, kind| bits | 1 << kind as u8))
    }
}

/// What keeps its order: the events of one conversation, or of one user's own world, are delivered one after the other. Sixty-four bits of a hash: two
/// that collide wait for each other, and nothing else happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Lane(pub u64);

impl Lane {
    /// Of everything that happens in a conversation.
    pub fn conversation(id: ConversationId) -> Self {
        let bytes = u128::from_be_bytes(id.to_bytes());
        Self(mix(mix((bytes >> 64) as u64) ^ (bytes as u64)))
    }
    /// Of everything that happens to a user.
    pub fn user(id: UserId) -> Self {
        Self(mix(id.0 ^ 0x5eed_0000_0000_0001))
    }
}

/// The finalizer of SplitMix64: stable over versions and machines.
fn mix(mut value: u64) -> u64 {
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_fit_into_a_set_and_know_their_numbers() {
        for kind in EventKind::ALL {
            assert_eq!(EventKind::from_number(*kind as u8), Some(*kind));
            assert!((*kind as u8) < 64 && KindSet::all().contains(*kind));
            assert!(!KindSet::EMPTY.contains(*kind));
        }
    }

    #[test]
    fn words_name_kinds_and_families() {
        let set = KindSet::parse(["message.*", "user.created"]).unwrap();
        assert!(set.contains(EventKind::MessageRecalled) && set.contains(EventKind::UserCreated));
        assert!(!set.contains(EventKind::UserUpdated));
        assert_eq!(KindSet::parse(["*"]).unwrap(), KindSet::all());
        for wrong in ["", "message", "messag*", "nothing.*", "message.create"] {
            assert_eq!(KindSet::parse([wrong]), Err(UnknownKind(wrong.to_owned())), "{wrong}");
        }
    }

    #[test]
    fn lanes_tell_conversations_and_users_apart() {
        let (ann, bob) = (UserId(1), UserId(2));
        let lanes = [
            Lane::conversation(ConversationId::direct(ann, bob)),
            Lane::conversation(ConversationId::direct(ann, ann)),
            Lane::conversation(ConversationId::group(1)),
            Lane::user(ann),
            Lane::user(bob),
        ];
        let distinct: std::collections::BTreeSet<_> = lanes.into_iter().collect();
        assert_eq!(distinct.len(), lanes.len());
        assert_eq!(lanes[0], Lane::conversation(ConversationId::direct(bob, ann)), "stable");
    }
}
