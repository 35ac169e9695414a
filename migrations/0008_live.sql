-- What request cards and approval filters look up. Most calls belong to no approval, so the first
-- index stays small; the second finds calls with the same arguments whoever made them.

CREATE INDEX audit_outcomes_approval ON audit_outcomes (approval_id) WHERE approval_id IS NOT NULL;
CREATE INDEX approvals_same ON approvals (toolkit_tool_id, arguments_sha256, finished_at DESC) WHERE state = 'executed';
