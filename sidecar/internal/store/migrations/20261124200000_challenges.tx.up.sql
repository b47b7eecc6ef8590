-- What an instance needs of its revision after it was made: its challenge may be edited, or gone, by then.
ALTER TABLE instances ADD COLUMN terms TEXT NOT NULL DEFAULT '{}';
--bun:split
-- What organisers have set for a challenge beside its files; 0: as the files say.
CREATE TABLE IF NOT EXISTS challenge_settings (
	challenge TEXT PRIMARY KEY,
	active BOOLEAN NOT NULL,
	memory BIGINT NOT NULL,
	nano_cpus BIGINT NOT NULL,
	pids BIGINT NOT NULL,
	updated_at TIMESTAMPTZ NOT NULL,
	updated_by TEXT NOT NULL
);
