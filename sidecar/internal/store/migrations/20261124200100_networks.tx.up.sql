-- The networks of an instance that has several.
ALTER TABLE instances ADD COLUMN networks TEXT NOT NULL DEFAULT 'null';
