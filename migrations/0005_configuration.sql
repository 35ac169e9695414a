-- One number that grows with every change of configuration. Replicas compare it with the version of
-- their snapshot and load again; triggers bump it, so that no code path can forget.

CREATE TABLE configuration (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    version bigint NOT NULL,
    min_binary integer NOT NULL
);
COMMENT ON TABLE configuration IS 'The version of the configuration, and the oldest binary that may run on this schema.';
COMMENT ON COLUMN configuration.min_binary IS 'The smallest schema generation a binary must know (db::migrate::GENERATION) to work on this database.';
INSERT INTO configuration (version, min_binary) VALUES (1, 1);

CREATE FUNCTION bump_configuration() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    bumped bigint;
BEGIN
    UPDATE public.configuration SET version = version + 1 RETURNING version INTO bumped;
    PERFORM pg_notify('permesso_configuration', bumped::text);
    RETURN NULL;
END $$;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['orgs', 'users', 'roles', 'members', 'api_keys', 'api_key_secrets', 'connections',
                                'tools', 'toolkits', 'toolkit_tools', 'role_policies'] LOOP
        EXECUTE format('CREATE TRIGGER %I AFTER INSERT OR UPDATE OR DELETE ON %I
                        FOR EACH STATEMENT EXECUTE FUNCTION bump_configuration()', name || '_configuration', name);
    END LOOP;
END $$;

-- An unknown outcome must be known to every snapshot: an identical call is refused even where the
-- tool has become always allowed since (approvals.md, promise 4). So must an approval that a late
-- decision revives, since the snapshot last looked when it was not open.
CREATE TRIGGER approvals_configuration AFTER UPDATE OF state ON approvals
    FOR EACH ROW WHEN (NEW.state <> OLD.state AND (NEW.state = 'outcome_unknown' OR OLD.state = 'expired'))
    EXECUTE FUNCTION bump_configuration();
