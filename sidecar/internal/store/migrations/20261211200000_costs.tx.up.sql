-- What instances were seen to cost, and what each is expected to use: 0 counts as its limit.
CREATE TABLE IF NOT EXISTS costs (
	challenge TEXT PRIMARY KEY,
	seen JSONB NOT NULL
);
--bun:split
ALTER TABLE instances ADD COLUMN expected BIGINT NOT NULL DEFAULT 0;
