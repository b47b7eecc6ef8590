-- A port of the host is one owner's for the whole event, so that it can be shown before anything of theirs has run.
DELETE FROM user_port_mappings WHERE EXISTS (
	SELECT 1 FROM user_port_mappings AS o WHERE o.port = user_port_mappings.port
		AND (o.owner, o.challenge, o.internal) > (user_port_mappings.owner, user_port_mappings.challenge, user_port_mappings.internal)
);
--bun:split
CREATE UNIQUE INDEX user_port_mappings_port ON user_port_mappings (port);
