-- Ids of users are stored as the signed reading of their 64 bits. Times are Unix milliseconds.
-- Rows that every send updates leave room in their pages and have no index on what changes, so that PostgreSQL updates them in place (HOT).

CREATE TABLE users (
  user_id bigint PRIMARY KEY,
  version bigint NOT NULL DEFAULT 0,      -- head of the user's timeline; its row lock orders all changes in it
  profile_version bigint NOT NULL DEFAULT 0,
  created_ms bigint NOT NULL,
  state integer NOT NULL,
  username text NOT NULL,
  username_key text NOT NULL UNIQUE,      -- ASCII lower case
  external_id text UNIQUE,                -- of the host application
  password_hash text NOT NULL,
  display_name text NOT NULL,
  avatar text NOT NULL,
  bio text NOT NULL,
  extra text NOT NULL
) WITH (fillfactor = 60);

CREATE TABLE devices (
  device_id text PRIMARY KEY,
  user_id bigint NOT NULL,
  created_ms bigint NOT NULL,
  last_seen_ms bigint NOT NULL,
  generation bigint NOT NULL,
  refresh_expires_ms bigint NOT NULL,
  platform integer NOT NULL,
  revoked boolean NOT NULL,
  name text NOT NULL,
  refresh_hash bytea NOT NULL
);
CREATE INDEX devices_of_user ON devices (user_id);
CREATE INDEX devices_by_refresh ON devices (refresh_hash);

-- Refresh tokens that are no longer current.
CREATE TABLE former_refresh (
  hash bytea PRIMARY KEY,
  device_id text NOT NULL,
  expires_ms bigint NOT NULL,
  exchanged_ms bigint,                    -- NULL: never used, a repeated exchange gave another token in its place
  successor bytea                         -- the token that its exchange, or the repeat, gave last; NULL: another one was used
);
CREATE INDEX former_refresh_by_expiry ON former_refresh (expires_ms);
CREATE INDEX former_refresh_by_successor ON former_refresh (successor);

CREATE TABLE secrets (name text PRIMARY KEY, value bytea NOT NULL);

CREATE TABLE blocks (
  user_id bigint NOT NULL,
  other_id bigint NOT NULL,
  version bigint NOT NULL,
  blocked boolean NOT NULL,
  PRIMARY KEY (user_id, other_id)
);

CREATE TABLE settings (
  user_id bigint NOT NULL,
  version bigint NOT NULL,
  name text NOT NULL,
  value text NOT NULL,                    -- empty: removed
  PRIMARY KEY (user_id, name)
);

CREATE TABLE conversations (
  conversation bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- short key
  last_seq bigint NOT NULL DEFAULT 0,
  version bigint NOT NULL DEFAULT 0,
  countable bigint NOT NULL DEFAULT 0,    -- messages that count as unread, ever
  last_ms bigint NOT NULL DEFAULT 0,
  last_message_id bigint NOT NULL DEFAULT 0,
  roster_version bigint NOT NULL DEFAULT 0, -- version at the last change of the roster
  owner_id bigint NOT NULL DEFAULT 0,
  created_ms bigint NOT NULL,
  member_count integer NOT NULL DEFAULT 0,
  id bytea NOT NULL UNIQUE,
  name text NOT NULL DEFAULT '',
  avatar text NOT NULL DEFAULT '',
  client_key text UNIQUE                  -- idempotency key of its creation
) WITH (fillfactor = 60);

CREATE SEQUENCE group_numbers;

CREATE TABLE members (
  conversation bigint NOT NULL,
  user_id bigint NOT NULL,
  joined_seq bigint NOT NULL,
  version bigint NOT NULL,
  role integer NOT NULL,                  -- 0: gone
  PRIMARY KEY (conversation, user_id)
);

-- The floor is the newest of joining, clearing, reading and the own last message: unread = countable - floor_countable.
-- No index on version: it would make each send write to every index of two tables, and a pull reads all entries of its user for the sum of unread anyway.
CREATE TABLE entries (
  user_id bigint NOT NULL,
  conversation bigint NOT NULL,
  version bigint NOT NULL,
  sort_ms bigint NOT NULL,
  first_seq bigint NOT NULL,
  cleared_seq bigint NOT NULL,
  read_seq bigint NOT NULL,
  read_ms bigint NOT NULL,
  delivered_seq bigint NOT NULL,
  floor_seq bigint NOT NULL,
  floor_countable bigint NOT NULL,
  mention_seq bigint NOT NULL,
  mute integer NOT NULL,
  member boolean NOT NULL,
  pinned boolean NOT NULL,
  hidden boolean NOT NULL,
  archived boolean NOT NULL,
  draft text NOT NULL,
  remark text NOT NULL,
  PRIMARY KEY (user_id, conversation)
) WITH (fillfactor = 60);

-- The slot is a function of the conversation and part of the message's id; every unique index of a partitioned table has to have it.
CREATE TABLE messages (
  message_id bigint NOT NULL,
  conversation bigint NOT NULL,
  seq bigint NOT NULL,
  birth_version bigint NOT NULL,          -- grows with seq
  changed_version bigint,                 -- of the last edit or recall
  sender_id bigint NOT NULL,
  countable bigint NOT NULL,              -- of the conversation, this message included
  slot smallint NOT NULL,
  body bytea NOT NULL,                    -- skein.v1.Message
  PRIMARY KEY (message_id, slot),
  UNIQUE (conversation, seq, slot)
) PARTITION BY HASH (slot);

-- What a sender's own ids became. A table of its own, since the same id may come with another conversation, which is another partition of messages.
CREATE TABLE client_ids (
  sender_id bigint NOT NULL,
  message_id bigint NOT NULL,
  fingerprint bigint NOT NULL,            -- of the first content and its conversation
  client_id bytea NOT NULL,
  PRIMARY KEY (client_id, sender_id)
) PARTITION BY HASH (sender_id);

DO $$
BEGIN
  FOR number IN 0..15 LOOP
    EXECUTE format('CREATE TABLE messages_%s PARTITION OF messages FOR VALUES WITH (MODULUS 16, REMAINDER %s)', number, number);
    EXECUTE format('CREATE TABLE client_ids_%s PARTITION OF client_ids FOR VALUES WITH (MODULUS 16, REMAINDER %s)', number, number);
  END LOOP;
END $$;
CREATE INDEX messages_changed ON messages (conversation, changed_version) WHERE changed_version IS NOT NULL;

CREATE TABLE edits (
  message_id bigint NOT NULL,
  number bigint NOT NULL,
  time_ms bigint NOT NULL,
  content bytea NOT NULL,
  PRIMARY KEY (message_id, number)
);

-- Deleted for one user only.
CREATE TABLE hidden (
  user_id bigint NOT NULL,
  conversation bigint NOT NULL,
  message_id bigint NOT NULL,
  version bigint NOT NULL,
  PRIMARY KEY (user_id, conversation, message_id)
);
