-- What organisers changed while Whaley runs; it goes before the environment. Values of secrets are sealed.
CREATE TABLE IF NOT EXISTS settings (
	name TEXT PRIMARY KEY,
	value TEXT NOT NULL
);
--bun:split
CREATE TABLE IF NOT EXISTS setting_changes (
	id TEXT PRIMARY KEY,
	name TEXT NOT NULL,
	before TEXT,
	after TEXT,
	changed_by TEXT NOT NULL,
	at TIMESTAMPTZ NOT NULL
);
--bun:split
-- Lists of all instances go by these, page after page.
CREATE INDEX IF NOT EXISTS instances_created ON instances (created_at, id);
