-- no-transaction
-- A console session keeps all that is put into it, and when it ends. Replicas of an earlier version go on beside: they make
-- and read sessions without these columns.
BEGIN;
ALTER TABLE sessions
    ADD COLUMN IF NOT EXISTS data text NOT NULL DEFAULT '{}' CHECK (octet_length(data) <= 4096),
    ADD COLUMN IF NOT EXISTS expires_at timestamptz;
COMMENT ON COLUMN sessions.data IS 'What the session holds beside its person, as a JSON object; the person is the other columns.';
COMMENT ON COLUMN sessions.expires_at IS 'When it ends, however much it is used; absent in rows of an earlier version, for which the limits alone say so.';
COMMIT;
