-- Approvals: one request for one exact call, with its own life. The rules are in the crate domain
-- (approval::state); the constraints here say the most important ones a second time.

CREATE TABLE approvals (
    id uuid PRIMARY KEY,
    org_id uuid NOT NULL REFERENCES orgs ON DELETE CASCADE,

    -- what it is bound to
    caller_kind text NOT NULL CHECK (caller_kind IN ('key', 'user')),
    caller_id uuid NOT NULL,
    caller_org_id uuid NOT NULL,
    role_id uuid NOT NULL,
    owner_id uuid NOT NULL,
    toolkit_tool_id uuid NOT NULL,
    connection_id uuid NOT NULL,
    connection_version bigint NOT NULL,
    arguments_sha256 bytea NOT NULL CHECK (length(arguments_sha256) = 32),
    definition_sha256 bytea NOT NULL CHECK (length(definition_sha256) = 32),

    -- what people read, as it was when asked
    caller_name text NOT NULL,
    client text,
    toolkit text NOT NULL,
    tool text NOT NULL,
    definition text NOT NULL,
    reviewed_definition text,
    rule text NOT NULL,
    agent_reason text,
    arguments_size integer NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),

    -- where it is in its life
    state text NOT NULL CHECK (state IN ('pending', 'approved', 'rejected', 'expired', 'withdrawn', 'invalidated',
                                         'executing', 'executed', 'outcome_unknown', 'not_executed')),
    expires_at timestamptz NOT NULL,
    decided_by uuid REFERENCES users,
    decided_at timestamptz,
    decision_reason text,
    execute_by timestamptz,
    holder uuid,
    lease_until timestamptz,
    finished_at timestamptz,
    finished_by text,
    finished_by_user uuid REFERENCES users,
    answered_at timestamptz,
    change text,

    CHECK (state NOT IN ('approved', 'rejected', 'executing', 'executed', 'outcome_unknown', 'not_executed')
           OR (decided_by IS NOT NULL AND decided_at IS NOT NULL)),
    CHECK (state NOT IN ('approved', 'executing', 'executed', 'outcome_unknown') OR execute_by IS NOT NULL),
    CHECK (state NOT IN ('executing', 'outcome_unknown') OR (holder IS NOT NULL AND lease_until IS NOT NULL)),
    CHECK (state NOT IN ('expired', 'withdrawn', 'invalidated', 'executed', 'not_executed') OR finished_at IS NOT NULL),
    CHECK ((state = 'invalidated') = (change IS NOT NULL))
);
COMMENT ON TABLE approvals IS 'Requests for one exact call each. Rows are kept for the record; the exact bytes are in approval_bodies until replay ends.';
COMMENT ON COLUMN approvals.caller_org_id IS 'Differs from org_id for guests of a public toolkit.';
COMMENT ON COLUMN approvals.toolkit_tool_id IS 'No foreign key: the request outlives the tool, and an unknown outcome is never freed by removing it.';
COMMENT ON COLUMN approvals.arguments_sha256 IS 'SHA-256 of the arguments'' canonical JSON (wire::canonical).';
COMMENT ON COLUMN approvals.definition IS 'The tool''s definition when asked, byte for byte.';
COMMENT ON COLUMN approvals.reviewed_definition IS 'Set when the definition had changed and not been reviewed: the difference is why it was held.';
COMMENT ON COLUMN approvals.agent_reason IS 'Why the agent asks, in its own words: a claim.';
COMMENT ON COLUMN approvals.holder IS 'The dispatcher''s token; only its bearer renews the lease or reports within it.';
COMMENT ON COLUMN approvals.finished_by IS 'dispatcher, late_answer or person (domain::approval::Settled).';
COMMENT ON COLUMN approvals.answered_at IS 'When an answer was first written whole to the agent; replay counts from the finish then.';

-- Identical calls join the open approval instead of opening another.
CREATE UNIQUE INDEX approvals_open ON approvals (caller_id, toolkit_tool_id, arguments_sha256, caller_kind)
    WHERE state IN ('pending', 'approved', 'executing', 'outcome_unknown');
CREATE INDEX approvals_identical ON approvals (caller_id, toolkit_tool_id, arguments_sha256, created_at DESC);
CREATE INDEX approvals_list ON approvals (org_id, id DESC);
CREATE INDEX approvals_waiting ON approvals (org_id, state) WHERE state IN ('pending', 'approved', 'executing', 'outcome_unknown');
CREATE INDEX approvals_due ON approvals (state, expires_at, execute_by, lease_until) WHERE state IN ('pending', 'approved', 'executing');

CREATE TABLE approval_bodies (
    approval_id uuid PRIMARY KEY REFERENCES approvals ON DELETE CASCADE,
    org_id uuid NOT NULL,
    arguments_sealed bytea NOT NULL,
    result_sealed bytea
);
COMMENT ON TABLE approval_bodies IS 'The exact bytes that were asked for and the answer, sealed under the master key; erased when replay ends.';
COMMENT ON COLUMN approval_bodies.result_sealed IS 'The upstream''s JSON-RPC result or error, with its kind.';

CREATE TABLE approval_events (
    id uuid PRIMARY KEY,
    org_id uuid NOT NULL,
    approval_id uuid NOT NULL REFERENCES approvals ON DELETE CASCADE,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    from_state text,
    to_state text NOT NULL,
    actor_kind text NOT NULL CHECK (actor_kind IN ('key', 'user', 'system')),
    actor_id uuid,
    actor_name text NOT NULL,
    note text
);
COMMENT ON TABLE approval_events IS 'The history of approvals: insert only.';
COMMENT ON COLUMN approval_events.from_state IS 'Null for the opening. Equal to to_state where something joined the history without changing the state.';
CREATE INDEX approval_events_approval ON approval_events (approval_id, id);

-- Announces every new state: waiters and consoles on every replica wake up.
CREATE FUNCTION announce_approval() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('permesso_approval', NEW.org_id || ' ' || NEW.id || ' ' || NEW.state);
    RETURN NULL;
END $$;
CREATE TRIGGER approvals_inserted AFTER INSERT ON approvals FOR EACH ROW EXECUTE FUNCTION announce_approval();
CREATE TRIGGER approvals_updated AFTER UPDATE OF state ON approvals
    FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION announce_approval();
