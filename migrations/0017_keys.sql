-- no-transaction
-- Keys and the people behind them: found by owner and by who knows a secret, and a role goes although a revoked key had it.
--
-- One transaction for each table: who holds one table and waits for another one, while gateways serve, waits for somebody
-- who waits for it. What was done is done again without harm, if it ends in between.

BEGIN;
ALTER TABLE api_keys
    ALTER COLUMN role_id DROP NOT NULL,
    ADD COLUMN IF NOT EXISTS former_role text,
    DROP CONSTRAINT IF EXISTS api_keys_role,
    ADD CONSTRAINT api_keys_role CHECK (role_id IS NOT NULL OR (revoked_at IS NOT NULL AND former_role IS NOT NULL));
CREATE INDEX IF NOT EXISTS api_keys_owner ON api_keys (org_id, owner_id) WHERE revoked_at IS NULL;
COMMENT ON COLUMN api_keys.role_id IS 'Its role. Null: the key was revoked, and its role was deleted afterwards.';
COMMENT ON COLUMN api_keys.former_role IS 'The name of the role that was deleted after the key was revoked.';
COMMENT ON COLUMN api_keys.owner_id IS 'The person answerable: may not decide on this key''s requests. A key may do no more than its owner may now, but calls tools by its own role.';
COMMIT;

CREATE INDEX IF NOT EXISTS api_key_secrets_maker ON api_key_secrets (org_id, created_by);
