-- Tasks of the MCP tasks extension: a handle on one approval, or on a task of an upstream. The rules
-- are in service::call::task.

-- An older binary does not say whether a call had a task: then it had none.
ALTER TABLE approvals ADD COLUMN called boolean NOT NULL DEFAULT true;
COMMENT ON COLUMN approvals.called IS 'Whether a call without a task ever asked for it: then cancelling a task withdraws nothing.';

CREATE TABLE tasks (
    id_sha256 bytea PRIMARY KEY CHECK (length(id_sha256) = 32),
    org_id uuid NOT NULL REFERENCES orgs ON DELETE CASCADE,
    toolkit_id uuid NOT NULL,
    caller_kind text NOT NULL CHECK (caller_kind IN ('key', 'user')),
    caller_id uuid NOT NULL,
    approval_id uuid REFERENCES approvals ON DELETE CASCADE,
    toolkit_tool_id uuid,
    definition_sha256 bytea CHECK (length(definition_sha256) = 32),
    connection_id uuid,
    connection_version bigint,
    upstream_task text,
    trace text CHECK (octet_length(trace) <= 25000),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    kept_until timestamptz,
    closed_at timestamptz,
    closed_as text CHECK (closed_as IN ('executed', 'rejected', 'undecided', 'unused', 'withdrawn', 'invalidated',
                                        'outcome_unknown', 'not_executed', 'cancelled')),
    CHECK (approval_id IS NOT NULL OR upstream_task IS NOT NULL),
    CHECK (num_nulls(toolkit_tool_id, definition_sha256, connection_id, connection_version, upstream_task, kept_until) IN (0, 6)),
    CHECK ((closed_at IS NULL) = (closed_as IS NULL))
);
COMMENT ON TABLE tasks IS 'Handles that callers follow a call with. A handle on an approval has the approval''s status, and keeps what closed it.';
COMMENT ON COLUMN tasks.id_sha256 IS 'SHA-256 of the task id, which only the caller has; 256 random bits need no slow hash.';
COMMENT ON COLUMN tasks.toolkit_id IS 'The toolkit at whose endpoint it is used. No foreign key, as approvals have none to their tool: the endpoint is gone with the toolkit.';
COMMENT ON COLUMN tasks.connection_version IS 'The configuration that the call went to: under another one it is nobody''s task.';
COMMENT ON COLUMN tasks.definition_sha256 IS 'The tool''s definition when it was called: what the caller says to the task is for that one.';
COMMENT ON COLUMN tasks.trace IS 'Trace context of the request that got the handle (JSON): the call that it waits for is sent with it.';
COMMENT ON COLUMN tasks.upstream_task IS 'The upstream''s id of its own task, which this one follows.';
COMMENT ON COLUMN tasks.kept_until IS 'Until when a handle on an upstream''s task is kept.';
COMMENT ON COLUMN tasks.closed_as IS 'What ended it, fixed with the change of the approval that did: a later change does not open it again.';
CREATE INDEX tasks_approval ON tasks (approval_id);
-- By hash: an upstream's id may be longer than an entry of a tree.
CREATE INDEX tasks_followed ON tasks USING hash (upstream_task) WHERE closed_at IS NULL;
CREATE INDEX tasks_closed ON tasks (closed_at) WHERE closed_at IS NOT NULL;
CREATE INDEX tasks_kept ON tasks (kept_until) WHERE kept_until IS NOT NULL;

ALTER TABLE tasks ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON tasks USING (org_id = app_org()) WITH CHECK (org_id = app_org());
-- sweep: finds approved calls that a task waits for, and removes what has ended.
CREATE POLICY sweep ON tasks FOR SELECT USING (app_scope_in('sweep'));
CREATE POLICY sweep_erase ON tasks FOR DELETE USING (app_scope_in('sweep'));
GRANT SELECT, INSERT, UPDATE, DELETE ON tasks TO permesso_app;
