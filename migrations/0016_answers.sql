-- How the upstream answered an approved call: that the call ran does not say that the tool did what was asked.

ALTER TABLE approvals ADD COLUMN answer text CHECK (answer IN ('result', 'tool_error', 'protocol_error'));
COMMENT ON COLUMN approvals.answer IS 'Of a call that ran: how the upstream answered (domain::approval::Answer). Null: it did not run, a person says that it ran, it goes on as a task, or an earlier version of the gateway wrote the row; of that row the audit tells.';

CREATE FUNCTION recorded_answer(status text, response text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE
        -- A task goes on; its description is short.
        WHEN status = 'ok' AND octet_length(response) <= 65536 AND response ~ '"resultType"\s*:\s*"task"' THEN NULL
        WHEN status = 'ok' THEN 'result'
        -- Within a string the quotes are escaped, so this finds a member. JSON-RPC errors are short.
        WHEN status = 'error' AND (octet_length(response) > 65536 OR response ~ '"isError"\s*:\s*true') THEN 'tool_error'
        WHEN status = 'error' THEN 'protocol_error'
    END;
COMMENT ON FUNCTION recorded_answer IS 'How the upstream answered a call, by the status and the response that its record has.';
