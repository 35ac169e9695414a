//! Brings the schema up to date, as its owner. Forward only.

use anyhow::{Context, bail};
use secrecy::SecretString;
use sqlx::{ConnectOptions, Connection, Executor, migrate::Migrator};
use uuid::Uuid;

use super::key_people::Narrowed;

static MIGRATIONS: Migrator = sqlx::migrate!("../migrations");

/// What this binary knows: a schema that asks for more (`configuration.min_binary`) is refused, any
/// other newer schema is accepted, so that two versions can work side by side during an upgrade.
pub const GENERATION: i32 = 1;

/// Makes the application's role if it is missing and applies what has not been applied.
/// Safe to run from several processes at once: the migrator holds an advisory lock.
///
/// # Errors
/// When Postgres cannot be reached or is older than 14, the role may not be made, or a migration
/// fails; each failed migration leaves nothing behind.
pub async fn migrate(url: &SecretString) -> anyhow::Result<()> {
    let mut conn = super::options(url)?.connect().await.context("cannot connect to Postgres to migrate")?;
    let version: i32 =
        sqlx::query_scalar("SELECT current_setting('server_version_num')::int").fetch_one(&mut conn).await?;
    if version < 140_000 {
        bail!("Postgres 14 or newer is needed; this server is version {}", version / 10_000);
    }
    make_role(&mut conn).await?;
    let mut migrations = sqlx::migrate::Migrator { ..Migrator::DEFAULT };
    migrations.migrations = MIGRATIONS.migrations.clone();
    migrations.ignore_missing = true;
    migrations.run(&mut conn).await.context("a migration failed")?;
    conn.close().await?;
    Ok(())
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
async fn make_role(conn: &mut sqlx::PgConnection) -> anyhow::Result<()> {
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
pub async fn instance(db: &super::Db) -> anyhow::Result<Uuid> {
    let found = sqlx::query_scalar!("SELECT instance FROM configuration").fetch_one(db.pool()).await;
    found.context("the database's schema is older than this permesso: run `permesso migrate`")
}

/// Whether the schema is there and this binary may work on it.
///
/// # Errors
/// One line that says what to do.
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
