-- Tenants, people, roles, keys.
--
-- Two settings say for whom a transaction works: app.org_id (one org) or app.scope (a named
-- reason to work across orgs). Every policy below asks one of these two functions; a transaction
-- that sets neither sees nothing. The application's role, permesso_app, is made by the migrator
-- before these files run, because roles belong to the cluster and not to one database.

CREATE FUNCTION app_org() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
    RETURN nullif(current_setting('app.org_id', true), '')::uuid;
CREATE FUNCTION app_scope_in(VARIADIC scopes text[]) RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
    RETURN coalesce(current_setting('app.scope', true) = ANY (scopes), false);

CREATE TABLE orgs (
    id uuid PRIMARY KEY,
    slug text NOT NULL UNIQUE CHECK (slug ~ '^[a-z0-9][a-z0-9-]{0,38}[a-z0-9]$'),
    name text NOT NULL,
    approval_policy jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE orgs IS 'Tenants. The org mono holds the toolkits offered to everyone.';
COMMENT ON COLUMN orgs.approval_policy IS 'The org-wide approval policy (domain::ApprovalPolicy); toolkits and toolkit tools override fields of it.';

CREATE TABLE users (
    id uuid PRIMARY KEY,
    email text NOT NULL UNIQUE CHECK (email = lower(email)),
    name text NOT NULL,
    password_hash text,
    epoch bigint NOT NULL DEFAULT 0,
    instance_admin boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE users IS 'People. They belong to orgs through members.';
COMMENT ON COLUMN users.password_hash IS 'argon2id in PHC form; null for people who cannot sign in with a password.';
COMMENT ON COLUMN users.epoch IS 'Counts up when credentials are reset: tokens issued before are void.';
COMMENT ON COLUMN users.instance_admin IS 'Administers the instance and is admin of every org.';

CREATE TABLE roles (
    id uuid PRIMARY KEY,
    org_id uuid NOT NULL REFERENCES orgs ON DELETE CASCADE,
    name text NOT NULL CHECK (name ~ '^[a-z0-9][a-z0-9_-]{0,39}$'),
    rights text[] NOT NULL,
    builtin boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (org_id, name),
    UNIQUE (org_id, id)
);
COMMENT ON TABLE roles IS 'Named sets of rights of one org.';
COMMENT ON COLUMN roles.rights IS 'Words of domain::Right.';
COMMENT ON COLUMN roles.builtin IS 'Every org has these; they are neither renamed nor deleted.';

CREATE TABLE members (
    id uuid PRIMARY KEY,
    org_id uuid NOT NULL REFERENCES orgs ON DELETE CASCADE,
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    role_id uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (org_id, user_id),
    FOREIGN KEY (org_id, role_id) REFERENCES roles (org_id, id)
);
COMMENT ON TABLE members IS 'Who belongs to which org, with which role.';
CREATE INDEX members_user ON members (user_id);

CREATE TABLE api_keys (
    id uuid PRIMARY KEY,
    org_id uuid NOT NULL REFERENCES orgs ON DELETE CASCADE,
    name text NOT NULL,
    role_id uuid NOT NULL,
    owner_id uuid NOT NULL REFERENCES users,
    created_by uuid NOT NULL REFERENCES users,
    hold_seconds integer CHECK (hold_seconds BETWEEN 0 AND 240),
    expires_at timestamptz,
    revoked_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (org_id, id),
    FOREIGN KEY (org_id, role_id) REFERENCES roles (org_id, id)
);
COMMENT ON TABLE api_keys IS 'Keys of agents. The key itself stands in api_key_secrets, as a hash; the id outlives rotation.';
COMMENT ON COLUMN api_keys.owner_id IS 'The person answerable: may not decide on this key''s requests.';
COMMENT ON COLUMN api_keys.hold_seconds IS 'How long a held call of this key waits; null: by the client''s name.';

CREATE TABLE api_key_secrets (
    id uuid PRIMARY KEY,
    org_id uuid NOT NULL,
    key_id uuid NOT NULL,
    sha256 bytea NOT NULL UNIQUE CHECK (length(sha256) = 32),
    prefix text NOT NULL,
    created_by uuid NOT NULL REFERENCES users,
    valid_until timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (org_id, key_id) REFERENCES api_keys (org_id, id) ON DELETE CASCADE
);
COMMENT ON TABLE api_key_secrets IS 'Secrets of API keys. Rotation adds one and ends the older ones after the overlap.';
COMMENT ON COLUMN api_key_secrets.sha256 IS 'SHA-256 of the whole key; 256 random bits need no slow hash.';
COMMENT ON COLUMN api_key_secrets.prefix IS 'The first characters, shown so that people can tell keys apart.';
COMMENT ON COLUMN api_key_secrets.created_by IS 'Who created or rotated: may not decide on this key''s requests either.';
COMMENT ON COLUMN api_key_secrets.valid_until IS 'Set by rotation: the end of the overlap.';
CREATE INDEX api_key_secrets_key ON api_key_secrets (key_id);

CREATE TABLE api_key_uses (
    key_id uuid PRIMARY KEY,
    org_id uuid NOT NULL,
    last_used_at timestamptz NOT NULL,
    FOREIGN KEY (org_id, key_id) REFERENCES api_keys (org_id, id) ON DELETE CASCADE
);
COMMENT ON TABLE api_key_uses IS 'Last use of each key, apart from api_keys so that a use is not a change of configuration.';

CREATE TABLE sessions (
    id_sha256 bytea PRIMARY KEY CHECK (length(id_sha256) = 32),
    user_id uuid REFERENCES users ON DELETE CASCADE,
    data bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);
COMMENT ON TABLE sessions IS 'Console sessions. Only the SHA-256 of a session''s id is kept.';
CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX sessions_expiry ON sessions (expires_at);
