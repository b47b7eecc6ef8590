-- Keys of named organisers. Of the key itself there is only its hash.
CREATE TABLE IF NOT EXISTS organiser_keys (
	id TEXT PRIMARY KEY,
	name TEXT NOT NULL,
	role TEXT NOT NULL,
	hash TEXT NOT NULL UNIQUE,
	created_at TIMESTAMPTZ NOT NULL,
	created_by TEXT NOT NULL,
	revoked_at TIMESTAMPTZ,
	revoked_by TEXT NOT NULL DEFAULT ''
);
--bun:split
CREATE UNIQUE INDEX IF NOT EXISTS organiser_keys_name ON organiser_keys (lower(name)) WHERE revoked_at IS NULL;
