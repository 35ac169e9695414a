-- no-transaction
-- One transaction for each table, as in 0019. What was done is done again without harm, if it ends in between.

-- What an upstream says to agents beside its tools (`instructions` of MCP). A changed text is passed on when a person
-- accepted it; the first seen counts as reviewed.
BEGIN;
CREATE TABLE IF NOT EXISTS connection_instructions (
    connection_id uuid PRIMARY KEY,
    org_id uuid NOT NULL,
    seen text NOT NULL CHECK (octet_length(seen) <= 8192),
    seen_at timestamptz NOT NULL,
    reviewed text NOT NULL CHECK (octet_length(reviewed) <= 8192),
    reviewed_at timestamptz NOT NULL,
    reviewed_by uuid,
    FOREIGN KEY (org_id, connection_id) REFERENCES connections (org_id, id) ON DELETE CASCADE
);
COMMENT ON TABLE connection_instructions IS 'What upstreams say to agents beside their tools: as last seen, and as last reviewed. Empty: nothing.';
COMMENT ON COLUMN connection_instructions.reviewed_by IS 'Who accepted it; absent for the first one seen.';
ALTER TABLE connection_instructions ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS tenant ON connection_instructions;
CREATE POLICY tenant ON connection_instructions USING (org_id = app_org()) WITH CHECK (org_id = app_org());
DROP POLICY IF EXISTS directory ON connection_instructions;
CREATE POLICY directory ON connection_instructions FOR SELECT USING (app_scope_in('directory'));
GRANT SELECT, INSERT, UPDATE, DELETE ON connection_instructions TO permesso_app;
CREATE OR REPLACE TRIGGER connection_instructions_configuration AFTER INSERT OR UPDATE OR DELETE ON connection_instructions
    FOR EACH STATEMENT EXECUTE FUNCTION bump_configuration();
COMMIT;

BEGIN;
ALTER TABLE toolkits ADD COLUMN IF NOT EXISTS instructions text CHECK (octet_length(instructions) <= 8192);
COMMENT ON COLUMN toolkits.instructions IS 'What its agents are told in place of what its upstreams say.';
COMMIT;
