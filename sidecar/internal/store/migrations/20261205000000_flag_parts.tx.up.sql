-- A challenge may have several flags. The first has no part, and is what every earlier row is.
ALTER TABLE flags ADD COLUMN part TEXT NOT NULL DEFAULT '';
--bun:split
DROP INDEX IF EXISTS flags_current;
--bun:split
-- One flag per owner, challenge and part.
CREATE UNIQUE INDEX IF NOT EXISTS flags_current_part ON flags (owner_id, challenge, part) WHERE retired_at IS NULL;
--bun:split
-- Which challenge of CTFd one of a challenge's flags belongs to, where that is another one than its challenge's.
CREATE TABLE IF NOT EXISTS part_mappings (
	challenge TEXT NOT NULL,
	part TEXT NOT NULL,
	ctfd_challenge BIGINT NOT NULL,
	ctfd_name TEXT NOT NULL,
	created_at TIMESTAMPTZ NOT NULL,
	PRIMARY KEY (challenge, part)
);
