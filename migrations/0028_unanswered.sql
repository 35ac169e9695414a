-- no-transaction
-- Approved calls that ran and whose answer nobody has read whole yet, or that a person found to have run: the snapshot knows
-- them, so that an identical call does not run again where its tool has become always allowed since (approvals.md, "What
-- decides, in this order").
BEGIN;
CREATE INDEX IF NOT EXISTS approvals_unanswered ON approvals (execute_by) WHERE state = 'executed' AND answered_at IS NULL;
COMMIT;
