//! Every limit that a peer can meet, by name. The welcome announces those that a client must keep.

/// Largest frame on a link, in bytes, either way.
pub const FRAME_BYTES_MAX: usize = 256 * 1024;
/// Objects in one JSON message: each takes up to a kilobyte once it is decoded, however short its text.
pub const JSON_OBJECTS_MAX: usize = 8 * 1024;
/// Largest text of one message, in bytes of UTF-8.
pub const TEXT_BYTES_MAX: usize = 32 * 1024;
/// Largest encoded content of one message, in bytes.
pub const CONTENT_BYTES_MAX: usize = 64 * 1024;
/// Largest `extra` of one message or profile, in bytes of JSON text.
pub const EXTRA_BYTES_MAX: usize = 8 * 1024;
/// Pushes that wait for a slow reader, in bytes, before the session is marked lagging.
pub const OUTBOX_BYTES_MAX: usize = 64 * 1024;
/// Requests of one link that may wait for their answer at once.
pub const REQUESTS_IN_FLIGHT_MAX: usize = 256;
/// How long a dropped session can be resumed, in milliseconds.
pub const RESUME_WINDOW_MS: u64 = 60_000;
/// Time from connect to hello, in milliseconds.
pub const HELLO_TIMEOUT_MS: u64 = 10_000;
/// Largest hello, in bytes: nobody is known before it.
pub const HELLO_BYTES_MAX: usize = 4 * 1024;
/// Largest frame of an anonymous link, in bytes.
pub const ANONYMOUS_FRAME_BYTES_MAX: usize = 16 * 1024;
/// Life of an anonymous link, in milliseconds.
pub const ANONYMOUS_LINK_MS: u64 = 60_000;
/// Default heartbeat interval, in milliseconds. A link silent for two of them is dead.
pub const HEARTBEAT_MS: u32 = 30_000;
/// Members of one group.
pub const GROUP_MEMBERS_MAX: usize = 100_000;
/// Members added or removed by one call.
pub const MEMBERS_PER_CALL_MAX: usize = 1_000;
/// Mentions in one message.
pub const MENTIONS_MAX: usize = 100;
/// Entries of one page of the user timeline.
pub const PULL_ENTRIES_MAX: u32 = 1_000;
/// Messages of one page of a conversation.
pub const PULL_MESSAGES_MAX: u32 = 200;
/// Newest messages packed with each entry of a user-timeline pull.
pub const BUNDLE_MESSAGES_MAX: u32 = 50;
/// Messages or targets named by one call (forward, delete).
pub const ITEMS_PER_CALL_MAX: usize = 100;
/// Longest user name, in characters.
pub const USERNAME_CHARS_MAX: usize = 32;
/// Longest display name or group name, in characters.
pub const NAME_CHARS_MAX: usize = 64;
/// Longest password, in bytes; argon2 would hash any length, an attacker would send it.
pub const PASSWORD_BYTES_MAX: usize = 256;
/// Shortest password, in characters.
pub const PASSWORD_CHARS_MIN: usize = 8;
/// Devices of one user.
pub const DEVICES_MAX: usize = 50;
/// Longest settings key, in bytes.
pub const SETTING_KEY_BYTES_MAX: usize = 128;
/// Longest settings value, in bytes.
pub const SETTING_VALUE_BYTES_MAX: usize = 8 * 1024;
/// Longest draft or remark, in bytes.
pub const DRAFT_BYTES_MAX: usize = 8 * 1024;
/// Longest id of a live room, in bytes.
pub const ROOM_ID_BYTES_MAX: usize = 64;
/// Live rooms that one session may be in.
pub const ROOMS_PER_SESSION_MAX: usize = 32;
/// Largest text and data of one message to a live room together, in bytes.
pub const ROOM_MESSAGE_BYTES_MAX: usize = 4 * 1024;
/// Longest kind of a message to a live room, and longest name of a counter, in bytes.
pub const ROOM_WORD_BYTES_MAX: usize = 32;
/// Longest client id of a message to a live room, in bytes.
pub const ROOM_CLIENT_ID_BYTES_MAX: usize = 64;
/// Bytes of messages in one push of a live room; what is more is left out.
pub const ROOM_TICK_BYTES_MAX: usize = 32 * 1024;
/// Messages that a live room keeps for those who come or come back.
pub const ROOM_RING_ENTRIES_MAX: usize = 2_048;
/// Their bytes; as much is kept on each node for those who read slowly.
pub const ROOM_RING_BYTES_MAX: usize = 256 * 1024;
/// Messages that are replayed to whoever joins a live room for the first time.
pub const ROOM_REPLAY_MAX: u32 = 200;
/// Counters of one live room.
pub const ROOM_COUNTERS_MAX: usize = 64;
/// What one call may add to a counter of a live room.
pub const ROOM_COUNT_DELTA_MAX: u32 = 1_000;
/// Longest kind of a signal, in bytes.
pub const SIGNAL_KIND_BYTES_MAX: usize = 64;
/// Largest text and data of a signal or its reply together, in bytes.
pub const SIGNAL_BYTES_MAX: usize = 4 * 1024;
/// Longest wait for the reply to a signal, in milliseconds.
pub const SIGNAL_REPLY_MS_MAX: u32 = 30_000;
/// A signal that waits this long for its client, in milliseconds, is not sent any more.
pub const SIGNAL_STALE_MS: u64 = 10_000;
