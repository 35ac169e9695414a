-- The audit: an intent and an outcome for each request, two insert-only rows seen as one. Both are
-- partitioned by the month of the intent, so that a pair stays together and months come and go whole.

CREATE TABLE audit_intents (
    id uuid NOT NULL,
    at timestamptz NOT NULL,
    org_id uuid NOT NULL,
    request_id uuid NOT NULL,
    actor_kind text NOT NULL CHECK (actor_kind IN ('key', 'user', 'system')),
    actor_id uuid,
    actor_name text NOT NULL,
    actor_org_id uuid,
    action text NOT NULL,
    toolkit text,
    tool text,
    request text,
    rule text,
    approval_id uuid,
    client text,
    PRIMARY KEY (at, id)
) PARTITION BY RANGE (at);
COMMENT ON TABLE audit_intents IS 'Written before something happens. An intent without outcome reads as interrupted.';
COMMENT ON COLUMN audit_intents.org_id IS 'The org whose record this is: the toolkit''s, also for guests.';
COMMENT ON COLUMN audit_intents.action IS 'The MCP method, or the REST operation.';
COMMENT ON COLUMN audit_intents.request IS 'The request, redacted at write. Text, not jsonb: order, number forms and \u0000 stay as they came.';

CREATE TABLE audit_outcomes (
    intent_id uuid NOT NULL,
    intent_at timestamptz NOT NULL,
    org_id uuid NOT NULL,
    at timestamptz NOT NULL,
    status text NOT NULL CHECK (status IN ('ok', 'error', 'refused', 'held', 'rejected', 'replayed', 'failed', 'unknown')),
    duration_us bigint NOT NULL,
    response text,
    rule text,
    approval_id uuid,
    PRIMARY KEY (intent_at, intent_id)
) PARTITION BY RANGE (intent_at);
COMMENT ON TABLE audit_outcomes IS 'What became of an intent.';
COMMENT ON COLUMN audit_outcomes.intent_at IS 'Repeats the intent''s time: both rows stand in partitions of the same month.';
COMMENT ON COLUMN audit_outcomes.response IS 'The response, redacted at write; for lists a digest.';
COMMENT ON COLUMN audit_outcomes.rule IS 'Set when the rule was found only after the intent.';
COMMENT ON COLUMN audit_outcomes.approval_id IS 'Set when the approval was found only after the intent.';

CREATE INDEX audit_intents_id ON audit_intents (id);
CREATE INDEX audit_intents_org ON audit_intents (org_id, id);
CREATE INDEX audit_intents_actor ON audit_intents (actor_id, id);
CREATE INDEX audit_intents_approval ON audit_intents (approval_id) WHERE approval_id IS NOT NULL;
CREATE INDEX audit_intents_time ON audit_intents USING brin (at);
CREATE INDEX audit_outcomes_id ON audit_outcomes (intent_id);

CREATE TABLE audit_intents_default PARTITION OF audit_intents DEFAULT;
CREATE TABLE audit_outcomes_default PARTITION OF audit_outcomes DEFAULT;

-- Makes the partitions of this month and the next ones. SECURITY DEFINER: the application may call
-- it, but owns no table. A month whose rows already fell into the default partition stays there.
CREATE FUNCTION audit_ensure_partitions(months integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    start timestamptz;
    parent text;
    child text;
BEGIN
    IF months NOT BETWEEN 0 AND 24 THEN
        RAISE EXCEPTION 'months must be 0 to 24, got %', months;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('permesso audit partitions'));
    FOR i IN 0..months LOOP
        start := date_trunc('month', now() AT TIME ZONE 'UTC' + make_interval(months => i)) AT TIME ZONE 'UTC';
        FOREACH parent IN ARRAY ARRAY['audit_intents', 'audit_outcomes'] LOOP
            child := parent || to_char(start AT TIME ZONE 'UTC', '"_"YYYY"_"MM');
            CONTINUE WHEN to_regclass('public.' || child) IS NOT NULL;
            BEGIN
                EXECUTE format('CREATE TABLE public.%I PARTITION OF public.%I FOR VALUES FROM (%L) TO (%L)', child, parent,
                               start, (start AT TIME ZONE 'UTC' + interval '1 month') AT TIME ZONE 'UTC');
            EXCEPTION WHEN check_violation THEN
                RAISE WARNING 'rows of % are in the default partition and stay there', child;
            END;
        END LOOP;
    END LOOP;
END $$;
COMMENT ON FUNCTION audit_ensure_partitions IS 'Makes the monthly partitions of the audit, from this month to so many months ahead (UTC).';
REVOKE ALL ON FUNCTION audit_ensure_partitions FROM PUBLIC;
SELECT audit_ensure_partitions(3);
