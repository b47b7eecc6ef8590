-- Where the standby passes requests on to, and the key by which the active one knows it. Each takeover writes its own.
ALTER TABLE active ADD COLUMN url TEXT NOT NULL DEFAULT '';
--bun:split
ALTER TABLE active ADD COLUMN key TEXT NOT NULL DEFAULT '';
