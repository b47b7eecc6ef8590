-- When a challenge opens for players, as an organiser has set it; NULL: as its files say.
ALTER TABLE challenge_settings ADD COLUMN opens_at TIMESTAMPTZ;
