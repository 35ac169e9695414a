-- Browsers that people signed in with: whoever guesses at somebody's account, even from the same address, must not keep
-- that person out of it.
CREATE TABLE IF NOT EXISTS sign_in_devices (
    id_sha256 bytea PRIMARY KEY CHECK (length(id_sha256) = 32),
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    epoch bigint NOT NULL,
    known_until timestamptz NOT NULL
);
COMMENT ON TABLE sign_in_devices IS 'Browsers by which people are known at the sign-in: for each person the 20 newest of the last 90 days.';
COMMENT ON COLUMN sign_in_devices.id_sha256 IS 'SHA-256 of what the cookie holds; 256 random bits need no slow hash.';
COMMENT ON COLUMN sign_in_devices.epoch IS 'users.epoch at sign-in: another password forgets the browser.';
CREATE INDEX IF NOT EXISTS sign_in_devices_user ON sign_in_devices (user_id, known_until);
CREATE INDEX IF NOT EXISTS sign_in_devices_expiry ON sign_in_devices (known_until);
ALTER TABLE sign_in_devices ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS sign_in ON sign_in_devices;
CREATE POLICY sign_in ON sign_in_devices USING (app_scope_in('sign_in')) WITH CHECK (app_scope_in('sign_in'));
DROP POLICY IF EXISTS instance ON sign_in_devices;
CREATE POLICY instance ON sign_in_devices FOR DELETE USING (app_scope_in('instance'));
-- A DELETE with a condition reads what it deletes.
DROP POLICY IF EXISTS instance_read ON sign_in_devices;
CREATE POLICY instance_read ON sign_in_devices FOR SELECT USING (app_scope_in('instance'));
GRANT SELECT, INSERT, DELETE ON sign_in_devices TO permesso_app;
