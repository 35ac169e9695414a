//! Brings the schema up to date, as its owner. Forward only. And says before anything else is done whether the schema is
//! there.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use secrecy::SecretString;
use sqlx::{
    ConnectOptions, Connection, Executor, PgConnection,
    error::DatabaseError,
    migrate::{MigrateError, Migrator},
};
use uuid::Uuid;

use super::key_people::Narrowed;

static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations");

/// What this binary knows: a schema that asks for more (`configuration.min_binary`) is refused, any
/// other newer schema is accepted, so that two versions can work side by side during an upgrade.
pub const GENERATION: i32 = 1;

/// Held while the schema is brought up to date: "permesso", as a number.
const LOCK: i64 = 0x7065_726d_6573_736f;
/// How long a start waits for a Postgres that is starting too, as containers do side by side.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long a migration waits for a table, in milliseconds. Whoever uses the table afterwards waits behind it, and perhaps
/// it and they for each other: it gives way before Postgres ends one of them (`deadlock_timeout`, 1 s).
const FOR_A_TABLE: u32 = 500;
/// The same now and then: Postgres sends an autovacuum away only for who waits longer than a second. Less than calls wait
/// for their record (`audit::writer::PATIENCE`).
const NOW_AND_THEN: u32 = 2_000;
/// How long others have the tables to themselves, before it is tried again.
const STEPS_ASIDE: Duration = Duration::from_secs(1);
/// How long it is tried again.
const TRY_FOR: Duration = Duration::from_secs(600);

/// Makes the application's role if it is missing and applies what has not been applied.
/// Safe to run from several processes at once: one does the work, the others wait and find it done. And safe beside
/// gateways that serve: a table that somebody uses for long is waited for again and again, for ten minutes at most, and
/// nobody waits longer than two seconds behind it. Says whether there was anything to do.
///
/// # Errors
/// When Postgres cannot be reached or is older than 14, the role may not be made, a table is in use for all that time, or
/// a migration fails: started again, it goes on with the transaction that failed.
pub async fn migrate(url: &SecretString) -> anyhow::Result<bool> {
    let conn = super::options(url)?.connect().await.context("cannot connect to Postgres to migrate")?;
    migrate_by(conn).await
}

/// The same at the start of a gateway: waits for a Postgres that is starting.
///
/// # Errors
/// As [`migrate`].
pub async fn migrate_at_start(url: &SecretString) -> anyhow::Result<bool> {
    migrate_by(reach(url).await.context("cannot connect to Postgres to migrate")?).await
}

#[tracing::instrument(level = "debug", skip_all)]
async fn migrate_by(mut conn: PgConnection) -> anyhow::Result<bool> {
    let version: i32 =
        sqlx::query_scalar("SELECT current_setting('server_version_num')::int").fetch_one(&mut conn).await?;
    if version < 140_000 {
        bail!("Postgres 14 or newer is needed; this server is version {}", version / 10_000);
    }
    // It ends with the connection.
    sqlx::query("SELECT pg_advisory_lock($1)").bind(LOCK).execute(&mut conn).await?;
    make_role(&mut conn).await?;
    let before = applied(&mut conn).await?;
    let mut migrations = sqlx::migrate::Migrator { ..Migrator::DEFAULT };
    migrations.migrations = MIGRATIONS.migrations.clone();
    migrations.ignore_missing = true;
    apply(&mut conn, &migrations).await?;
    // So that `ready` can tell what has been applied.
    conn.execute("GRANT SELECT ON _sqlx_migrations TO permesso_app").await?;
    let after = applied(&mut conn).await?;
    conn.close().await?;
    Ok(after > before)
}

/// How many migrations are applied.
#[tracing::instrument(level = "debug", skip_all)]
async fn applied(conn: &mut PgConnection) -> sqlx::Result<i64> {
    let known: bool =
        sqlx::query_scalar("SELECT to_regclass('_sqlx_migrations') IS NOT NULL").fetch_one(&mut *conn).await?;
    if !known {
        return Ok(0);
    }
    sqlx::query_scalar("SELECT count(*) FROM _sqlx_migrations").fetch_one(conn).await
}

/// Applies what has not been applied; steps aside for whoever uses a table for long, such as an export or a backup.
#[tracing::instrument(level = "debug", skip_all)]
async fn apply(conn: &mut PgConnection, migrations: &Migrator) -> anyhow::Result<()> {
    // Not a word of what is there already, or of a transaction that has ended already.
    conn.execute("SET client_min_messages = error").await?;
    let began = Instant::now();
    for patience in [FOR_A_TABLE, FOR_A_TABLE, FOR_A_TABLE, NOW_AND_THEN].into_iter().cycle() {
        conn.execute(sqlx::AssertSqlSafe(format!("SET lock_timeout = {patience}"))).await?;
        let Err(error) = migrations.run(&mut *conn).await else { break };
        if !is_in_use(&error) {
            return Err(error).context("a migration failed");
        }
        conn.execute("ROLLBACK").await?;
        if began.elapsed() > TRY_FOR {
            return Err(error).context(
                "a migration found a table in use for ten minutes: pg_stat_activity tells by whom; what was done stays done, \
                 start again when they have ended",
            );
        }
        tracing::warn!("a migration finds a table in use: it steps aside and tries again");
        tokio::time::sleep(STEPS_ASIDE).await;
    }
    Ok(())
}

/// Whether a migration did not get the locks that it needs: what it did until then can be done again.
fn is_in_use(error: &MigrateError) -> bool {
    let (MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)) = error else { return false };
    // lock_not_available, deadlock_detected
    error.as_database_error().and_then(DatabaseError::code).is_some_and(|code| matches!(&*code, "55P03" | "40P01"))
}

