-- Row-level security says the same a second time as OrgScope does in the code. The application's
-- role owns nothing; it has exactly these rights.

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['roles', 'members', 'api_keys', 'api_key_secrets', 'api_key_uses', 'connections',
                                'connection_status', 'tools', 'toolkits', 'toolkit_tools', 'role_policies', 'secrets',
                                'approvals', 'approval_bodies', 'approval_events', 'audit_intents', 'audit_outcomes'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant ON %I USING (org_id = app_org()) WITH CHECK (org_id = app_org())', name);
    END LOOP;
END $$;

-- orgs and people have no org_id of their own.
ALTER TABLE orgs ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON orgs USING (id = app_org()) WITH CHECK (id = app_org());
ALTER TABLE users ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON users FOR SELECT USING (id IN (SELECT user_id FROM members WHERE org_id = app_org()));
ALTER TABLE sessions ENABLE ROW LEVEL SECURITY;

-- Work across orgs, by its named reason (db::scope::Reason).
-- directory: reads all configuration into the snapshot.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['orgs', 'users', 'roles', 'members', 'api_keys', 'api_key_secrets', 'connections',
                                'tools', 'toolkits', 'toolkit_tools', 'role_policies', 'approvals'] LOOP
        EXECUTE format('CREATE POLICY directory ON %I FOR SELECT USING (app_scope_in(''directory''))', name);
    END LOOP;
END $$;
-- sign_in: finds a person by e-mail, their orgs and roles, their sessions.
CREATE POLICY sign_in ON users FOR SELECT USING (app_scope_in('sign_in'));
CREATE POLICY sign_in ON members FOR SELECT USING (app_scope_in('sign_in'));
CREATE POLICY sign_in ON orgs FOR SELECT USING (app_scope_in('sign_in'));
CREATE POLICY sign_in ON roles FOR SELECT USING (app_scope_in('sign_in'));
CREATE POLICY sign_in ON sessions USING (app_scope_in('sign_in')) WITH CHECK (app_scope_in('sign_in'));
-- instance: makes orgs and people, resets passwords.
CREATE POLICY instance ON orgs USING (app_scope_in('instance')) WITH CHECK (app_scope_in('instance'));
CREATE POLICY instance ON users USING (app_scope_in('instance')) WITH CHECK (app_scope_in('instance'));
CREATE POLICY instance ON members FOR SELECT USING (app_scope_in('instance'));
CREATE POLICY instance ON roles FOR SELECT USING (app_scope_in('instance'));
-- claim: checks a caller of another org (a guest) inside the transaction that claims its approval.
CREATE POLICY claim ON api_keys FOR SELECT USING (app_scope_in('claim'));
CREATE POLICY claim ON api_key_secrets FOR SELECT USING (app_scope_in('claim'));
CREATE POLICY claim ON members FOR SELECT USING (app_scope_in('claim'));
CREATE POLICY claim ON users FOR SELECT USING (app_scope_in('claim'));
-- To lock a row (FOR SHARE) counts as updating it; WITH CHECK (false) lets no update through.
CREATE POLICY claim_lock ON api_keys FOR UPDATE USING (app_scope_in('claim')) WITH CHECK (false);
CREATE POLICY claim_lock ON members FOR UPDATE USING (app_scope_in('claim')) WITH CHECK (false);
CREATE POLICY claim_lock ON users FOR UPDATE USING (app_scope_in('claim')) WITH CHECK (false);
-- sweep: finds approvals whose deadline has passed and erases bodies; each is tidied within its org.
CREATE POLICY sweep ON approvals FOR SELECT USING (app_scope_in('sweep'));
CREATE POLICY sweep ON approval_bodies FOR SELECT USING (app_scope_in('sweep'));
CREATE POLICY sweep_erase ON approval_bodies FOR DELETE USING (app_scope_in('sweep'));
-- audit: the writer inserts records of many orgs in one commit.
CREATE POLICY audit ON audit_intents FOR INSERT WITH CHECK (app_scope_in('audit'));
CREATE POLICY audit ON audit_outcomes FOR INSERT WITH CHECK (app_scope_in('audit'));
-- use: last use of keys and news of connections, many orgs in one statement.
CREATE POLICY use ON api_key_uses USING (app_scope_in('use')) WITH CHECK (app_scope_in('use'));

GRANT USAGE ON SCHEMA public TO permesso_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON
    orgs, users, roles, members, api_keys, api_key_secrets, api_key_uses, sessions, connections, connection_status,
    tools, toolkits, toolkit_tools, role_policies, secrets, approvals, approval_bodies TO permesso_app;
GRANT SELECT, INSERT ON approval_events, audit_intents, audit_outcomes TO permesso_app;
GRANT SELECT ON configuration TO permesso_app;
GRANT EXECUTE ON FUNCTION audit_ensure_partitions TO permesso_app;
