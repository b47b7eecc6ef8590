-- The last lines that the services of an instance printed before it ended badly, as JSON.
CREATE TABLE IF NOT EXISTS printed (
	instance TEXT PRIMARY KEY,
	at TIMESTAMPTZ NOT NULL,
	services TEXT NOT NULL
);
--bun:split
CREATE INDEX IF NOT EXISTS printed_at ON printed (at);