/// Connects; waits while nobody answers or Postgres says that it is starting.
async fn reach(url: &SecretString) -> anyhow::Result<PgConnection> {
    let options = super::options(url)?;
    let began = Instant::now();
    loop {
        match options.connect().await {
            Err(error) if is_passing(&error) && began.elapsed() < PATIENCE => {
                tokio::time::sleep(Duration::from_millis(250)).await;
            }
            reached => return Ok(reached?),
        }
    }
}

fn is_passing(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) => true,
        // cannot_connect_now, too_many_connections
        sqlx::Error::Database(error) => error.code().is_some_and(|code| matches!(&*code, "57P03" | "53300")),
        _ => false,
    }
}

/// Whether the application's role and the schema are there, with every migration that this binary knows. Asks before
/// anybody works as that role, by one connection, so that nothing else complains. With `set_role`, whom `url` names has to
/// be able to become the role.
///
/// # Errors
/// One line that says what to do.
pub async fn ready(url: &SecretString, set_role: bool) -> anyhow::Result<()> {
    let mut conn = reach(url).await.context("cannot connect to Postgres with DATABASE_URL")?;
    let found = missing(&mut conn, set_role).await;
    // Whether or not it says farewell.
    let _ = conn.close().await;
    match found.context("cannot read the database's schema")? {
        None => Ok(()),
        Some(missing) => bail!("{missing}"),
    }
}

/// What a schema needs that is not as this binary knows it.
const MIGRATE: &str = "run `permesso migrate` first, or start with `permesso serve --migrate`";

#[tracing::instrument(level = "debug", skip_all)]
async fn missing(conn: &mut PgConnection, set_role: bool) -> sqlx::Result<Option<String>> {
    let (has_schema, has_role, user, is_member, may_read): (bool, bool, String, bool, Option<bool>) = sqlx::query_as(
        "SELECT to_regclass('configuration') IS NOT NULL,
                EXISTS (SELECT FROM pg_roles WHERE rolname = 'permesso_app'),
                current_user::text,
                coalesce((SELECT pg_has_role(current_user, oid, 'MEMBER') FROM pg_roles WHERE rolname = 'permesso_app'), false),
                has_table_privilege(to_regclass('_sqlx_migrations'), 'SELECT')",
    )
    .fetch_one(&mut *conn)
    .await?;
    if !has_schema {
        return Ok(Some(format!("the database has no schema yet: {MIGRATE}")));
    }
    if !has_role {
        return Ok(Some(format!("the database has a schema, but no role permesso_app to work as: {MIGRATE}")));
    }
    if !is_member && (set_role || may_read != Some(true)) {
        return Ok(Some(format!(
            "DATABASE_URL signs in as `{user}`, which may not work as permesso_app: run `GRANT permesso_app TO \"{user}\"` as \
             the owner of the database, or sign in as another role"
        )));
    }
    // Older versions let nobody read it.
    let applied: Vec<i64> = match may_read {
        Some(true) => sqlx::query_scalar("SELECT version FROM _sqlx_migrations WHERE success").fetch_all(conn).await?,
        _ => Vec::new(),
    };
    let applied: HashSet<i64> = applied.into_iter().collect();
    let lacks = MIGRATIONS.iter().any(|migration| !applied.contains(&migration.version));
    Ok(lacks.then(|| format!("the database's schema is older than this permesso needs: {MIGRATE}")))
}

/// Keys that may do less than their role allows, because of their owners: for who has just brought the schema up to date.
///
/// # Errors
/// When Postgres cannot be reached.
pub async fn narrowed_keys(url: &SecretString) -> anyhow::Result<Vec<Narrowed>> {
    let mut conn = super::options(url)?.connect().await.context("cannot connect to Postgres to look at API keys")?;
    let found = super::key_people::narrowed_unscoped(&mut conn).await.context("cannot look at API keys")?;
    conn.close().await?;
    Ok(found)
}

/// Roles belong to the cluster: another database's migration may be making it at this moment.
#[tracing::instrument(level = "debug", skip_all)]
async fn make_role(conn: &mut PgConnection) -> anyhow::Result<()> {
    conn.execute(
        "DO $$ BEGIN
             IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'permesso_app') THEN
                 CREATE ROLE permesso_app NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;
             END IF;
             IF NOT pg_has_role(current_user, 'permesso_app', 'MEMBER') THEN
                 EXECUTE format('GRANT permesso_app TO %I', current_user);
             END IF;
         EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
         END $$",
    )
    .await
    .context("cannot make the role permesso_app: run once as a role with CREATEROLE, or make it by hand")?;
    Ok(())
}

/// Which installation the database belongs to: random, made with the schema and never changed.
///
/// # Errors
/// When Postgres cannot be reached, or its schema is older than this binary's.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn instance(db: &super::Db) -> anyhow::Result<Uuid> {
    let found = sqlx::query_scalar!("SELECT instance FROM configuration").fetch_one(db.pool()).await;
    found.context("the database's schema is older than this permesso: run `permesso migrate`")
}

/// Whether this binary may work on the schema, which may be newer.
///
/// # Errors
/// One line that says what to do.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn check(db: &super::Db) -> anyhow::Result<()> {
    let min: i32 = sqlx::query_scalar!("SELECT min_binary FROM configuration")
        .fetch_one(db.pool())
        .await
        .context("the database has no schema yet: run `permesso migrate`")?;
    if min > GENERATION {
        bail!("the database's schema needs a newer permesso (generation {min}, this one knows {GENERATION})");
    }
    Ok(())
}
