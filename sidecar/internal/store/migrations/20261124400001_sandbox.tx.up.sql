-- Networks that are made before anybody asks, and who has which. changed_at is in milliseconds by the database's clock.
CREATE TABLE IF NOT EXISTS sandboxes (
	id TEXT PRIMARY KEY,
	shape TEXT NOT NULL,
	subnet TEXT NOT NULL,
	state TEXT NOT NULL,
	instance TEXT NOT NULL,
	worker TEXT NOT NULL,
	changed_at BIGINT NOT NULL
);
--bun:split
CREATE UNIQUE INDEX IF NOT EXISTS sandboxes_instance ON sandboxes (instance) WHERE instance <> '';
