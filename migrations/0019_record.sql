-- no-transaction
-- More on record: where a request came from, what belongs to the instance and to no org, and orgs that are deleted but
-- for their record. The columns that nothing writes yet are for what comes, so that the large tables change once.
--
-- One transaction for each table: who holds one table and waits for another one, while gateways serve, waits for somebody
-- who waits for it. What was done is done again without harm, if it ends in between.

-- No default and no validated check: the tables are as large as the record, and adding these reads none of it.
-- sign_in, instance: what concerns a person is on record in every org of theirs.
BEGIN;
ALTER TABLE audit_intents
    ADD COLUMN IF NOT EXISTS source text,
    ADD COLUMN IF NOT EXISTS context text,
    ADD COLUMN IF NOT EXISTS credential_owner_id uuid,
    ADD COLUMN IF NOT EXISTS marks text[],
    ADD COLUMN IF NOT EXISTS log_only text,
    DROP CONSTRAINT IF EXISTS audit_intents_source;
ALTER TABLE audit_intents ADD CONSTRAINT audit_intents_source
    CHECK (source IN ('mcp', 'rest', 'console', 'job')) NOT VALID;
COMMENT ON COLUMN audit_intents.source IS 'Where it came from: an MCP endpoint, the REST API with a bearer, the console, or the gateway itself (job). Null: an earlier version of the gateway wrote the row.';
COMMENT ON COLUMN audit_intents.context IS 'The context headers of the call (JSON).';
COMMENT ON COLUMN audit_intents.credential_owner_id IS 'Whose credential for the upstream the call used; null for a shared one. No foreign key: the record outlives people.';
COMMENT ON COLUMN audit_intents.marks IS 'What the call policy noticed in the request.';
COMMENT ON COLUMN audit_intents.log_only IS 'What the call policy and the rules would have done in mode enforce (JSON).';
DROP POLICY IF EXISTS accounts ON audit_intents;
CREATE POLICY accounts ON audit_intents FOR INSERT WITH CHECK (app_scope_in('sign_in', 'instance'));
COMMIT;

BEGIN;
ALTER TABLE audit_outcomes ADD COLUMN IF NOT EXISTS marks text[];
COMMENT ON COLUMN audit_outcomes.marks IS 'What the call policy noticed in the response.';
DROP POLICY IF EXISTS accounts ON audit_outcomes;
CREATE POLICY accounts ON audit_outcomes FOR INSERT WITH CHECK (app_scope_in('sign_in', 'instance'));
COMMIT;

-- sign_in: finds the key that a secret belonged to, when it is not valid any more.
BEGIN;
DROP POLICY IF EXISTS sign_in ON api_keys;
CREATE POLICY sign_in ON api_keys FOR SELECT USING (app_scope_in('sign_in'));
COMMIT;
BEGIN;
DROP POLICY IF EXISTS sign_in ON api_key_secrets;
CREATE POLICY sign_in ON api_key_secrets FOR SELECT USING (app_scope_in('sign_in'));
COMMIT;
-- instance: a session outlives the change of its person's password that was made in it.
BEGIN;
DROP POLICY IF EXISTS instance_write ON sessions;
CREATE POLICY instance_write ON sessions FOR UPDATE USING (app_scope_in('instance')) WITH CHECK (app_scope_in('instance'));
COMMIT;

-- Where people sign in from: whoever guesses behind the same address must not keep them out, on any replica and after a
-- restart either.
BEGIN;
CREATE TABLE IF NOT EXISTS sign_in_places (
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    network text NOT NULL,
    seen_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, network)
);
COMMENT ON TABLE sign_in_places IS 'Networks that people signed in from: for each the 50 newest of the last 30 days.';
COMMENT ON COLUMN sign_in_places.network IS 'An IPv4 address, or the first 64 bits of an IPv6 address.';
ALTER TABLE sign_in_places ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS sign_in ON sign_in_places;
CREATE POLICY sign_in ON sign_in_places USING (app_scope_in('sign_in')) WITH CHECK (app_scope_in('sign_in'));
GRANT SELECT, INSERT, UPDATE, DELETE ON sign_in_places TO permesso_app;
COMMIT;

BEGIN;
LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE;
ALTER TABLE orgs
    ADD COLUMN IF NOT EXISTS deleted_at timestamptz,
    ADD COLUMN IF NOT EXISTS deleted_by uuid REFERENCES users ON DELETE SET NULL;
COMMENT ON COLUMN orgs.deleted_at IS 'When the org was deleted: its record stays, and so does its slug, which is never given again.';
COMMIT;

-- The system org keeps the record of what belongs to the instance. Its only role lets read that record, for an older
-- version of the gateway as well; nobody is a member, and administrators of the instance have the role admin of every org.
BEGIN;
DO $$
DECLARE
    chosen text;
BEGIN
    SELECT slug INTO chosen FROM unnest(ARRAY['instance', 'instance-record', 'instance-' || left(md5(gen_random_uuid()::text), 12)])
        WITH ORDINALITY AS free (slug, n) WHERE NOT EXISTS (SELECT FROM orgs WHERE orgs.slug = free.slug) ORDER BY n LIMIT 1;
    INSERT INTO orgs (id, slug, name, approval_policy)
    VALUES ('00000000-0000-7000-8000-000000000001', chosen, 'This instance',
            '{"approver_roles": ["admin"], "required": 1, "allow_self_approval": false, "expires_after_seconds": 3600, "execute_within_seconds": 86400}')
    ON CONFLICT (id) DO NOTHING;
    INSERT INTO roles (id, org_id, name, rights, builtin)
    VALUES ('00000000-0000-7000-8000-000000000002', '00000000-0000-7000-8000-000000000001', 'admin',
            ARRAY['audit:read', 'audit:bodies'], true)
    ON CONFLICT (id) DO NOTHING;
END $$;
COMMIT;
