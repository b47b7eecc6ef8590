-- Runs of solvers: what proved that challenges can be solved.
CREATE TABLE IF NOT EXISTS solver_runs (
	id TEXT PRIMARY KEY,
	challenge TEXT NOT NULL,
	revision TEXT NOT NULL,
	state TEXT NOT NULL,
	reason TEXT NOT NULL,
	cause TEXT NOT NULL,
	at TIMESTAMPTZ NOT NULL,
	started_ms BIGINT NOT NULL,
	took_ms BIGINT NOT NULL,
	output TEXT NOT NULL
);
--bun:split
CREATE INDEX IF NOT EXISTS solver_runs_challenge ON solver_runs (challenge, at);
