//! A whole store as tables of plain values: how one engine's data gets into another one.
//!
//! Each engine reads and writes this form in its own way; the columns are those of the first engine. Verification compares, for each table, the number
//! of rows and the sum of their hashes, which does not depend on their order.

/// A value of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Nothing.
    Null,
    /// A number, or a yes (1) or no (0).
    Integer(i64),
    /// Text without zero characters.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// [`Value::Integer`].
    Integer,
    /// [`Value::Integer`], 1 or 0.
    Flag,
    /// [`Value::Text`].
    Text,
    /// [`Value::Blob`].
    Blob,
}

/// A table.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// The first so many columns identify a row and order the copy.
    pub key: usize,
    /// Names and kinds.
    pub columns: &'static [(&'static str, Kind)],
}

use Kind::{Blob, Flag, Integer, Text};

/// All tables, in the order of copying.
pub const TABLES: &[Table] = &[
    Table {
        name: "users",
        key: 1,
        columns: &[
            ("user_id", Integer),
            ("version", Integer),
            ("profile_version", Integer),
            ("created_ms", Integer),
            ("state", Integer),
            ("username", Text),
            ("username_key", Text),
            ("external_id", Text),
            ("password_hash", Text),
            ("display_name", Text),
            ("avatar", Text),
            ("bio", Text),
            ("extra", Text),
        ],
    },
    Table {
        name: "devices",
        key: 1,
        columns: &[
            ("device_id", Text),
            ("user_id", Integer),
            ("created_ms", Integer),
            ("last_seen_ms", Integer),
            ("generation", Integer),
            ("refresh_expires_ms", Integer),
            ("platform", Integer),
            ("revoked", Flag),
            ("name", Text),
            ("refresh_hash", Blob),
        ],
    },
    Table {
        name: "former_refresh",
        key: 1,
        columns: &[
            ("hash", Blob),
            ("device_id", Text),
            ("expires_ms", Integer),
            ("exchanged_ms", Integer),
            ("successor", Blob),
        ],
    },
    Table { name: "secrets", key: 1, columns: &[("name", Text), ("value", Blob)] },
    Table {
        name: "blocks",
        key: 2,
        columns: &[("user_id", Integer), ("other_id", Integer), ("version", Integer), ("blocked", Flag)],
    },
    Table {
        name: "settings",
        key: 2,
        columns: &[("user_id", Integer), ("name", Text), ("version", Integer), ("value", Text)],
    },
    Table {
        name: "presence",
        key: 1,
        columns: &[
            ("user_id", Integer),
            ("state", Integer),
            ("text", Text),
            ("until_ms", Integer),
            ("last_seen_ms", Integer),
        ],
    },
    Table { name: "online_nodes", key: 1, columns: &[("node", Integer), ("beat_ms", Integer), ("sequence", Integer)] },
    Table {
        name: "online_spans",
        key: 3,
        columns: &[("user_id", Integer), ("node", Integer), ("opened_ms", Integer), ("closed_ms", Integer)],
    },
    Table {
        name: "online_days",
        key: 2,
        columns: &[
            ("user_id", Integer),
            ("day", Integer),
            ("online_ms", Integer),
            ("first_ms", Integer),
            ("last_ms", Integer),
        ],
    },
    Table {
        name: "conversations",
        key: 1,
        columns: &[
            ("conversation", Integer),
            ("last_seq", Integer),
            ("version", Integer),
            ("countable", Integer),
            ("last_ms", Integer),
            ("roster_version", Integer),
            ("owner_id", Integer),
            ("created_ms", Integer),
            ("member_count", Integer),
            ("id", Blob),
            ("name", Text),
            ("avatar", Text),
            ("client_key", Text),
        ],
    },
    Table {
        name: "members",
        key: 2,
        columns: &[
            ("conversation", Integer),
            ("user_id", Integer),
            ("joined_seq", Integer),
            ("version", Integer),
            ("role", Integer),
        ],
    },
    Table {
        name: "entries",
        key: 2,
        columns: &[
            ("user_id", Integer),
            ("conversation", Integer),
            ("version", Integer),
            ("sort_ms", Integer),
            ("first_seq", Integer),
            ("cleared_seq", Integer),
            ("read_seq", Integer),
            ("read_ms", Integer),
            ("delivered_seq", Integer),
            ("floor_seq", Integer),
            ("floor_countable", Integer),
            ("mention_seq", Integer),
            ("mute", Integer),
            ("member", Flag),
            ("pinned", Flag),
            ("hidden", Flag),
            ("archived", Flag),
            ("draft", Text),
            ("remark", Text),
        ],
    },
    Table {
        name: "messages",
        key: 1,
        columns: &[
            ("message_id", Integer),
            ("conversation", Integer),
            ("seq", Integer),
            ("birth_version", Integer),
            ("changed_version", Integer),
            ("sender_id", Integer),
            ("countable", Integer),
            ("body", Blob),
        ],
    },
    Table {
        name: "client_ids",
        key: 1,
        columns: &[("message_id", Integer), ("sender_id", Integer), ("fingerprint", Integer), ("client_id", Blob)],
    },
    Table {
        name: "edits",
        key: 2,
        columns: &[("message_id", Integer), ("number", Integer), ("time_ms", Integer), ("content", Blob)],
    },
    Table {
        name: "hidden",
        key: 3,
        columns: &[("user_id", Integer), ("conversation", Integer), ("message_id", Integer), ("version", Integer)],
    },
    Table {
        name: "events",
        key: 1,
        columns: &[("position", Integer), ("lane", Integer), ("kind", Integer), ("time_ms", Integer), ("data", Blob)],
    },
    Table { name: "events_trimmed", key: 1, columns: &[("position", Integer)] },
    Table {
        name: "consumers",
        key: 1,
        columns: &[("name", Text), ("enabled", Flag), ("disabled_reason", Text), ("cursor", Integer)],
    },
    Table {
        name: "lanes",
        key: 2,
        columns: &[
            ("consumer", Text),
            ("lane", Integer),
            ("first_position", Integer),
            ("attempts", Integer),
            ("due_ms", Integer),
            ("holder", Text),
        ],
    },
    Table {
        name: "dead_events",
        key: 2,
        columns: &[
            ("consumer", Text),
            ("position", Integer),
            ("lane", Integer),
            ("kind", Integer),
            ("time_ms", Integer),
            ("data", Blob),
            ("attempts", Integer),
            ("error", Text),
            ("died_ms", Integer),
        ],
    },
    Table {
        name: "mailings",
        key: 1,
        columns: &[
            ("mailing_id", Integer),
            ("client_key", Text),
            ("state", Integer),
            ("sender_id", Integer),
            ("body", Blob),
            ("cursor", Integer),
            ("accepted", Integer),
            ("failed", Integer),
            ("due_ms", Integer),
            ("holder", Text),
            ("finished_ms", Integer),
        ],
    },
    Table { name: "mailing_users", key: 2, columns: &[("mailing_id", Integer), ("user_id", Integer)] },
    Table {
        name: "mailing_receivers",
        key: 2,
        columns: &[
            ("mailing_id", Integer),
            ("user_id", Integer),
            ("conversation", Integer),
            ("seq", Integer),
            ("failure", Integer),
        ],
    },
];

