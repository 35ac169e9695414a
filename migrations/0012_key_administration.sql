-- What API keys may loosen in an org, and who last had a say in whether one may decide on one's own request.

ALTER TABLE orgs ADD COLUMN key_administration text NOT NULL DEFAULT 'none'
    CHECK (key_administration IN ('none', 'toolkits'));
COMMENT ON COLUMN orgs.key_administration IS 'What API keys may loosen (domain::loosening::KeyAdministration): none, or toolkits.';

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['orgs', 'toolkits', 'toolkit_tools'] LOOP
        EXECUTE format('ALTER TABLE %I ADD COLUMN self_approval_by uuid REFERENCES users ON DELETE SET NULL,
                                       ADD COLUMN self_approval_at timestamptz', name);
        EXECUTE format('COMMENT ON COLUMN %I.self_approval_by IS %L', name,
            'Who last had a say in whether one may decide on one''s own request: by changing allow_self_approval of this approval policy, or by making what it is for.');
    END LOOP;
END $$;
