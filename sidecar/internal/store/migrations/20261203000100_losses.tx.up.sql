-- How often in a row this owner's instances of the challenge had ended by themselves, soon after they ran.
ALTER TABLE instances ADD COLUMN losses BIGINT NOT NULL DEFAULT 0;
