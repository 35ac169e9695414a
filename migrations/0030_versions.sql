-- no-transaction
-- One transaction for each table, as in 0019. What was done is done again without harm, if it ends in between.

-- The configuration has a version for each org, person and key, so that a change costs a replica what its org costs. The
-- number of the instance goes on counting with every change, for replicas of an earlier version, which load everything
-- again. A version is given under the lock of the row of `configuration`, which is held until the commit: so versions become
-- visible in their order, and who has heard of one has heard of all before it.
BEGIN;
CREATE TABLE IF NOT EXISTS configuration_changes (
    subject uuid PRIMARY KEY,
    version bigint NOT NULL
);
COMMENT ON TABLE configuration_changes IS 'At which version of the configuration each org, person and key was changed last.';
COMMENT ON COLUMN configuration_changes.subject IS 'An org, a person or a key. The system org stands for who administers the instance.';
CREATE INDEX IF NOT EXISTS configuration_changes_version ON configuration_changes (version);
GRANT SELECT ON configuration_changes TO permesso_app;

-- Once for each subject and transaction: a thousand rows of one org cost as many looks and one write.
CREATE OR REPLACE FUNCTION note_change(changed uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    own bigint;
BEGIN
    -- The version that this transaction has given already: no migration may write the row itself before it changes what
    -- is noted.
    SELECT version INTO own FROM public.configuration WHERE xmin = pg_current_xact_id()::xid;
    IF own IS NULL THEN
        UPDATE public.configuration SET version = version + 1 RETURNING version INTO own;
        PERFORM pg_notify('permesso_configuration', own::text);
    END IF;
    INSERT INTO public.configuration_changes AS known (subject, version) VALUES (changed, own)
        ON CONFLICT (subject) DO UPDATE SET version = excluded.version WHERE known.version < excluded.version;
END $$;
REVOKE EXECUTE ON FUNCTION note_change FROM public;

CREATE OR REPLACE FUNCTION note_org() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM public.note_change(OLD.org_id);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM public.note_change(NEW.org_id);
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION note_itself() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM public.note_change(OLD.id);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM public.note_change(NEW.id);
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION note_key() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM public.note_change(OLD.key_id);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM public.note_change(NEW.key_id);
    END IF;
    RETURN NULL;
END $$;

-- A member: of the org, and of the person.
CREATE OR REPLACE FUNCTION note_member() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM public.note_change(OLD.user_id);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM public.note_change(NEW.user_id);
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION note_person() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM public.note_change(OLD.id);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM public.note_change(NEW.id);
    END IF;
    -- The system org (OrgId::INSTANCE).
    IF (TG_OP <> 'INSERT' AND OLD.instance_admin) OR (TG_OP <> 'DELETE' AND NEW.instance_admin) THEN
        PERFORM public.note_change('00000000-0000-7000-8000-000000000001');
    END IF;
    RETURN NULL;
END $$;

-- Two questions about what row-level security hides from a transaction of one org.
CREATE OR REPLACE FUNCTION instance_is_administered() RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT EXISTS (SELECT FROM public.users WHERE instance_admin)
$$;
CREATE OR REPLACE FUNCTION has_keys_elsewhere(owner uuid, than uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT EXISTS (
        SELECT FROM public.api_keys k JOIN public.users u ON u.id = k.owner_id
        WHERE k.owner_id = owner AND k.org_id <> than AND k.revoked_at IS NULL
          AND EXISTS (SELECT FROM public.api_key_secrets s
                      WHERE s.key_id = k.id AND (s.valid_until IS NULL OR s.valid_until > now()))
          AND (u.instance_admin
               OR EXISTS (SELECT FROM public.members m WHERE m.org_id = k.org_id AND m.user_id = k.owner_id)))
$$;
REVOKE EXECUTE ON FUNCTION instance_is_administered, has_keys_elsewhere FROM public;
GRANT EXECUTE ON FUNCTION instance_is_administered, has_keys_elsewhere TO permesso_app;
COMMIT;

BEGIN;
DROP TRIGGER IF EXISTS orgs_configuration ON orgs;
CREATE TRIGGER orgs_configuration AFTER INSERT OR DELETE OR UPDATE ON orgs
    FOR EACH ROW EXECUTE FUNCTION note_itself();
COMMIT;

BEGIN;
DROP TRIGGER IF EXISTS users_configuration ON users;
CREATE TRIGGER users_configuration AFTER INSERT OR DELETE OR UPDATE ON users
    FOR EACH ROW EXECUTE FUNCTION note_person();
COMMIT;

BEGIN;
DROP TRIGGER IF EXISTS roles_configuration ON roles;
CREATE TRIGGER roles_configuration AFTER INSERT OR DELETE OR UPDATE ON roles
    FOR EACH ROW EXECUTE FUNCTION note_org();
COMMIT;

BEGIN;
DROP TRIGGER IF EXISTS members_configuration ON members;
CREATE TRIGGER members_configuration AFTER INSERT OR DELETE OR UPDATE ON members
    FOR EACH ROW EXECUTE FUNCTION note_org();
DROP TRIGGER IF EXISTS members_person_configuration ON members;
CREATE TRIGGER members_person_configuration AFTER INSERT OR DELETE OR UPDATE ON members
    FOR EACH ROW EXECUTE FUNCTION note_member();
COMMIT;

BEGIN;
DROP TRIGGER IF EXISTS api_keys_configuration ON api_keys;
CREATE TRIGGER api_keys_configuration AFTER INSERT OR DELETE OR UPDATE ON api_keys
    FOR EACH ROW EXECUTE FUNCTION note_itself();
COMMIT;

BEGIN;
DROP TRIGGER IF EXISTS api_key_secrets_configuration ON api_key_secrets;
CREATE TRIGGER api_key_secrets_configuration AFTER INSERT OR DELETE OR UPDATE ON api_key_secrets
    FOR EACH ROW EXECUTE FUNCTION note_key();
COMMIT;

BEGIN;
DROP TRIGGER IF EXISTS connections_configuration ON connections;
CREATE TRIGGER connections_configuration AFTER INSERT OR DELETE OR UPDATE ON connections
    FOR EACH ROW EXECUTE FUNCTION note_org();
COMMIT;

BEGIN;
DROP TRIGGER IF EXISTS connection_instructions_configuration ON connection_instructions;
CREATE TRIGGER connection_instructions_configuration AFTER INSERT OR DELETE OR UPDATE ON connection_instructions
    FOR EACH ROW EXECUTE FUNCTION note_org();
COMMIT;

BEGIN;
DROP TRIGGER IF EXISTS tools_configuration ON tools;
CREATE TRIGGER tools_configuration AFTER INSERT OR DELETE OR UPDATE OF connection_id, name, seen_definition, seen_sha256, reviewed_sha256, reviewed, offered ON tools
    FOR EACH ROW EXECUTE FUNCTION note_org();
COMMIT;

BEGIN;
DROP TRIGGER IF EXISTS toolkits_configuration ON toolkits;
CREATE TRIGGER toolkits_configuration AFTER INSERT OR DELETE OR UPDATE ON toolkits
    FOR EACH ROW EXECUTE FUNCTION note_org();
COMMIT;

BEGIN;
DROP TRIGGER IF EXISTS toolkit_tools_configuration ON toolkit_tools;
CREATE TRIGGER toolkit_tools_configuration AFTER INSERT OR DELETE OR UPDATE ON toolkit_tools
    FOR EACH ROW EXECUTE FUNCTION note_org();
COMMIT;

BEGIN;
DROP TRIGGER IF EXISTS role_policies_configuration ON role_policies;
CREATE TRIGGER role_policies_configuration AFTER INSERT OR DELETE OR UPDATE ON role_policies
    FOR EACH ROW EXECUTE FUNCTION note_org();
COMMIT;

BEGIN;
DROP TRIGGER IF EXISTS approvals_configuration ON approvals;
CREATE TRIGGER approvals_configuration AFTER UPDATE OF state ON approvals
    FOR EACH ROW WHEN (NEW.state <> OLD.state AND (NEW.state = 'outcome_unknown' OR OLD.state = 'expired'))
    EXECUTE FUNCTION note_org();
COMMIT;

-- What an org's configuration reads of approvals that ran and whose answer nobody has read.
BEGIN;
CREATE INDEX IF NOT EXISTS approvals_unanswered_of_org ON approvals (org_id) WHERE state = 'executed' AND answered_at IS NULL;
COMMIT;

BEGIN;
DROP INDEX IF EXISTS approvals_unanswered;
COMMIT;
