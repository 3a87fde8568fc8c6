-- One table: a batch has sends of many people, and opening the partitions of all of them took longer than writing the rows.
ALTER TABLE client_ids RENAME TO client_ids_split;
ALTER TABLE client_ids_split RENAME CONSTRAINT client_ids_pkey TO client_ids_split_pkey;

CREATE TABLE client_ids (
  sender_id bigint NOT NULL,
  message_id bigint NOT NULL,
  fingerprint bigint NOT NULL,            -- of the first content and its conversation
  client_id bytea NOT NULL,
  PRIMARY KEY (client_id, sender_id)
);
INSERT INTO client_ids SELECT sender_id, message_id, fingerprint, client_id FROM client_ids_split ORDER BY client_id, sender_id;
DROP TABLE client_ids_split;
