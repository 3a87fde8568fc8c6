-- What people show of themselves, and when they were here. Ids and times as in V1.

CREATE TABLE presence (
  user_id INTEGER PRIMARY KEY,
  state INTEGER NOT NULL,                      -- skein.v1.PresenceState as chosen; 0: never
  text TEXT NOT NULL,
  until_ms INTEGER NOT NULL,                   -- 0: until it is chosen again
  last_seen_ms INTEGER NOT NULL                -- 0: never
);

-- Nodes that keep connections, and when they last said that they do.
CREATE TABLE online_nodes (
  node INTEGER PRIMARY KEY,
  beat_ms INTEGER NOT NULL,
  sequence INTEGER NOT NULL                    -- of the last report that was kept
);

-- Who is or was connected to which node, from when to when, until it is counted in online_days.
CREATE TABLE online_spans (
  user_id INTEGER NOT NULL,
  node INTEGER NOT NULL,
  opened_ms INTEGER NOT NULL,
  closed_ms INTEGER NOT NULL,                  -- 0: still connected
  PRIMARY KEY (user_id, node, opened_ms)
) WITHOUT ROWID;
CREATE INDEX online_spans_of_node ON online_spans (node, closed_ms);
CREATE INDEX online_spans_by_time ON online_spans (opened_ms);

-- Days are numbered from the Unix epoch, in the deployment's own time.
CREATE TABLE online_days (
  user_id INTEGER NOT NULL,
  day INTEGER NOT NULL,
  online_ms INTEGER NOT NULL,
  first_ms INTEGER NOT NULL,
  last_ms INTEGER NOT NULL,
  PRIMARY KEY (user_id, day)
) WITHOUT ROWID;
CREATE INDEX online_days_by_day ON online_days (day);
