-- Files with what instances printed. The id begins with the time, so it sorts by it.
CREATE TABLE IF NOT EXISTS captures (
	id TEXT PRIMARY KEY,
	instance TEXT NOT NULL,
	challenge TEXT NOT NULL,
	owner_id TEXT NOT NULL,
	owner_name TEXT NOT NULL,
	player TEXT NOT NULL,
	kind TEXT NOT NULL,
	reason TEXT NOT NULL,
	at TIMESTAMPTZ NOT NULL,
	file TEXT NOT NULL,
	size BIGINT NOT NULL,
	compressed BOOLEAN NOT NULL,
	containers TEXT NOT NULL,
	truncated BOOLEAN NOT NULL,
	holder TEXT NOT NULL
);
--bun:split
CREATE INDEX IF NOT EXISTS captures_owner ON captures (owner_id, id);
--bun:split
CREATE INDEX IF NOT EXISTS captures_instance ON captures (instance, id);
