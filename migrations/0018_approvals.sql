-- Approvals can be taken back until they are used, and requests that wait can be given more time.

ALTER TABLE approvals
    ADD COLUMN extended smallint NOT NULL DEFAULT 0 CHECK (extended BETWEEN 0 AND 2),
    ADD COLUMN taken_back_by uuid REFERENCES users,
    ADD COLUMN taken_back_reason text,
    ADD COLUMN change_word text,
    ADD CONSTRAINT approvals_taken_back CHECK ((taken_back_by IS NULL) = (taken_back_reason IS NULL)
        AND (taken_back_by IS NULL OR state = 'withdrawn'));
COMMENT ON COLUMN approvals.extended IS 'How often the request was given more time; expires_at has it.';
COMMENT ON COLUMN approvals.taken_back_by IS 'The approver who took the approval back before it was used. Null: the agent withdrew the request.';
COMMENT ON COLUMN approvals.taken_back_reason IS 'Why, for the agent, word for word.';
COMMENT ON COLUMN approvals.change_word IS 'What changed, where earlier versions of the gateway have no word for it; change has the nearest that they know.';

-- More time changes no state: waiters and consoles on every replica are told all the same.
CREATE FUNCTION announce_extension() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('permesso_approval', NEW.org_id || ' ' || NEW.id || ' extended');
    RETURN NULL;
END $$;
CREATE TRIGGER approvals_extended AFTER UPDATE OF extended ON approvals
    FOR EACH ROW WHEN (OLD.extended IS DISTINCT FROM NEW.extended) EXECUTE FUNCTION announce_extension();

-- sweep: finds approvals that something undid; each is compared again and invalidated within its org.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['orgs', 'users', 'roles', 'members', 'api_keys', 'api_key_secrets', 'connections',
                                'tools', 'toolkits', 'toolkit_tools', 'role_policies'] LOOP
        EXECUTE format('CREATE POLICY sweep ON %I FOR SELECT USING (app_scope_in(''sweep''))', name);
    END LOOP;
END $$;
