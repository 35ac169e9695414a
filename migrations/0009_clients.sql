-- Every client: how long a call of a tool is held open at most, and the sessions of clients that speak
-- MCP 2025-11-25 or earlier.

ALTER TABLE toolkit_tools ADD COLUMN hold_seconds integer CHECK (hold_seconds BETWEEN 0 AND 240);
COMMENT ON COLUMN toolkit_tools.hold_seconds IS 'Calls of this tool are held open no longer than this, whatever the client or key would allow.';

CREATE TABLE mcp_sessions (
    id_sha256 bytea PRIMARY KEY CHECK (length(id_sha256) = 32),
    org_id uuid NOT NULL REFERENCES orgs ON DELETE CASCADE,
    toolkit_id uuid NOT NULL REFERENCES toolkits ON DELETE CASCADE,
    caller_kind text NOT NULL CHECK (caller_kind IN ('key', 'user')),
    caller_id uuid NOT NULL,
    client text,
    created_at timestamptz NOT NULL DEFAULT now(),
    last_seen_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE mcp_sessions IS 'Sessions of MCP clients (Mcp-Session-Id), bound to caller and toolkit.';
COMMENT ON COLUMN mcp_sessions.id_sha256 IS 'SHA-256 of the session id; 256 random bits need no slow hash.';
COMMENT ON COLUMN mcp_sessions.client IS 'Name and version, as the client said in initialize.';
COMMENT ON COLUMN mcp_sessions.last_seen_at IS 'When it was last used; written every ten minutes at most.';
CREATE INDEX mcp_sessions_caller ON mcp_sessions (caller_id, last_seen_at);
CREATE INDEX mcp_sessions_idle ON mcp_sessions (last_seen_at);

-- Replicas keep sessions in memory: one that ends must be forgotten by all of them.
CREATE FUNCTION announce_session_end() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('permesso_session', 'ended ' || encode(OLD.id_sha256, 'hex'));
    RETURN NULL;
END $$;
CREATE TRIGGER mcp_sessions_deleted AFTER DELETE ON mcp_sessions FOR EACH ROW EXECUTE FUNCTION announce_session_end();

ALTER TABLE mcp_sessions ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON mcp_sessions USING (org_id = app_org()) WITH CHECK (org_id = app_org());
CREATE POLICY sweep ON mcp_sessions FOR SELECT USING (app_scope_in('sweep'));
CREATE POLICY sweep_erase ON mcp_sessions FOR DELETE USING (app_scope_in('sweep'));
GRANT SELECT, INSERT, UPDATE, DELETE ON mcp_sessions TO permesso_app;
