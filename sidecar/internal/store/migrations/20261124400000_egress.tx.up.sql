-- Whose containers may reach the outside: the firewall is told by the rows.
ALTER TABLE instances ADD COLUMN egress BOOLEAN NOT NULL DEFAULT FALSE;
