CREATE TABLE IF NOT EXISTS instances (
	id TEXT PRIMARY KEY,
	challenge TEXT NOT NULL,
	revision TEXT NOT NULL,
	owner_id TEXT NOT NULL,
	owner_name TEXT NOT NULL,
	player TEXT NOT NULL,
	slug TEXT NOT NULL,
	routes TEXT NOT NULL,
	state TEXT NOT NULL,
	reason TEXT NOT NULL,
	stop_cause TEXT NOT NULL,
	subnet TEXT NOT NULL,
	addresses TEXT NOT NULL,
	ports TEXT NOT NULL,
	created_at TIMESTAMPTZ NOT NULL,
	started_at TIMESTAMPTZ,
	expires_at TIMESTAMPTZ,
	ended_at TIMESTAMPTZ,
	extended_ms BIGINT NOT NULL,
	version BIGINT NOT NULL
);
--bun:split
-- The one rule that no race gets around: one live instance per owner and challenge.
CREATE UNIQUE INDEX IF NOT EXISTS instances_live ON instances (owner_id, challenge)
	WHERE state IN ('queued', 'starting', 'running', 'stopping');
--bun:split
CREATE INDEX IF NOT EXISTS instances_host ON instances (challenge, slug, created_at);
--bun:split
CREATE TABLE IF NOT EXISTS events (
	id TEXT PRIMARY KEY,
	type TEXT NOT NULL,
	instance TEXT NOT NULL,
	challenge TEXT NOT NULL,
	owner TEXT NOT NULL,
	player TEXT NOT NULL,
	message TEXT NOT NULL,
	at TIMESTAMPTZ NOT NULL
);
--bun:split
CREATE INDEX IF NOT EXISTS events_at ON events (at);
--bun:split
CREATE TABLE IF NOT EXISTS subnets (
	prefix TEXT PRIMARY KEY,
	instance TEXT NOT NULL UNIQUE
);
--bun:split
CREATE TABLE IF NOT EXISTS ports (
	port INTEGER PRIMARY KEY,
	instance TEXT NOT NULL,
	internal INTEGER NOT NULL,
	UNIQUE (instance, internal)
);
--bun:split
-- Which host port an owner's challenge had last, so that it gets the same one again.
CREATE TABLE IF NOT EXISTS user_port_mappings (
	owner TEXT NOT NULL,
	challenge TEXT NOT NULL,
	internal INTEGER NOT NULL,
	port INTEGER NOT NULL,
	PRIMARY KEY (owner, challenge, internal)
);
--bun:split
CREATE TABLE IF NOT EXISTS meta (
	name TEXT PRIMARY KEY,
	value TEXT NOT NULL
);
--bun:split
-- One-time codes that were redeemed, until they would have been too old anyway.
CREATE TABLE IF NOT EXISTS used_codes (
	code TEXT PRIMARY KEY,
	expires_at TIMESTAMPTZ NOT NULL
);
