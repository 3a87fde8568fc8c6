-- Events for business systems, and mailings by them.

-- Written in the transaction of their cause; positions have no holes.
CREATE TABLE events (
  position INTEGER PRIMARY KEY,
  lane INTEGER NOT NULL,                  -- a hash of the conversation or user: what keeps its order
  kind INTEGER NOT NULL,
  time_ms INTEGER NOT NULL,
  data BLOB NOT NULL                      -- skein.v1.OutboxData
);
CREATE INDEX events_by_lane ON events (lane);

-- One row: everything up to here was trimmed.
CREATE TABLE events_trimmed (position INTEGER NOT NULL);
INSERT INTO events_trimmed VALUES (0);

CREATE TABLE consumers (
  name TEXT PRIMARY KEY,
  enabled INTEGER NOT NULL,
  disabled_reason TEXT NOT NULL,
  cursor INTEGER NOT NULL                 -- everything up to here was handed to a lane
) WITHOUT ROWID;

-- Lanes of a consumer with something undelivered at or before its cursor.
CREATE TABLE lanes (
  consumer TEXT NOT NULL,
  lane INTEGER NOT NULL,
  first_position INTEGER NOT NULL,        -- nothing before it is undelivered
  attempts INTEGER NOT NULL,              -- failures of the first event
  due_ms INTEGER NOT NULL,                -- of the retry, or end of the lease
  holder TEXT,                            -- who has the lease
  PRIMARY KEY (consumer, lane)
) WITHOUT ROWID;
CREATE INDEX lanes_by_due ON lanes (consumer, due_ms);

CREATE TABLE dead_events (
  consumer TEXT NOT NULL,
  position INTEGER NOT NULL,
  lane INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  time_ms INTEGER NOT NULL,
  data BLOB NOT NULL,
  attempts INTEGER NOT NULL,
  error TEXT NOT NULL,
  died_ms INTEGER NOT NULL,
  PRIMARY KEY (consumer, position)
) WITHOUT ROWID;

CREATE TABLE mailings (
  mailing_id INTEGER PRIMARY KEY AUTOINCREMENT,
  client_key TEXT NOT NULL UNIQUE,        -- idempotency key
  state INTEGER NOT NULL,
  sender_id INTEGER NOT NULL,
  body BLOB NOT NULL,                     -- skein.v1.Mailing as it was asked for
  cursor INTEGER NOT NULL,                -- receivers up to this id are served
  accepted INTEGER NOT NULL,
  failed INTEGER NOT NULL,
  due_ms INTEGER NOT NULL,                -- of the next batch, or end of the lease
  holder TEXT,
  finished_ms INTEGER NOT NULL
);
CREATE INDEX mailings_due ON mailings (due_ms) WHERE state = 1;

CREATE TABLE mailing_users (                 -- receivers of mailings that name them
  mailing_id INTEGER NOT NULL,
  user_id INTEGER NOT NULL,
  PRIMARY KEY (mailing_id, user_id)
) WITHOUT ROWID;

CREATE TABLE mailing_receivers (             -- those served
  mailing_id INTEGER NOT NULL,
  user_id INTEGER NOT NULL,
  conversation INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  failure INTEGER NOT NULL,               -- 0: accepted
  PRIMARY KEY (mailing_id, user_id)
) WITHOUT ROWID;
