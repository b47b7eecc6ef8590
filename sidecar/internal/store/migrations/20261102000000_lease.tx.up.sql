-- Which sidecar works on an instance, and until when others leave it alone (milliseconds since 1970, by the database's clock).
ALTER TABLE instances ADD COLUMN worker TEXT NOT NULL DEFAULT '';
--bun:split
ALTER TABLE instances ADD COLUMN lease_until BIGINT NOT NULL DEFAULT 0;
--bun:split
ALTER TABLE instances ADD COLUMN memory BIGINT NOT NULL DEFAULT 0;
