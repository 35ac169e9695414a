-- How far arguments are checked against a tool's input schema, and why not wholly: a schema may have parts that cannot
-- be used, or be over a bound (docs/security.md, "What is bounded").

ALTER TABLE tools
    ADD COLUMN arguments_check text CHECK (arguments_check IN ('full', 'partial', 'none')),
    ADD COLUMN check_note text;
COMMENT ON COLUMN tools.arguments_check IS 'How much of the input schema is used. Null: not known yet; periodic work finds out.';
COMMENT ON COLUMN tools.check_note IS 'Why not all of it.';
COMMENT ON COLUMN tools.schema_usable IS 'For replicas of an earlier version: arguments_check is not none.';
CREATE INDEX tools_unjudged ON tools (connection_id, id) WHERE offered AND arguments_check IS NULL;

-- Whether a definition is the one that is known, without reading it. By a trigger, so that an earlier version of the
-- gateway and whoever writes by hand keep it right.
ALTER TABLE tools ADD COLUMN seen_text_sha256 bytea;
COMMENT ON COLUMN tools.seen_text_sha256 IS 'SHA-256 of seen_definition byte for byte. seen_sha256 is the one of its canonical form, without what no review covers.';
CREATE FUNCTION hash_definition() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.seen_text_sha256 := sha256(convert_to(NEW.seen_definition, 'UTF8'));
    RETURN NEW;
END $$;
CREATE TRIGGER tools_hash BEFORE INSERT OR UPDATE OF seen_definition, seen_text_sha256 ON tools
    FOR EACH ROW EXECUTE FUNCTION hash_definition();
UPDATE tools SET seen_definition = seen_definition;
ALTER TABLE tools ALTER COLUMN seen_text_sha256 SET NOT NULL;

-- The snapshot of the configuration has none of these columns: finding out about a schema is no reason to load it again.
DROP TRIGGER tools_configuration ON tools;
CREATE TRIGGER tools_configuration
    AFTER INSERT OR DELETE OR UPDATE OF connection_id, name, seen_definition, seen_sha256, reviewed_sha256, offered
    ON tools FOR EACH STATEMENT EXECUTE FUNCTION bump_configuration();

ALTER TABLE approvals
    ADD COLUMN arguments_check text NOT NULL DEFAULT 'full' CHECK (arguments_check IN ('full', 'partial', 'none')),
    ADD COLUMN check_note text;
COMMENT ON COLUMN approvals.arguments_check IS 'How far the arguments were checked when the request was opened.';
COMMENT ON COLUMN approvals.check_note IS 'Why not wholly, for the one who decides.';
UPDATE approvals SET arguments_check = 'none'
    WHERE rule = 'the tool''s input schema cannot be used, so arguments cannot be checked';

-- A caller has so many tasks and no more (db::task).
CREATE INDEX tasks_caller ON tasks (caller_id, created_at);
