-- Who has solved which of CTFd's challenges, as its submissions say.
CREATE TABLE IF NOT EXISTS solves (
	owner TEXT NOT NULL,
	ctfd_challenge BIGINT NOT NULL,
	solved_at TIMESTAMPTZ NOT NULL,
	PRIMARY KEY (owner, ctfd_challenge)
);
