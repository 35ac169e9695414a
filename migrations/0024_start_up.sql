-- no-transaction
-- How long a connection may take to be connected: up to 5 minutes, since a program that is fetched when it is first started
-- (npx, uvx) takes a minute. Two transactions: the second one waits for the configuration's row.
BEGIN;
ALTER TABLE connections DROP CONSTRAINT IF EXISTS connections_connect_timeout_ms_check;
ALTER TABLE connections ADD CONSTRAINT connections_connect_timeout_ms_check
    CHECK (connect_timeout_ms BETWEEN 100 AND 300000);
COMMIT;

-- What nobody chose: the default of before.
BEGIN;
UPDATE connections SET connect_timeout_ms = 60000 WHERE kind = 'stdio' AND connect_timeout_ms = 10000;
COMMIT;
