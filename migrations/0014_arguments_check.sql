-- How far arguments are checked against a tool's input schema, and why not wholly: a schema may have parts that cannot
-- be used, or be over a bound (docs/security.md, "What is bounded").

ALTER TABLE tools
    ADD COLUMN arguments_check text CHECK (arguments_check IN ('full', 'partial', 'none')),
    ADD COLUMN check_note text;
COMMENT ON COLUMN tools.arguments_check IS 'How much of the input schema is used. Null: not known yet; periodic work finds out.';
COMMENT ON COLUMN tools.check_note IS 'Why not all of it.';
COMMENT ON COLUMN tools.schema_usable IS 'For replicas of an earlier version: arguments_check is not none.';
CREATE INDEX tools_unjudged ON tools (connection_id) WHERE arguments_check IS NULL;

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
