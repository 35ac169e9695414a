-- An upstream may answer an approved call with questions (MCP 2026-07-28, multi round-trip requests): the approval
-- stays executing until the call goes on with the answers.

ALTER TABLE approvals ADD COLUMN asks_input boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN approvals.asks_input IS 'While it is executing: the upstream has asked for input, nobody works under the lease, and the holder''s token continues it, once. In other states it says nothing: an older replica leaves it as it was.';

-- Who waits for the call hears of questions too.
DROP TRIGGER approvals_updated ON approvals;
CREATE TRIGGER approvals_updated AFTER UPDATE OF state, asks_input ON approvals
    FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state OR OLD.asks_input IS DISTINCT FROM NEW.asks_input)
    EXECUTE FUNCTION announce_approval();
