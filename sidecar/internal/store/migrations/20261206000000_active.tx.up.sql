-- The process that works with this database: each that takes over counts the epoch on, and what is written with an older
-- one is refused. beat is when it was last seen alive, in milliseconds since 1970 by the database's clock.
CREATE TABLE active (epoch BIGINT PRIMARY KEY, process TEXT NOT NULL, beat BIGINT NOT NULL);
--bun:split
INSERT INTO active (epoch, process, beat) VALUES (1, '', 0);