/// How many rows a table has, and the sum of their hashes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Digest {
    /// Rows.
    pub rows: u64,
    /// Sum of the hashes, modulo 2⁶⁴.
    pub sum: u64,
}

impl Digest {
    /// Counts a row in.
    pub fn add(&mut self, row: &[Value]) {
        self.rows += 1;
        self.sum = self.sum.wrapping_add(hash(row));
    }
}

/// FNV-1a, well mixed at the end so that sums of it stay different: it finds damage, not forgery.
fn hash(row: &[Value]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    let mut feed = |bytes: &[u8]| {
        for byte in bytes {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    };
    for value in row {
        match value {
            Value::Null => feed(&[0]),
            Value::Integer(number) => {
                feed(&[1]);
                feed(&number.to_le_bytes());
            }
            Value::Text(text) => {
                feed(&[2]);
                feed(&(text.len() as u64).to_le_bytes());
                feed(text.as_bytes());
            }
            Value::Blob(bytes) => {
                feed(&[3]);
                feed(&(bytes.len() as u64).to_le_bytes());
                feed(bytes);
            }
        }
    }
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_see_changes_and_not_the_order() {
        let (one, other) = (vec![Value::Integer(1), Value::Null], vec![Value::Text("a".to_owned())]);
        let digest = |rows: &[&Vec<Value>]| {
            let mut digest = Digest::default();
            rows.iter().for_each(|row| digest.add(row));
            digest
        };
        assert_eq!(digest(&[&one, &other]), digest(&[&other, &one]));
        assert_ne!(digest(&[&one, &other]), digest(&[&one, &one]));
        assert_ne!(digest(&[&one]), digest(&[&vec![Value::Null, Value::Integer(1)]]));
    }
}
