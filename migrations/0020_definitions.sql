-- no-transaction
-- A tool has up to eight reviewed definitions, compared by a hash that does not depend on the order of members or of the
-- scalars in sets (wire::normal). The columns of before stay written, in step with the list, for replicas of an earlier
-- version: reviewed_sha256 is seen_sha256 exactly while the definition last seen is on the list.
--
-- One transaction for each table: who holds one table and waits for another one, while gateways serve, waits for somebody
-- who waits for it. What was done is done again without harm, if it ends in between.

BEGIN;
ALTER TABLE tools
    ADD COLUMN IF NOT EXISTS reviewed jsonb NOT NULL DEFAULT '[]'
        CHECK (jsonb_typeof(reviewed) = 'array' AND jsonb_array_length(reviewed) <= 8),
    ADD COLUMN IF NOT EXISTS reviewed_listed bytea;
COMMENT ON COLUMN tools.reviewed IS 'The reviewed definitions, the last reviewed one last: [{sha256, normal_sha256, at, by, destructive}] (db::reviewed::Reviewed).';
COMMENT ON COLUMN tools.reviewed_listed IS 'The reviewed_sha256 that the list accounts for. Another one: an earlier version reviewed a definition since, which the next listing adds from reviewed_definition.';
COMMENT ON COLUMN tools.reviewed_sha256 IS 'SHA-256 of the canonical form of reviewed_definition; zeros when that was taken off the list.';

DROP TRIGGER IF EXISTS tools_configuration ON tools;
CREATE TRIGGER tools_configuration
    AFTER INSERT OR DELETE OR UPDATE OF connection_id, name, seen_definition, seen_sha256, reviewed_sha256, reviewed, offered
    ON tools FOR EACH STATEMENT EXECUTE FUNCTION bump_configuration();
COMMIT;

BEGIN;
ALTER TABLE connections ADD COLUMN IF NOT EXISTS trust_definitions boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN connections.trust_definitions IS 'A person trusts what its upstream says of its tools: a changed definition holds nothing, unless the tool became destructive.';
COMMIT;

BEGIN;
ALTER TABLE connection_status ADD COLUMN IF NOT EXISTS definitions_changed timestamptz[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN connection_status.definitions_changed IS 'When listings last found changed definitions, the last three times.';
COMMIT;
