-- How a revision came to be and through whom; empty where nobody wrote it down.
ALTER TABLE challenge_revisions ADD COLUMN origin TEXT NOT NULL DEFAULT '';
--bun:split
ALTER TABLE challenge_revisions ADD COLUMN changed_by TEXT NOT NULL DEFAULT '';
--bun:split
-- What was in a revision's folder, to tell how it differs from others (challenge/contents.go).
CREATE TABLE IF NOT EXISTS revision_files (
	challenge TEXT NOT NULL,
	revision TEXT NOT NULL,
	files TEXT NOT NULL,
	PRIMARY KEY (challenge, revision)
);
