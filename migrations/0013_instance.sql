-- Which installation a database belongs to. Login tokens are signed with a key made of the master key and this, so
-- that those of one installation are worth nothing at another, even where both use the published development key.

ALTER TABLE configuration ADD COLUMN instance uuid NOT NULL DEFAULT gen_random_uuid();
COMMENT ON COLUMN configuration.instance IS 'Random, made once; a secret, as it goes into the key of login tokens.';
