-- Events for business systems, and mailings by them.

-- A batch is a transaction that recorded something. Its number is taken under the locks of all that it changes.
CREATE SEQUENCE event_batches;

-- Written in the transaction of their cause, and never changed.
CREATE TABLE events (
  batch bigint NOT NULL,
  place integer NOT NULL,                 -- in the batch, from 1
  kind integer NOT NULL,
  lane bigint NOT NULL,                   -- a hash of the conversation or user: what keeps its order
  time_ms bigint NOT NULL,
  data bytea NOT NULL,                    -- skein.v1.OutboxData
  PRIMARY KEY (batch, place)
);

-- Committed batches whose events have no positions yet. A short queue: its dead rows are removed early.
CREATE TABLE fresh_batches (
  batch bigint PRIMARY KEY,
  events integer NOT NULL                 -- how many
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

-- The order of all events. Positions are given one step after the other, to what is committed; they have no holes.
CREATE TABLE event_positions (
  position bigint PRIMARY KEY,
  lane bigint NOT NULL,
  batch bigint NOT NULL,
  place integer NOT NULL
);
CREATE INDEX event_positions_of_lane ON event_positions (lane, position);

-- One row; whoever gives positions locks it.
CREATE TABLE event_head (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  last bigint NOT NULL,                   -- the newest position ever given
  trimmed bigint NOT NULL                 -- everything up to here was trimmed
);
INSERT INTO event_head (last, trimmed) VALUES (0, 0);

-- Its row lock orders all claims and settlements of a consumer.
CREATE TABLE consumers (
  name text COLLATE "C" PRIMARY KEY,
  enabled boolean NOT NULL,
  disabled_reason text NOT NULL,
  cursor bigint NOT NULL                  -- everything up to here was handed to a lane
) WITH (fillfactor = 50);

-- Lanes of a consumer with something undelivered at or before its cursor.
CREATE TABLE lanes (
  consumer text COLLATE "C" NOT NULL,
  lane bigint NOT NULL,
  first_position bigint NOT NULL,         -- nothing before it is undelivered
  attempts integer NOT NULL,              -- failures of the first event
  due_ms bigint NOT NULL,                 -- of the retry, or end of the lease
  holder text,                            -- who has the lease
  instance integer,                       -- the open store through which it was claimed, when that is known to be there
  PRIMARY KEY (consumer, lane)
);
CREATE INDEX lanes_by_due ON lanes (consumer, due_ms);
CREATE INDEX lanes_by_instance ON lanes (instance) WHERE instance IS NOT NULL;

CREATE TABLE dead_events (
  consumer text COLLATE "C" NOT NULL,
  position bigint NOT NULL,
  lane bigint NOT NULL,
  kind integer NOT NULL,
  time_ms bigint NOT NULL,
  data bytea NOT NULL,
  attempts integer NOT NULL,
  error text NOT NULL,
  died_ms bigint NOT NULL,
  PRIMARY KEY (consumer, position)
);

CREATE TABLE mailings (
  mailing_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  client_key text NOT NULL UNIQUE,        -- idempotency key
  state integer NOT NULL,
  sender_id bigint NOT NULL,
  body bytea NOT NULL,                    -- skein.v1.Mailing as it was asked for
  cursor bigint NOT NULL,                 -- receivers up to this id are served
  accepted bigint NOT NULL,
  failed bigint NOT NULL,
  due_ms bigint NOT NULL,                 -- of the next batch, or end of the lease
  holder text,
  instance integer,                       -- as of a lane
  finished_ms bigint NOT NULL
);
CREATE INDEX mailings_due ON mailings (due_ms) WHERE state = 1;
CREATE INDEX mailings_by_instance ON mailings (instance) WHERE instance IS NOT NULL;

CREATE TABLE mailing_users (                 -- receivers of mailings that name them
  mailing_id bigint NOT NULL,
  user_id bigint NOT NULL,
  PRIMARY KEY (mailing_id, user_id)
);

CREATE TABLE mailing_receivers (             -- those served
  mailing_id bigint NOT NULL,
  user_id bigint NOT NULL,
  conversation bigint NOT NULL,
  seq bigint NOT NULL,
  failure integer NOT NULL,               -- 0: accepted
  PRIMARY KEY (mailing_id, user_id)
);
