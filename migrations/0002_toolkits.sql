-- Connections to upstreams, the tools they offer, the toolkits that expose them, permissions.

CREATE TABLE connections (
    id uuid PRIMARY KEY,
    org_id uuid NOT NULL REFERENCES orgs ON DELETE CASCADE,
    slug text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('streamable_http', 'stdio')),
    config_sealed bytea NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    enabled boolean NOT NULL DEFAULT true,
    connect_timeout_ms integer NOT NULL DEFAULT 10000 CHECK (connect_timeout_ms BETWEEN 100 AND 120000),
    call_timeout_ms integer NOT NULL DEFAULT 120000 CHECK (call_timeout_ms BETWEEN 100 AND 3600000),
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (org_id, slug),
    UNIQUE (org_id, id)
);
COMMENT ON TABLE connections IS 'How each upstream is reached.';
COMMENT ON COLUMN connections.config_sealed IS 'The configuration as JSON, sealed under the master key: headers and environment carry credentials.';
COMMENT ON COLUMN connections.version IS 'Counts up with each change of the configuration; approvals are bound to it.';

CREATE TABLE connection_status (
    connection_id uuid PRIMARY KEY,
    org_id uuid NOT NULL,
    last_seen_at timestamptz,
    last_error text,
    last_error_at timestamptz,
    FOREIGN KEY (org_id, connection_id) REFERENCES connections (org_id, id) ON DELETE CASCADE
);
COMMENT ON TABLE connection_status IS 'What was last heard of an upstream, apart from connections so that news is not a change of configuration.';

CREATE TABLE tools (
    id uuid PRIMARY KEY,
    org_id uuid NOT NULL,
    connection_id uuid NOT NULL,
    name text NOT NULL,
    seen_definition text NOT NULL,
    seen_sha256 bytea NOT NULL CHECK (length(seen_sha256) = 32),
    seen_at timestamptz NOT NULL DEFAULT now(),
    reviewed_definition text NOT NULL,
    reviewed_sha256 bytea NOT NULL CHECK (length(reviewed_sha256) = 32),
    reviewed_at timestamptz NOT NULL DEFAULT now(),
    reviewed_by uuid REFERENCES users,
    offered boolean NOT NULL DEFAULT true,
    schema_usable boolean NOT NULL DEFAULT true,
    UNIQUE (org_id, connection_id, name),
    UNIQUE (org_id, id),
    FOREIGN KEY (org_id, connection_id) REFERENCES connections (org_id, id) ON DELETE CASCADE
);
COMMENT ON TABLE tools IS 'What connections offer.';
COMMENT ON COLUMN tools.seen_definition IS 'The definition last seen, byte for byte: text and not jsonb, which reorders and rounds.';
COMMENT ON COLUMN tools.reviewed_definition IS 'The definition last reviewed. The first one seen counts as reviewed: who connects an upstream accepts what it offers.';
COMMENT ON COLUMN tools.reviewed_by IS 'Null for the first definition seen.';
COMMENT ON COLUMN tools.offered IS 'Whether the upstream''s last list had it.';
COMMENT ON COLUMN tools.schema_usable IS 'False when the input schema does not compile: every call is then held.';

CREATE TABLE toolkits (
    id uuid PRIMARY KEY,
    org_id uuid NOT NULL REFERENCES orgs ON DELETE CASCADE,
    slug text NOT NULL,
    name text NOT NULL,
    visibility text NOT NULL CHECK (visibility IN ('private', 'public')),
    approval_policy jsonb,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (org_id, slug),
    UNIQUE (org_id, id)
);
COMMENT ON TABLE toolkits IS 'Named sets of tools, each served at one MCP endpoint.';
COMMENT ON COLUMN toolkits.approval_policy IS 'What it sets differently from the org (domain::PolicyOverride).';

CREATE TABLE toolkit_tools (
    id uuid PRIMARY KEY,
    org_id uuid NOT NULL,
    toolkit_id uuid NOT NULL,
    tool_id uuid NOT NULL,
    name text NOT NULL,
    permission text NOT NULL DEFAULT 'needs_approval' CHECK (permission IN ('always_allow', 'needs_approval', 'blocked')),
    approval_policy jsonb,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (org_id, toolkit_id, name),
    UNIQUE (org_id, id),
    FOREIGN KEY (org_id, toolkit_id) REFERENCES toolkits (org_id, id) ON DELETE CASCADE,
    FOREIGN KEY (org_id, tool_id) REFERENCES tools (org_id, id) ON DELETE CASCADE
);
COMMENT ON TABLE toolkit_tools IS 'A tool as one toolkit exposes it, with the permission everybody has unless a role policy says otherwise.';
COMMENT ON COLUMN toolkit_tools.name IS 'The name that agents see.';
CREATE INDEX toolkit_tools_tool ON toolkit_tools (tool_id);

CREATE TABLE role_policies (
    org_id uuid NOT NULL,
    toolkit_tool_id uuid NOT NULL,
    role_id uuid NOT NULL,
    permission text NOT NULL CHECK (permission IN ('always_allow', 'needs_approval', 'blocked')),
    PRIMARY KEY (toolkit_tool_id, role_id),
    FOREIGN KEY (org_id, toolkit_tool_id) REFERENCES toolkit_tools (org_id, id) ON DELETE CASCADE,
    FOREIGN KEY (org_id, role_id) REFERENCES roles (org_id, id)
);
COMMENT ON TABLE role_policies IS 'Overrides a toolkit tool''s permission for one role. A role in use cannot be deleted.';
CREATE INDEX role_policies_role ON role_policies (role_id);

CREATE TABLE secrets (
    id uuid PRIMARY KEY,
    org_id uuid NOT NULL REFERENCES orgs ON DELETE CASCADE,
    connection_id uuid,
    user_id uuid REFERENCES users ON DELETE CASCADE,
    name text NOT NULL,
    value_sealed bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (org_id, connection_id) REFERENCES connections (org_id, id) ON DELETE CASCADE
);
COMMENT ON TABLE secrets IS 'Values injected into calls, sealed under the master key: per org, per connection, per person.';
-- NULLS NOT DISTINCT came with 15; 14 is supported.
CREATE UNIQUE INDEX secrets_name ON secrets (org_id, coalesce(connection_id, org_id), coalesce(user_id, org_id), name);
