#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::{collections::HashSet, io::Write};

use super::*;

fn config(vars: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Config::from_vars(|name| vars.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned()))
}

fn error(vars: &[(&str, &str)]) -> String {
    config(vars).unwrap_err().to_string()
}

fn file(content: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(content.as_bytes()).unwrap();
    file
}

fn exposed(secret: Option<&SecretString>) -> Option<&str> {
    secret.map(ExposeSecret::expose_secret)
}

#[test]
fn an_empty_environment_gives_the_defaults() {
    let config = config(&[]).unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:8765");
    assert_eq!(config.data_dir, PathBuf::from(".permesso"));
    assert_eq!((config.log.as_str(), config.child_user), ("info", None));
    assert_eq!(config.approval_lease, Duration::from_secs(30));
    assert_eq!(config.db_max_connections, 20);
    assert_eq!((config.max_connections, config.max_connections_per_address), (10_000, 1_000));
    let share = |calls, mebibytes: usize| Share { calls, bytes: mebibytes << 20 };
    let budgets = Budgets { caller: share(256, 64), org: share(1_024, 256), process: share(4_096, 1_024) };
    assert_eq!(config.budgets, budgets);
    assert_eq!((config.guest_record_bytes, config.audit_queue_bytes), (16 << 20, 64 << 20));
    assert_eq!(config.session_idle, Duration::from_secs(12 * 3_600));
    assert_eq!(config.session_max, Duration::from_secs(7 * 24 * 3_600));
    assert!(config.database_url.is_none() && config.migrate_url.is_none() && config.master_key.is_none());
    assert!(config.public_url.is_none() && config.admin_email.is_none() && config.admin_password.is_none());
    assert_eq!(config.allowed_hosts, AllowedHosts::Named(Vec::new()));
    assert!(config.allowed_origins.is_empty());
    assert!(config.trusted_proxies.is_empty() && config.egress_allow.is_empty() && !config.allow_dev_master_key);
}

