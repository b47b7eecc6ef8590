-- Which revision of a challenge was loaded when: new instances are made of the latest.
CREATE TABLE IF NOT EXISTS challenge_revisions (
	challenge TEXT NOT NULL,
	loaded_at TIMESTAMPTZ NOT NULL,
	revision TEXT NOT NULL,
	PRIMARY KEY (challenge, loaded_at, revision)
);
--bun:split
-- What is known of the time before.
INSERT INTO challenge_revisions (challenge, loaded_at, revision)
	SELECT challenge, min(created_at), revision FROM instances WHERE revision <> '' GROUP BY challenge, revision;
