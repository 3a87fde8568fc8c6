-- Ids of users are stored as the signed reading of their 64 bits. Times are Unix milliseconds.

CREATE TABLE users (
  user_id INTEGER PRIMARY KEY,
  username TEXT NOT NULL,
  username_key TEXT NOT NULL UNIQUE,      -- ASCII lower case
  external_id TEXT UNIQUE,                -- of the host application
  password_hash TEXT NOT NULL,
  display_name TEXT NOT NULL,
  avatar TEXT NOT NULL,
  bio TEXT NOT NULL,
  extra TEXT NOT NULL,
  state INTEGER NOT NULL,
  created_ms INTEGER NOT NULL,
  version INTEGER NOT NULL DEFAULT 0,     -- head of the user's timeline
  profile_version INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE devices (
  device_id TEXT PRIMARY KEY,
  user_id INTEGER NOT NULL,
  platform INTEGER NOT NULL,
  name TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  last_seen_ms INTEGER NOT NULL,
  generation INTEGER NOT NULL,
  refresh_hash BLOB NOT NULL,
  refresh_expires_ms INTEGER NOT NULL,
  revoked INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX devices_of_user ON devices (user_id);
CREATE INDEX devices_by_refresh ON devices (refresh_hash);

-- Refresh tokens that are no longer current.
CREATE TABLE former_refresh (
  hash BLOB PRIMARY KEY,
  device_id TEXT NOT NULL,
  expires_ms INTEGER NOT NULL,
  exchanged_ms INTEGER,                   -- NULL: never used, a repeated exchange gave another token in its place
  successor BLOB                          -- the token that its exchange, or the repeat, gave last; NULL: another one was used
) WITHOUT ROWID;
CREATE INDEX former_refresh_by_expiry ON former_refresh (expires_ms);
CREATE INDEX former_refresh_by_successor ON former_refresh (successor);

CREATE TABLE secrets (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;

CREATE TABLE blocks (
  user_id INTEGER NOT NULL,
  other_id INTEGER NOT NULL,
  blocked INTEGER NOT NULL,
  version INTEGER NOT NULL,
  PRIMARY KEY (user_id, other_id)
) WITHOUT ROWID;

CREATE TABLE settings (
  user_id INTEGER NOT NULL,
  name TEXT NOT NULL,
  value TEXT NOT NULL,                    -- empty: removed
  version INTEGER NOT NULL,
  PRIMARY KEY (user_id, name)
) WITHOUT ROWID;

CREATE TABLE conversations (
  conversation INTEGER PRIMARY KEY,       -- short local key
  id BLOB NOT NULL UNIQUE,
  last_seq INTEGER NOT NULL,
  version INTEGER NOT NULL,
  countable INTEGER NOT NULL,             -- messages that count as unread, ever
  last_ms INTEGER NOT NULL,
  roster_version INTEGER NOT NULL,        -- version at the last change of the roster
  member_count INTEGER NOT NULL,
  name TEXT NOT NULL,
  avatar TEXT NOT NULL,
  owner_id INTEGER NOT NULL,
  created_ms INTEGER NOT NULL,
  client_key TEXT UNIQUE                  -- idempotency key of its creation
);

CREATE TABLE members (
  conversation INTEGER NOT NULL,
  user_id INTEGER NOT NULL,
  role INTEGER NOT NULL,                  -- 0: gone
  joined_seq INTEGER NOT NULL,
  version INTEGER NOT NULL,
  PRIMARY KEY (conversation, user_id)
) WITHOUT ROWID;

-- The floor is the newest of joining, clearing, reading and the own last message: unread = countable - floor_countable.
CREATE TABLE entries (
  user_id INTEGER NOT NULL,
  conversation INTEGER NOT NULL,
  version INTEGER NOT NULL,
  member INTEGER NOT NULL,
  sort_ms INTEGER NOT NULL,
  first_seq INTEGER NOT NULL,
  cleared_seq INTEGER NOT NULL,
  read_seq INTEGER NOT NULL,
  read_ms INTEGER NOT NULL,
  delivered_seq INTEGER NOT NULL,
  floor_seq INTEGER NOT NULL,
  floor_countable INTEGER NOT NULL,
  mention_seq INTEGER NOT NULL,
  pinned INTEGER NOT NULL,
  mute INTEGER NOT NULL,
  hidden INTEGER NOT NULL,
  archived INTEGER NOT NULL,
  draft TEXT NOT NULL,
  remark TEXT NOT NULL,
  PRIMARY KEY (user_id, conversation)
) WITHOUT ROWID;
CREATE INDEX entries_by_version ON entries (user_id, version);

CREATE TABLE messages (
  message_id INTEGER PRIMARY KEY,
  conversation INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  birth_version INTEGER NOT NULL,         -- grows with seq
  changed_version INTEGER,                -- of the last edit or recall
  sender_id INTEGER NOT NULL,
  client_id BLOB,                         -- NULL for system lines
  countable INTEGER NOT NULL,             -- of the conversation, this message included
  fingerprint INTEGER NOT NULL,           -- of the first content and its conversation
  body BLOB NOT NULL                      -- skein.v1.Message
);
CREATE UNIQUE INDEX messages_by_seq ON messages (conversation, seq);
CREATE UNIQUE INDEX messages_by_client_id ON messages (client_id, sender_id);
CREATE INDEX messages_changed ON messages (conversation, changed_version) WHERE changed_version IS NOT NULL;

CREATE TABLE edits (
  message_id INTEGER NOT NULL,
  number INTEGER NOT NULL,
  time_ms INTEGER NOT NULL,
  content BLOB NOT NULL,
  PRIMARY KEY (message_id, number)
) WITHOUT ROWID;

-- Deleted for one user only.
CREATE TABLE hidden (
  user_id INTEGER NOT NULL,
  conversation INTEGER NOT NULL,
  message_id INTEGER NOT NULL,
  version INTEGER NOT NULL,
  PRIMARY KEY (user_id, conversation, message_id)
) WITHOUT ROWID;
