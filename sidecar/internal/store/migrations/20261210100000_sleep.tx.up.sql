-- Instances that sleep: since when, and what ran. They are live ones.
ALTER TABLE instances ADD COLUMN sleep TEXT NOT NULL DEFAULT 'null';
--bun:split
DROP INDEX IF EXISTS instances_live;
--bun:split
CREATE UNIQUE INDEX instances_live ON instances (owner_id, challenge)
	WHERE state IN ('queued', 'starting', 'running', 'sleeping', 'stopping');
--bun:split
DROP INDEX IF EXISTS instances_due;
--bun:split
CREATE INDEX instances_due ON instances (expires_at) WHERE state IN ('running', 'sleeping');
