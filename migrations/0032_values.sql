-- no-transaction
-- The last call of a tool by a caller that a person allowed, for each row of a list (db::approval::card): one step into the
-- index, however many requests the caller has made. What was done is done again without harm, if it ends in between.
BEGIN;
CREATE INDEX IF NOT EXISTS approvals_last_approved ON approvals (caller_id, toolkit_tool_id, decided_at, id)
    WHERE state IN ('approved', 'executing', 'executed', 'outcome_unknown');
COMMIT;
