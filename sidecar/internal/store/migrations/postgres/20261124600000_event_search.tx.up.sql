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
CREATE TABLE IF NOT EXISTS event_words (id TEXT PRIMARY KEY, words TEXT NOT NULL);
--bun:split
INSERT INTO event_words (id, words) SELECT id, lower(message) FROM events;
--bun:split
CREATE INDEX IF NOT EXISTS event_words_words ON event_words USING GIN (to_tsvector('simple', words));
