-- no-transaction
-- Approvals can be taken back until they are used, and requests that wait can be given more time.
--
-- One transaction for each table: who holds one table and waits for another one, while gateways serve, waits for somebody
-- who waits for it. What was done is done again without harm, if it ends in between.

BEGIN;
-- Its foreign key: only who changes people waits for this, and hardly anybody does.
LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE;
ALTER TABLE approvals
    ADD COLUMN IF NOT EXISTS extended smallint NOT NULL DEFAULT 0 CHECK (extended BETWEEN 0 AND 2),
    ADD COLUMN IF NOT EXISTS taken_back_by uuid REFERENCES users,
    ADD COLUMN IF NOT EXISTS taken_back_reason text,
    ADD COLUMN IF NOT EXISTS change_word text,
    DROP CONSTRAINT IF EXISTS approvals_taken_back,
    ADD CONSTRAINT approvals_taken_back CHECK ((taken_back_by IS NULL) = (taken_back_reason IS NULL)
        AND (taken_back_by IS NULL OR state = 'withdrawn'));
COMMENT ON COLUMN approvals.extended IS 'How often the request was given more time; expires_at has it.';
COMMENT ON COLUMN approvals.taken_back_by IS 'The approver who took the approval back before it was used. Null: the agent withdrew the request.';
COMMENT ON COLUMN approvals.taken_back_reason IS 'Why, for the agent, word for word.';
COMMENT ON COLUMN approvals.change_word IS 'What changed, where earlier versions of the gateway have no word for it; change has the nearest that they know.';

-- More time changes no state: waiters and consoles on every replica are told all the same.
CREATE OR REPLACE FUNCTION announce_extension() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('permesso_approval', NEW.org_id || ' ' || NEW.id || ' extended');
    RETURN NULL;
END $$;
DROP TRIGGER IF EXISTS approvals_extended ON approvals;
CREATE TRIGGER approvals_extended AFTER UPDATE OF extended ON approvals
    FOR EACH ROW WHEN (OLD.extended IS DISTINCT FROM NEW.extended) EXECUTE FUNCTION announce_extension();
COMMIT;

-- sweep: finds approvals that something undid; each is compared again and invalidated within its org.
BEGIN;
DROP POLICY IF EXISTS sweep ON orgs;
CREATE POLICY sweep ON orgs FOR SELECT USING (app_scope_in('sweep'));
COMMIT;
BEGIN;
DROP POLICY IF EXISTS sweep ON users;
CREATE POLICY sweep ON users FOR SELECT USING (app_scope_in('sweep'));
COMMIT;
BEGIN;
DROP POLICY IF EXISTS sweep ON roles;
CREATE POLICY sweep ON roles FOR SELECT USING (app_scope_in('sweep'));
COMMIT;
BEGIN;
DROP POLICY IF EXISTS sweep ON members;
CREATE POLICY sweep ON members FOR SELECT USING (app_scope_in('sweep'));
COMMIT;
BEGIN;
DROP POLICY IF EXISTS sweep ON api_keys;
CREATE POLICY sweep ON api_keys FOR SELECT USING (app_scope_in('sweep'));
COMMIT;
BEGIN;
DROP POLICY IF EXISTS sweep ON api_key_secrets;
CREATE POLICY sweep ON api_key_secrets FOR SELECT USING (app_scope_in('sweep'));
COMMIT;
BEGIN;
DROP POLICY IF EXISTS sweep ON connections;
CREATE POLICY sweep ON connections FOR SELECT USING (app_scope_in('sweep'));
COMMIT;
BEGIN;
DROP POLICY IF EXISTS sweep ON tools;
CREATE POLICY sweep ON tools FOR SELECT USING (app_scope_in('sweep'));
COMMIT;
BEGIN;
DROP POLICY IF EXISTS sweep ON toolkits;
CREATE POLICY sweep ON toolkits FOR SELECT USING (app_scope_in('sweep'));
COMMIT;
BEGIN;
DROP POLICY IF EXISTS sweep ON toolkit_tools;
CREATE POLICY sweep ON toolkit_tools FOR SELECT USING (app_scope_in('sweep'));
COMMIT;
BEGIN;
DROP POLICY IF EXISTS sweep ON role_policies;
CREATE POLICY sweep ON role_policies FOR SELECT USING (app_scope_in('sweep'));
COMMIT;
