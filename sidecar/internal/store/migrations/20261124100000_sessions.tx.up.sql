CREATE TABLE IF NOT EXISTS sessions (
	id TEXT PRIMARY KEY,
	kind TEXT NOT NULL,
	account BIGINT NOT NULL,
	player_id TEXT NOT NULL,
	player_name TEXT NOT NULL,
	owner_id TEXT NOT NULL,
	owner_name TEXT NOT NULL,
	address TEXT NOT NULL,
	created_at TIMESTAMPTZ NOT NULL,
	expires_at TIMESTAMPTZ NOT NULL
);
--bun:split
CREATE INDEX IF NOT EXISTS sessions_expires ON sessions (expires_at);