#[test]
fn every_variable_is_read() {
    let config = config(&[
        ("DATABASE_URL", "postgres://app:pw@db/permesso"),
        ("PERMESSO_MIGRATE_URL", "postgresql:///permesso?host=/run/postgresql"),
        ("PERMESSO_MIGRATE", "auto"),
        ("PERMESSO_LISTEN", "[::]:80"),
        ("PERMESSO_PUBLIC_URL", "https://mcp.example.com"),
        ("PERMESSO_ALLOWED_HOSTS", "MCP.internal, 10.0.0.7:8765,[::1]"),
        ("PERMESSO_ALLOWED_ORIGINS", "https://Agents.example.com:443/, chrome-extension://abc"),
        ("PERMESSO_TRUSTED_PROXIES", "10.0.0.0/8, 192.0.2.7,2001:db8::/32,"),
        ("PERMESSO_MAX_CONNECTIONS", "100000"),
        ("PERMESSO_MAX_CONNECTIONS_PER_ADDRESS", "50"),
        ("PERMESSO_DATA_DIR", "/var/lib/permesso"),
        ("PERMESSO_MASTER_KEY", "not looked at here"),
        ("PERMESSO_ALLOW_DEV_MASTER_KEY", "1"),
        ("PERMESSO_ADMIN_EMAIL", "Ada@Example.com"),
        ("PERMESSO_ADMIN_PASSWORD", "correct horse battery"),
        ("PERMESSO_EGRESS_ALLOW", "Tools.Internal, 10.1.0.0/16, ::1"),
        ("PERMESSO_CHILD_USER", "permesso-tools"),
        ("PERMESSO_LOG", "debug"),
        ("PERMESSO_APPROVAL_LEASE_SECONDS", "10"),
        ("PERMESSO_FORBID_SELF_APPROVAL", "1"),
        ("PERMESSO_DB_CONNECTIONS", "50"),
        ("PERMESSO_CALLER_MAX_CALLS", "1"),
        ("PERMESSO_CALLER_MAX_BYTES", "100002"),
        ("PERMESSO_ORG_MAX_CALLS", "3"),
        ("PERMESSO_ORG_MAX_BYTES", "100004"),
        ("PERMESSO_PROCESS_MAX_CALLS", "5"),
        ("PERMESSO_PROCESS_MAX_BYTES", "100006"),
        ("PERMESSO_GUEST_RECORD_BYTES_PER_HOUR", "100007"),
        ("PERMESSO_AUDIT_QUEUE_BYTES", "40000000"),
        ("PERMESSO_SESSION_IDLE_SECONDS", "300"),
        ("PERMESSO_SESSION_MAX_SECONDS", "7776000"),
    ])
    .unwrap();
    assert_eq!(exposed(config.database_url.as_ref()), Some("postgres://app:pw@db/permesso"));
    assert_eq!(exposed(config.migrate_url.as_ref()), Some("postgresql:///permesso?host=/run/postgresql"));
    assert!(config.migrate);
    assert_eq!(config.listen.to_string(), "[::]:80");
    assert_eq!(config.public_url.unwrap().as_str(), "https://mcp.example.com/");
    let host = |name: &str, port| Host { name: name.to_owned(), port };
    let hosts = [host("mcp.internal", None), host("10.0.0.7", Some(8765)), host("[::1]", None)];
    assert_eq!(config.allowed_hosts, AllowedHosts::Named(hosts.into()));
    assert_eq!(config.allowed_origins, ["https://agents.example.com", "chrome-extension://abc"]);
    let proxies: Vec<String> = config.trusted_proxies.iter().map(ToString::to_string).collect();
    assert_eq!(proxies, ["10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32"]);
    assert_eq!((config.max_connections, config.max_connections_per_address), (100_000, 50));
    assert_eq!(config.data_dir, PathBuf::from("/var/lib/permesso"));
    assert_eq!(exposed(config.master_key.as_ref()), Some("not looked at here"));
    assert!(config.allow_dev_master_key);
    assert_eq!(config.admin_email.as_deref(), Some("ada@example.com"));
    assert_eq!(exposed(config.admin_password.as_ref()), Some("correct horse battery"));
    assert_eq!(config.egress_allow, ["tools.internal", "10.1.0.0/16", "::1"]);
    assert_eq!(config.child_user.as_deref(), Some("permesso-tools"));
    assert_eq!(config.log, "debug");
    assert_eq!(config.approval_lease, Duration::from_secs(10));
    assert!(config.forbid_self_approval);
    assert_eq!(config.db_max_connections, 50);
    let share = |calls, bytes| Share { calls, bytes };
    let budgets = Budgets { caller: share(1, 100_002), org: share(3, 100_004), process: share(5, 100_006) };
    assert_eq!(config.budgets, budgets);
    assert_eq!((config.guest_record_bytes, config.audit_queue_bytes), (100_007, 40_000_000));
    assert_eq!(config.session_idle, Duration::from_secs(300));
    assert_eq!(config.session_max, Duration::from_secs(90 * 24 * 3_600));
}

#[test]
fn an_empty_value_counts_as_unset() {
    let config = config(&[("PERMESSO_LISTEN", " "), ("DATABASE_URL", ""), ("PERMESSO_MASTER_KEY_FILE", "")]).unwrap();
    assert_eq!(config.listen.port(), 8765);
    assert!(config.database_url.is_none() && config.master_key.is_none());
}

