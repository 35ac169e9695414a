-- Console sessions as the console needs them, and invitations by link.

-- A session holds a person and nothing else, so its columns are its data; when it ends is reckoned
-- from created_at and last_seen_at, so that a shorter limit counts at once. Nothing wrote here before.
ALTER TABLE sessions
    DROP COLUMN data,
    DROP COLUMN expires_at,
    ALTER COLUMN user_id SET NOT NULL,
    ALTER COLUMN created_at DROP DEFAULT,
    ADD COLUMN id uuid NOT NULL UNIQUE,
    ADD COLUMN epoch bigint NOT NULL,
    ADD COLUMN last_seen_at timestamptz NOT NULL,
    ADD COLUMN client text,
    ADD COLUMN address text;
COMMENT ON COLUMN sessions.id_sha256 IS 'SHA-256 of what the cookie holds.';
COMMENT ON COLUMN sessions.id IS 'Its name in URLs; says nothing about the cookie.';
COMMENT ON COLUMN sessions.epoch IS 'users.epoch at sign-in: a reset ends the session.';
COMMENT ON COLUMN sessions.last_seen_at IS 'When it was last used; written once a minute at most.';
COMMENT ON COLUMN sessions.client IS 'User-Agent at sign-in.';
COMMENT ON COLUMN sessions.address IS 'The client''s address at sign-in.';

CREATE POLICY instance ON sessions FOR DELETE USING (app_scope_in('instance'));
-- A DELETE with a condition reads what it deletes.
CREATE POLICY instance_read ON sessions FOR SELECT USING (app_scope_in('instance'));

CREATE TABLE invitations (
    id uuid PRIMARY KEY,
    org_id uuid NOT NULL REFERENCES orgs ON DELETE CASCADE,
    email text NOT NULL CHECK (email = lower(email)),
    role_id uuid NOT NULL,
    invited_by uuid REFERENCES users ON DELETE SET NULL,
    token_sha256 bytea NOT NULL UNIQUE CHECK (length(token_sha256) = 32),
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    UNIQUE (org_id, email)
);
COMMENT ON TABLE invitations IS 'Open invitations by link. One that is taken up or revoked is deleted; the audit keeps what became of it.';
COMMENT ON COLUMN invitations.role_id IS 'No foreign key: a role may be deleted meanwhile, and the invitation then says so.';
COMMENT ON COLUMN invitations.token_sha256 IS 'SHA-256 of the link''s token; 256 random bits need no slow hash.';
CREATE INDEX invitations_expiry ON invitations (expires_at);

ALTER TABLE invitations ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON invitations USING (org_id = app_org()) WITH CHECK (org_id = app_org());
-- sign_in: finds the invitation of a link.
CREATE POLICY sign_in ON invitations FOR SELECT USING (app_scope_in('sign_in'));
-- sweep: removes what has expired.
CREATE POLICY sweep ON invitations FOR SELECT USING (app_scope_in('sweep'));
CREATE POLICY sweep_erase ON invitations FOR DELETE USING (app_scope_in('sweep'));
GRANT SELECT, INSERT, UPDATE, DELETE ON invitations TO permesso_app;
