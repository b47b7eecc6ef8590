-- Instances that were made ahead and are nobody's yet. Who claims one has an instance of the same id, and the row is gone.
-- changed_at is in milliseconds by the database's clock.
CREATE TABLE IF NOT EXISTS waiting (
	id TEXT PRIMARY KEY,
	challenge TEXT NOT NULL,
	revision TEXT NOT NULL,
	form TEXT NOT NULL,
	state TEXT NOT NULL,
	place TEXT NOT NULL,
	changed_at BIGINT NOT NULL
);
--bun:split
CREATE INDEX IF NOT EXISTS waiting_form ON waiting (form) WHERE state = 'ready';
