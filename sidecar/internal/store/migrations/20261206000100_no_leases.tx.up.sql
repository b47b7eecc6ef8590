-- One sidecar at a time is active, so nothing is leased any more. What is due is looked for every second.
ALTER TABLE instances DROP COLUMN worker;
--bun:split
ALTER TABLE instances DROP COLUMN lease_until;
--bun:split
ALTER TABLE sandboxes DROP COLUMN worker;
--bun:split
DROP TABLE leases;
--bun:split
CREATE INDEX instances_due ON instances (expires_at) WHERE state = 'running';
