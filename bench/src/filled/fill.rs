//! Fills a database with orgs and keys by SQL, as REST would take hours. The ids follow from a number, so that no
//! statement has to look one up.

use std::time::Instant;

use anyhow::Context;
use secrecy::{ExposeSecret, SecretString};
use sqlx::{Connection, Executor, PgConnection};

use super::secret;

/// How much a database is filled with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    pub(crate) keys: i32,
    /// At least one.
    pub(crate) orgs: i32,
}

/// A key that can be used.
pub(super) struct Agent {
    /// The path of its org's public toolkit.
    pub(super) endpoint: String,
    pub(super) key: String,
}

/// As many keys can be used. Of the others only a hash is made up.
const AGENTS: i32 = 2_000;
/// Keys of one transaction: while it is open, nobody else changes the configuration.
const PART: i32 = 10_000;

/// Orgs 0 to `$1` - 1: each with a person, the roles that `acme` has, the person as its admin, a public toolkit.
const ORGS: [&str; 5] = [
    "INSERT INTO users (id, email, name)
     SELECT md5('person ' || n)::uuid, 'person-' || n || '@example.com', 'Person ' || n
     FROM generate_series(0, $1::int - 1) AS n",
    "INSERT INTO orgs (id, slug, name, approval_policy)
     SELECT md5('org ' || n)::uuid, 'org-' || n, 'Org ' || n, acme.approval_policy
     FROM generate_series(0, $1::int - 1) AS n, orgs AS acme WHERE acme.slug = 'acme'",
    "INSERT INTO roles (id, org_id, name, rights, builtin)
     SELECT md5('role ' || known.name || ' ' || n)::uuid, md5('org ' || n)::uuid, known.name, known.rights, true
     FROM generate_series(0, $1::int - 1) AS n, roles AS known
     WHERE known.builtin AND known.org_id = (SELECT id FROM orgs WHERE slug = 'acme')",
    "INSERT INTO members (id, org_id, user_id, role_id)
     SELECT md5('member ' || n)::uuid, md5('org ' || n)::uuid, md5('person ' || n)::uuid, md5('role admin ' || n)::uuid
     FROM generate_series(0, $1::int - 1) AS n",
    "INSERT INTO toolkits (id, org_id, slug, name, visibility)
     SELECT md5('toolkit ' || n)::uuid, md5('org ' || n)::uuid, 'tools', 'Tools', 'public'
     FROM generate_series(0, $1::int - 1) AS n",
];

/// Keys `$1` to `$2`, in turn of each of `$3` orgs, and owned by the org's person.
const KEYS: &str = "INSERT INTO api_keys (id, org_id, name, role_id, owner_id, created_by)
     SELECT md5('key ' || n)::uuid, md5('org ' || org)::uuid, 'Agent ' || n, md5('role agent ' || org)::uuid,
            md5('person ' || org)::uuid, md5('person ' || org)::uuid
     FROM generate_series($1::int, $2::int) AS n, LATERAL (SELECT n % $3::int AS org) AS its";

/// A secret for each of these keys: for the first ones those of `$4`, for the others something random.
const SECRETS: &str = "INSERT INTO api_key_secrets (id, org_id, key_id, sha256, prefix, created_by)
     SELECT md5('secret ' || n)::uuid, md5('org ' || org)::uuid, md5('key ' || n)::uuid,
            coalesce(sha256(convert_to(made, 'UTF8')), decode(md5(random()::text) || md5(random()::text), 'hex')),
            coalesce(left(made, 11), 'mmcp_' || left(md5('prefix ' || n), 6)), md5('person ' || org)::uuid
     FROM generate_series($1::int, $2::int) AS n,
          LATERAL (SELECT n % $3::int AS org, ($4::text[])[n + 1] AS made) AS its";

/// Fills a database in which `acme` is; gives the keys that can be used. Says how long it took.
///
/// # Errors
/// When Postgres refuses something.
pub(super) async fn fill(database: &SecretString, size: Size) -> anyhow::Result<Vec<Agent>> {
    let Size { keys, orgs } = size;
    eprintln!("filling a database with {keys} keys in {orgs} orgs");
    let began = Instant::now();
    let secrets: Vec<String> = (0..keys.min(AGENTS)).map(|_| secret::make()).collect();
    let mut postgres = PgConnection::connect(database.expose_secret()).await?;
    for statement in ORGS {
        sqlx::query(statement).bind(orgs).execute(&mut postgres).await.context("cannot make the orgs")?;
    }
    // What is checked for each key is planned for tables of this size.
    postgres.execute("ANALYZE").await?;
    let mut first = 0;
    while first < keys {
        let last = (first + PART).min(keys) - 1;
        let made = sqlx::query(KEYS).bind(first).bind(last).bind(orgs).execute(&mut postgres).await;
        made.context("cannot make the keys")?;
        let made = sqlx::query(SECRETS).bind(first).bind(last).bind(orgs).bind(&secrets).execute(&mut postgres).await;
        made.context("cannot make the secrets of keys")?;
        first = last + 1;
    }
    let filled = began.elapsed();
    // What Postgres would otherwise do meanwhile, of one database only.
    postgres.execute("VACUUM ANALYZE").await?;
    postgres.execute("CHECKPOINT").await?;
    postgres.close().await?;
    let (filled, tidied) = (filled.as_secs_f64(), (began.elapsed() - filled).as_secs_f64());
    eprintln!("it took {filled:.1} s, and {tidied:.1} s until Postgres was done with it");
    let agents = (0..orgs).cycle().zip(secrets);
    Ok(agents.map(|(org, key)| Agent { endpoint: format!("/org-{org}/tools/mcp"), key }).collect())
}

/// Makes databases with nothing in them, by the owner's URL of another one.
///
/// # Errors
/// When Postgres refuses.
pub(super) async fn create(server: &SecretString, statements: &[&'static str]) -> anyhow::Result<()> {
    let mut postgres = PgConnection::connect(server.expose_secret()).await?;
    for statement in statements {
        postgres.execute(*statement).await.with_context(|| format!("cannot do {statement}"))?;
    }
    Ok(postgres.close().await?)
}