#[test]
fn each_secret_may_stand_in_a_file_without_its_last_line_end() {
    let url = file("postgres://app:pw@db/permesso\r\n");
    let password = file(" spaces belong to it \n");
    let config = config(&[
        ("DATABASE_URL_FILE", url.path().to_str().unwrap()),
        ("PERMESSO_MIGRATE_URL_FILE", url.path().to_str().unwrap()),
        ("PERMESSO_MASTER_KEY_FILE", password.path().to_str().unwrap()),
        ("PERMESSO_ADMIN_EMAIL", "ada@example.com"),
        ("PERMESSO_ADMIN_PASSWORD_FILE", password.path().to_str().unwrap()),
    ])
    .unwrap();
    assert_eq!(exposed(config.database_url.as_ref()), Some("postgres://app:pw@db/permesso"));
    assert_eq!(exposed(config.migrate_url.as_ref()), Some("postgres://app:pw@db/permesso"));
    assert_eq!(exposed(config.master_key.as_ref()), Some(" spaces belong to it "));
    assert_eq!(exposed(config.admin_password.as_ref()), Some(" spaces belong to it "));
}

#[test]
fn a_secret_given_twice_is_refused() {
    let key = file("two");
    let error = error(&[("PERMESSO_MASTER_KEY", "one"), ("PERMESSO_MASTER_KEY_FILE", key.path().to_str().unwrap())]);
    assert_eq!(error, "PERMESSO_MASTER_KEY: is set together with PERMESSO_MASTER_KEY_FILE; keep one of the two");
}

#[test]
fn a_missing_or_empty_secret_file_is_named() {
    let missing = error(&[("DATABASE_URL_FILE", "/nowhere/at/all")]);
    assert!(missing.starts_with("DATABASE_URL_FILE: cannot read /nowhere/at/all: "), "{missing}");
    let empty = file("\n");
    let empty = error(&[("DATABASE_URL_FILE", empty.path().to_str().unwrap())]);
    assert!(empty.starts_with("DATABASE_URL_FILE: ") && empty.contains(" is empty"), "{empty}");
}

#[test]
fn any_host_is_allowed_only_by_a_star_alone() {
    assert_eq!(config(&[("PERMESSO_ALLOWED_HOSTS", " * ")]).unwrap().allowed_hosts, AllowedHosts::Any);
}

