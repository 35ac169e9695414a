-- no-transaction
-- One transaction for each table, as in 0019. What was done is done again without harm, if it ends in between.

-- A key may get another owner. Who owned it stays one of its own people, or they could hand it on to decide on what it asks.
BEGIN;
ALTER TABLE api_keys ADD COLUMN IF NOT EXISTS former_owners uuid[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN api_keys.former_owners IS 'Who owned it before, each once: they may not decide on this key''s requests either.';
COMMIT;

-- The console's settings of a person. No change of the configuration: no trigger.
BEGIN;
CREATE TABLE IF NOT EXISTS preferences (
    user_id uuid PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    theme text NOT NULL CHECK (theme IN ('system', 'light', 'dark')),
    shortcuts boolean NOT NULL,
    time_zone text CHECK (time_zone ~ '^[A-Za-z0-9_+/-]{1,64}$')
);
COMMENT ON TABLE preferences IS 'The console''s settings of people who have changed them.';
COMMENT ON COLUMN preferences.shortcuts IS 'Whether single keys do something.';
COMMENT ON COLUMN preferences.time_zone IS 'A name of the IANA database; null: the browser''s time zone.';
ALTER TABLE preferences ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS sign_in ON preferences;
CREATE POLICY sign_in ON preferences USING (app_scope_in('sign_in')) WITH CHECK (app_scope_in('sign_in'));
GRANT SELECT, INSERT, UPDATE, DELETE ON preferences TO permesso_app;
COMMIT;

-- Consoles hear which part of an org has changed: `org what` on permesso_org, once for each transaction. The functions are
-- those of 0030, and note changes as before.
BEGIN;
CREATE OR REPLACE FUNCTION note_org() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    what text := CASE TG_TABLE_NAME
        WHEN 'members' THEN 'members'
        WHEN 'roles' THEN 'roles'
        WHEN 'toolkits' THEN 'toolkits'
        WHEN 'toolkit_tools' THEN 'toolkits'
        WHEN 'role_policies' THEN 'toolkits'
    END;
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM public.note_change(OLD.org_id);
        IF what IS NOT NULL THEN
            PERFORM pg_notify('permesso_org', OLD.org_id::text || ' ' || what);
        END IF;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM public.note_change(NEW.org_id);
        IF what IS NOT NULL THEN
            PERFORM pg_notify('permesso_org', NEW.org_id::text || ' ' || what);
        END IF;
    END IF;
    RETURN NULL;
END $$;

-- Orgs and keys.
CREATE OR REPLACE FUNCTION note_itself() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM public.note_change(OLD.id);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM public.note_change(NEW.id);
    END IF;
    IF TG_TABLE_NAME = 'orgs' AND TG_OP = 'UPDATE' THEN
        PERFORM pg_notify('permesso_org', NEW.id::text || ' org');
    ELSIF TG_TABLE_NAME = 'api_keys' AND TG_OP = 'DELETE' THEN
        PERFORM pg_notify('permesso_org', OLD.org_id::text || ' keys');
    ELSIF TG_TABLE_NAME = 'api_keys' THEN
        PERFORM pg_notify('permesso_org', NEW.org_id::text || ' keys');
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION note_key() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM public.note_change(OLD.key_id);
        PERFORM pg_notify('permesso_org', OLD.org_id::text || ' keys');
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM public.note_change(NEW.key_id);
        PERFORM pg_notify('permesso_org', NEW.org_id::text || ' keys');
    END IF;
    RETURN NULL;
END $$;

-- A person has another name: of concern to each org that lists them.
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
    IF TG_OP = 'UPDATE' AND (OLD.name, OLD.email) IS DISTINCT FROM (NEW.name, NEW.email) THEN
        PERFORM pg_notify('permesso_org', m.org_id::text || ' members') FROM public.members m WHERE m.user_id = NEW.id;
    END IF;
    RETURN NULL;
END $$;

-- Invitations stand beside members.
CREATE OR REPLACE FUNCTION tell_invitation() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM pg_notify('permesso_org', OLD.org_id::text || ' members');
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM pg_notify('permesso_org', NEW.org_id::text || ' members');
    END IF;
    RETURN NULL;
END $$;
COMMIT;

BEGIN;
DROP TRIGGER IF EXISTS invitations_told ON invitations;
CREATE TRIGGER invitations_told AFTER INSERT OR DELETE OR UPDATE ON invitations
    FOR EACH ROW EXECUTE FUNCTION tell_invitation();
COMMIT;
