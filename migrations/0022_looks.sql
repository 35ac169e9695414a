-- no-transaction
-- One transaction for each table, as in 0019. What was done is done again without harm, if it ends in between.

-- A task that an upstream's task is followed by says to which definition its caller's answers belong, also in the form that
-- does not depend on the order of members and sets (wire::normal). Replicas of an earlier version compare definition_sha256.
BEGIN;
ALTER TABLE tasks ADD COLUMN IF NOT EXISTS normal_sha256 bytea CHECK (length(normal_sha256) = 32);
COMMENT ON COLUMN tasks.normal_sha256 IS 'SHA-256 of the normalised form of the definition that definition_sha256 is of; absent in rows of an earlier version.';
COMMIT;

-- Looking for approvals that something undid (db::approval::undone): all that is open is compared with the configuration,
-- without a row of the table being read; and every two seconds only keys that have just ended are looked for.
BEGIN;
CREATE INDEX IF NOT EXISTS approvals_bound ON approvals (id)
    INCLUDE (org_id, caller_kind, caller_id, role_id, owner_id, toolkit_tool_id, connection_id, connection_version,
             definition_sha256, state, decided_by)
    WHERE state IN ('pending', 'approved');
COMMIT;

BEGIN;
CREATE INDEX IF NOT EXISTS api_keys_expiry ON api_keys (expires_at) WHERE revoked_at IS NULL AND expires_at IS NOT NULL;
COMMIT;

BEGIN;
CREATE INDEX IF NOT EXISTS api_key_secrets_expiry ON api_key_secrets (valid_until) WHERE valid_until IS NOT NULL;
COMMIT;
