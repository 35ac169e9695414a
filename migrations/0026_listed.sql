-- no-transaction
-- One transaction for each table, as in 0019. What was done is done again without harm, if it ends in between.

-- What an upstream's last list has that cannot be listed to agents: people read it with the connection.
BEGIN;
ALTER TABLE connection_status ADD COLUMN IF NOT EXISTS unusable jsonb NOT NULL DEFAULT '[]';
COMMENT ON COLUMN connection_status.unusable IS 'Entries of the upstream''s last list that cannot be used, and why: the first 50.';
COMMIT;

-- Clients keep what they were listed for a while. Until now output schemas were listed in every toolkit, so those that are
-- there count as listed until this migration.
BEGIN;
ALTER TABLE toolkit_tools ADD COLUMN IF NOT EXISTS schema_listed_until timestamptz DEFAULT now();
ALTER TABLE toolkit_tools ALTER COLUMN schema_listed_until DROP DEFAULT;
COMMENT ON COLUMN toolkit_tools.schema_listed_until IS 'Until when the tool''s output schema was listed, before a tool of its toolkit needed approval; absent: it was not, or still is.';
COMMIT;
