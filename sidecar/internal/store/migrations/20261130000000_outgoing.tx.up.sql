-- The outbox of webhooks: who is still to be told of which event, written with the event and removed when that is done.
CREATE TABLE IF NOT EXISTS outgoing (
	target TEXT NOT NULL,
	event TEXT NOT NULL,
	PRIMARY KEY (target, event)
);
