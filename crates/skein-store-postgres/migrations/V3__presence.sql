-- What people show of themselves, and when they were here. Ids and times as in V1.

CREATE TABLE presence (
  user_id int8 PRIMARY KEY,
  state int4 NOT NULL,                      -- skein.v1.PresenceState as chosen; 0: never
  text text NOT NULL,
  until_ms int8 NOT NULL,                   -- 0: until it is chosen again
  last_seen_ms int8 NOT NULL                -- 0: never
);

-- Nodes that keep connections, and when they last said that they do.
CREATE TABLE online_nodes (
  node int8 PRIMARY KEY,
  beat_ms int8 NOT NULL,
  sequence int8 NOT NULL                    -- of the last report that was kept
);

-- Who is or was connected to which node, from when to when, until it is counted in online_days.
CREATE TABLE online_spans (
  user_id int8 NOT NULL,
  node int8 NOT NULL,
  opened_ms int8 NOT NULL,
  closed_ms int8 NOT NULL,                  -- 0: still connected
  PRIMARY KEY (user_id, node, opened_ms)
);
CREATE INDEX online_spans_of_node ON online_spans (node, closed_ms);
CREATE INDEX online_spans_by_time ON online_spans (opened_ms);

-- Days are numbered from the Unix epoch, in the deployment's own time.
CREATE TABLE online_days (
  user_id int8 NOT NULL,
  day int8 NOT NULL,
  online_ms int8 NOT NULL,
  first_ms int8 NOT NULL,
  last_ms int8 NOT NULL,
  PRIMARY KEY (user_id, day)
);
CREATE INDEX online_days_by_day ON online_days (day);
