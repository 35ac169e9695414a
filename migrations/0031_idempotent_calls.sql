-- no-transaction
-- What was done is done again without harm, if it ends in between.

-- Calls over plain HTTP that came with an idempotency key: the key runs once, and whoever sends it again within a day is
-- given the same answer (docs/api.md, "Calling tools").
BEGIN;
CREATE TABLE IF NOT EXISTS idempotent_calls (
    org_id uuid NOT NULL,
    caller_kind text NOT NULL,
    caller_id uuid NOT NULL,
    toolkit_id uuid NOT NULL,
    key_sha256 bytea NOT NULL CHECK (octet_length(key_sha256) = 32),
    request_sha256 bytea NOT NULL CHECK (octet_length(request_sha256) = 32),
    state text NOT NULL CHECK (state IN ('opening', 'running', 'held', 'answered', 'unknown')),
    holder uuid NOT NULL,
    lease_until timestamptz NOT NULL,
    approval_id uuid,
    answer_sealed bytea,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, caller_kind, caller_id, toolkit_id, key_sha256),
    FOREIGN KEY (org_id, toolkit_id) REFERENCES toolkits (org_id, id) ON DELETE CASCADE,
    CHECK ((state = 'held') <= (approval_id IS NOT NULL)),
    CHECK ((answer_sealed IS NOT NULL) <= (state = 'answered'))
);
COMMENT ON TABLE idempotent_calls IS 'Calls with an idempotency key, for a day: what runs once, and its answer.';
COMMENT ON COLUMN idempotent_calls.key_sha256 IS 'SHA-256 of the key. It belongs to the caller and the toolkit.';
COMMENT ON COLUMN idempotent_calls.request_sha256 IS 'SHA-256 over the tool''s name and the canonical arguments: another request with the same key is refused.';
COMMENT ON COLUMN idempotent_calls.state IS 'opening: a person is about to be asked; nothing is sent. running: it is sent, or about to be. held: it is the approval''s. answered: it ran. unknown: it may have run. A running call whose lease has lapsed may have run too.';
COMMENT ON COLUMN idempotent_calls.holder IS 'Who runs it: only this one writes what became of it.';
COMMENT ON COLUMN idempotent_calls.answer_sealed IS 'The answer, sealed under the master key; NULL when it is larger than 1 MiB.';
CREATE INDEX IF NOT EXISTS idempotent_calls_created ON idempotent_calls (created_at);
CREATE INDEX IF NOT EXISTS idempotent_calls_toolkit ON idempotent_calls (org_id, toolkit_id);

ALTER TABLE idempotent_calls ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS tenant ON idempotent_calls;
CREATE POLICY tenant ON idempotent_calls USING (org_id = app_org()) WITH CHECK (org_id = app_org());
-- sweep: removes what is older than a day.
DROP POLICY IF EXISTS sweep ON idempotent_calls;
CREATE POLICY sweep ON idempotent_calls FOR SELECT USING (app_scope_in('sweep'));
DROP POLICY IF EXISTS sweep_erase ON idempotent_calls;
CREATE POLICY sweep_erase ON idempotent_calls FOR DELETE USING (app_scope_in('sweep'));
GRANT SELECT, INSERT, UPDATE, DELETE ON idempotent_calls TO permesso_app;
COMMIT;
