-- Every flag that was ever made. A retired one stays: whoever submits it later has it from this owner.
CREATE TABLE IF NOT EXISTS flags (
	id TEXT PRIMARY KEY,
	challenge TEXT NOT NULL,
	owner_id TEXT NOT NULL,
	owner_name TEXT NOT NULL,
	value TEXT NOT NULL,
	token TEXT NOT NULL UNIQUE,
	created_at TIMESTAMPTZ NOT NULL,
	retired_at TIMESTAMPTZ,
	retired_by TEXT NOT NULL DEFAULT '',
	retired_why TEXT NOT NULL DEFAULT ''
);
--bun:split
-- One flag per owner and challenge.
CREATE UNIQUE INDEX IF NOT EXISTS flags_current ON flags (owner_id, challenge) WHERE retired_at IS NULL;
--bun:split
CREATE INDEX IF NOT EXISTS flags_challenge ON flags (challenge);
--bun:split
-- The outbox: what should be in CTFd, what is, and why not yet. next_at is milliseconds since 1970 by the database's clock.
CREATE TABLE IF NOT EXISTS flag_registrations (
	flag TEXT NOT NULL REFERENCES flags (id),
	ctfd_challenge BIGINT NOT NULL,
	place TEXT NOT NULL,
	state TEXT NOT NULL,
	ctfd_flag BIGINT NOT NULL DEFAULT 0,
	tries INTEGER NOT NULL DEFAULT 0,
	next_at BIGINT NOT NULL DEFAULT 0,
	reason TEXT NOT NULL DEFAULT '',
	changed_at TIMESTAMPTZ NOT NULL,
	PRIMARY KEY (flag, ctfd_challenge)
);
--bun:split
CREATE INDEX IF NOT EXISTS flag_registrations_due ON flag_registrations (place) WHERE state IN ('pending', 'failed', 'removing');
--bun:split
CREATE INDEX IF NOT EXISTS flag_registrations_challenge ON flag_registrations (ctfd_challenge, state);
--bun:split
CREATE TABLE IF NOT EXISTS challenge_mappings (
	challenge TEXT PRIMARY KEY,
	ctfd_challenge BIGINT NOT NULL UNIQUE,
	ctfd_name TEXT NOT NULL,
	created_at TIMESTAMPTZ NOT NULL
);
--bun:split
CREATE TABLE IF NOT EXISTS suspicions (
	id TEXT PRIMARY KEY,
	kind TEXT NOT NULL,
	key TEXT NOT NULL UNIQUE,
	score INTEGER NOT NULL,
	challenge TEXT NOT NULL,
	ctfd_challenge BIGINT NOT NULL,
	submitter_owner TEXT NOT NULL,
	flag_owner TEXT NOT NULL,
	flag TEXT NOT NULL,
	evidence TEXT NOT NULL,
	review TEXT NOT NULL,
	note TEXT NOT NULL,
	reviewed_by TEXT NOT NULL,
	reviewed_at TIMESTAMPTZ,
	found_at TIMESTAMPTZ NOT NULL,
	cleared_at TIMESTAMPTZ
);
--bun:split
-- How far the submissions of CTFd have been read.
CREATE TABLE IF NOT EXISTS submission_scan (
	id INTEGER PRIMARY KEY,
	total BIGINT NOT NULL,
	last_id BIGINT NOT NULL,
	last_at TIMESTAMPTZ,
	full_at TIMESTAMPTZ,
	checked_at TIMESTAMPTZ,
	tried_at TIMESTAMPTZ,
	requests INTEGER NOT NULL,
	problem TEXT NOT NULL
);
--bun:split
-- When an instance got the first request that we know of.
CREATE TABLE IF NOT EXISTS contacts (
	instance TEXT PRIMARY KEY,
	at TIMESTAMPTZ NOT NULL
);
--bun:split
-- Work that one sidecar at a time does, as the instances' own leases.
CREATE TABLE IF NOT EXISTS leases (
	name TEXT PRIMARY KEY,
	worker TEXT NOT NULL,
	lease_until BIGINT NOT NULL
);