#[test]
fn errors_name_the_variable_the_value_and_what_would_be_right_in_one_line() {
    let wrong = [
        ("PERMESSO_LISTEN", "localhost:8765", "127.0.0.1:8765"),
        ("PERMESSO_LISTEN", "127.0.0.1", "127.0.0.1:8765"),
        ("PERMESSO_PUBLIC_URL", "mcp.example.com", "https://"),
        ("PERMESSO_PUBLIC_URL", "ftp://example.com", "https://"),
        ("PERMESSO_PUBLIC_URL", "https://example.com/permesso", "without path"),
        ("PERMESSO_PUBLIC_URL", "https://a:b@example.com", "user"),
        ("PERMESSO_TRUSTED_PROXIES", "10.0.0.0/8,proxy", "10.0.0.7"),
        ("PERMESSO_ALLOWED_HOSTS", "https://mcp.internal", "mcp.internal:8765"),
        ("PERMESSO_ALLOWED_HOSTS", "mcp.internal,*", "only *"),
        ("PERMESSO_ALLOWED_HOSTS", "mcp.internal:99999", "mcp.internal:8765"),
        ("PERMESSO_ALLOWED_HOSTS", "user@mcp.internal", "mcp.internal:8765"),
        ("PERMESSO_ALLOWED_ORIGINS", "*", "https://agents.example.com"),
        ("PERMESSO_ALLOWED_ORIGINS", "null", "https://agents.example.com"),
        ("PERMESSO_ALLOWED_ORIGINS", "https://agents.example.com/app", "https://agents.example.com"),
        ("PERMESSO_ALLOWED_ORIGINS", "data:text/html", "https://agents.example.com"),
        ("PERMESSO_ALLOW_DEV_MASTER_KEY", "yes please", "1 or 0"),
        ("PERMESSO_EGRESS_ALLOW", "https://tools.internal", "only the name"),
        ("PERMESSO_APPROVAL_LEASE_SECONDS", "9", "from 10 to 300"),
        ("PERMESSO_APPROVAL_LEASE_SECONDS", "301", "from 10 to 300"),
        ("PERMESSO_APPROVAL_LEASE_SECONDS", "30s", "from 10 to 300"),
        ("PERMESSO_DB_CONNECTIONS", "5", "from 6 to 1000"),
        ("PERMESSO_MAX_CONNECTIONS", "0", "from 1 to 1000000"),
        ("PERMESSO_MAX_CONNECTIONS_PER_ADDRESS", "1000001", "from 1 to 1000000"),
        ("PERMESSO_CALLER_MAX_CALLS", "0", "from 1 to 1000000"),
        ("PERMESSO_PROCESS_MAX_BYTES", "65535", "from 65536 to 1099511627776"),
        ("PERMESSO_SESSION_IDLE_SECONDS", "299", "from 300 to 2592000"),
        ("PERMESSO_SESSION_MAX_SECONDS", "7776001", "from 300 to 7776000"),
        ("PERMESSO_LISTEN", "one\nline", "127.0.0.1:8765"),
    ];
    for (name, value, hint) in wrong {
        let error = error(&[(name, value)]);
        assert!(error.starts_with(&format!("{name}: ")) && error.contains(hint), "{name}={value}: {error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}

#[test]
fn an_administrator_needs_an_address_and_a_password() {
    let alone = error(&[("PERMESSO_ADMIN_EMAIL", "ada@example.com")]);
    assert!(alone.contains("PERMESSO_ADMIN_PASSWORD is not"), "{alone}");
    let alone = error(&[("PERMESSO_ADMIN_PASSWORD", "correct horse battery")]);
    assert!(alone.contains("PERMESSO_ADMIN_EMAIL is not") && !alone.contains("horse"), "{alone}");
    for email in ["ada", "@example.com", "ada@", "ada lovelace@example.com"] {
        let vars = [("PERMESSO_ADMIN_EMAIL", email), ("PERMESSO_ADMIN_PASSWORD", "correct horse battery")];
        assert!(error(&vars).starts_with("PERMESSO_ADMIN_EMAIL: "), "{email}");
    }
}

#[test]
fn neither_errors_nor_debug_show_a_secret() {
    let error = error(&[("DATABASE_URL", "mysql://root:hunter2@db/permesso")]);
    assert!(error.starts_with("DATABASE_URL: ") && !error.contains("hunter2"), "{error}");
    let config = config(&[
        ("DATABASE_URL", "postgres://app:hunter2@db/permesso"),
        ("PERMESSO_MIGRATE_URL", "postgres://app:hunter2@db/permesso"),
        ("PERMESSO_MASTER_KEY", "hunter2"),
        ("PERMESSO_ADMIN_EMAIL", "ada@example.com"),
        ("PERMESSO_ADMIN_PASSWORD", "hunter2"),
    ])
    .unwrap();
    assert!(!format!("{config:?}{config:#?}").contains("hunter2"));
}

#[test]
fn the_example_file_lists_every_variable_that_is_read() {
    let example = include_str!("../../../../.env.example");
    let listed: HashSet<&str> =
        example.lines().filter_map(|line| line.strip_prefix('#')?.split_once('=')).map(|(name, _)| name).collect();
    let asked = std::cell::RefCell::new(HashSet::new());
    let asks = |name: &str| {
        asked.borrow_mut().insert(name.to_owned());
        None
    };
    Config::from_vars(asks).unwrap();
    let asked = asked.into_inner();
    // The same names in small letters are other spellings.
    let is_listed = |name: &&str| !name.ends_with("_FILE") && !name.starts_with(|c: char| c.is_ascii_lowercase());
    let asked: HashSet<&str> = asked.iter().map(String::as_str).filter(is_listed).collect();
    assert_eq!(
        asked,
        listed.into_iter().filter(|name| name.chars().all(|c| c.is_ascii_uppercase() || c == '_')).collect()
    );
}
