-- How often in a row starts of this challenge had failed for this owner.
ALTER TABLE instances ADD COLUMN failures BIGINT NOT NULL DEFAULT 0;
--bun:split
CREATE INDEX IF NOT EXISTS instances_failed ON instances (owner_id, ended_at) WHERE state = 'failed';
