-- Who decides is said by approval policies and by who has which role. The former name who last changed them
-- (migrations/0012); memberships do so too.

CREATE FUNCTION who_decides(approval_policy jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN approval_policy - '{expires_after_seconds,execute_within_seconds}'::text[];
COMMENT ON FUNCTION who_decides IS 'What of an approval policy says who decides.';

ALTER TABLE members
    ADD COLUMN self_approval_by uuid REFERENCES users ON DELETE SET NULL,
    ADD COLUMN self_approval_at timestamptz;
COMMENT ON COLUMN members.self_approval_by IS 'Who gave this member another role last: somebody who gives themselves one that decides had a say in whether they may decide on their own request.';

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['orgs', 'toolkits', 'toolkit_tools'] LOOP
        EXECUTE format('COMMENT ON COLUMN %I.self_approval_by IS %L', name,
            'Who last had a say in who decides on requests: by changing whom this approval policy names, by making what it is for, or by putting it, or another tool, in another one''s place.');
    END LOOP;
END $$;
