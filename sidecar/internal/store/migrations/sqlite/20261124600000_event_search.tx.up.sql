ALTER TABLE events ADD COLUMN request TEXT NOT NULL DEFAULT '';
--bun:split
CREATE INDEX IF NOT EXISTS events_type ON events (type, id);
--bun:split
CREATE INDEX IF NOT EXISTS events_owner ON events (owner, id);
--bun:split
CREATE INDEX IF NOT EXISTS events_challenge ON events (challenge, id);
--bun:split
CREATE INDEX IF NOT EXISTS events_instance ON events (instance, id);
--bun:split
-- The words of the messages, in the order of the events; written and removed with them.
CREATE VIRTUAL TABLE IF NOT EXISTS event_words USING fts5(words, id UNINDEXED, tokenize = 'unicode61 remove_diacritics 0');
--bun:split
INSERT INTO event_words (words, id) SELECT message, id FROM events ORDER BY id;
