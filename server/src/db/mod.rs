//! All SQL of the server, one file per aggregate. Functions take an [`OrgScope`] or, across orgs, a
//! [`SystemScope`]; nothing here decides anything.

pub mod api_key;
pub mod approval;
pub mod audit;
pub mod connection;
pub mod directory;
pub mod invitation;
pub mod mcp_session;
pub mod member;
pub mod migrate;
pub mod org;
pub mod role;
pub mod scope;
pub mod session;
pub mod task;
pub mod tool;
pub mod toolkit;
pub mod toolkit_tool;
pub mod user;

use std::{str::FromStr, time::Duration};

use anyhow::{Context, bail};
use secrecy::{ExposeSecret, SecretString};
use sqlx::{
    ConnectOptions, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

pub use scope::{OrgScope, Reason, SystemScope};

/// The role that the application works as; it owns nothing.
pub const APP_ROLE: &str = "permesso_app";

/// The application's connections to Postgres.
#[derive(Clone, Debug)]
pub struct Db {
    pool: PgPool,
}

impl Db {
    /// Connects as the application's role: by `SET ROLE` where `url` is also the owner's
    /// (`set_role`), else as the role that the URL names.
    ///
    /// # Errors
    /// When Postgres cannot be reached, or the role could pass row-level security by: superuser,
    /// `BYPASSRLS` or owner of the tables.
    pub async fn connect(url: &SecretString, set_role: bool, max_connections: u32) -> anyhow::Result<Self> {
        let pool = PgPoolOptions::new()
            .max_connections(max_connections)
            .acquire_timeout(Duration::from_secs(5))
            .after_connect(move |conn, _| {
                Box::pin(async move {
                    if set_role {
                        sqlx::query("SET ROLE permesso_app").execute(&mut *conn).await?;
                    }
                    // A statement that outlives every lease and every client helps nobody.
                    sqlx::query("SET statement_timeout = '30s'").execute(&mut *conn).await?;
                    sqlx::query("SET idle_in_transaction_session_timeout = '60s'").execute(conn).await?;
                    Ok(())
                })
            })
            .connect_with(options(url)?)
            .await
            .context("cannot connect to Postgres with DATABASE_URL")?;
        let db = Self { pool };
        db.refuse_privileged_role().await?;
        Ok(db)
    }

    /// The pool, for this module and its tests.
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Whether Postgres answers and can be written to.
    ///
    /// # Errors
    /// When it does not, or is read-only.
    pub async fn ping(&self) -> crate::error::Result<()> {
        let read_only =
            sqlx::query_scalar!(r#"SELECT pg_is_in_recovery() AS "read_only!""#).fetch_one(&self.pool).await?;
        if read_only {
            return Err(crate::error::Error::unavailable("the database is read-only"));
        }
        Ok(())
    }

    async fn refuse_privileged_role(&self) -> anyhow::Result<()> {
        let role = sqlx::query!(
            r#"SELECT current_user::text AS "name!", r.rolsuper AS "superuser!", r.rolbypassrls AS "bypass!",
                      EXISTS (SELECT FROM pg_class c WHERE c.relname = 'orgs' AND c.relkind = 'r'
                              AND pg_has_role(current_user, c.relowner, 'USAGE')) AS "owner!"
               FROM pg_roles r WHERE r.rolname = current_user"#
        )
        .fetch_one(&self.pool)
        .await
        .context("cannot read the database role")?;
        let problem = if role.superuser {
            "is a superuser"
        } else if role.bypass {
            "has BYPASSRLS"
        } else if role.owner {
            "owns the tables"
        } else {
            return Ok(());
        };
        bail!(
            "the database role {} {problem}, so row-level security would not bind it: let DATABASE_URL name a plain role \
             that was granted {APP_ROLE}, and give the owner's URL as PERMESSO_MIGRATE_URL",
            role.name
        );
    }
}

/// Makes the audit writer's own connections, which see nothing and may insert audit records of all
/// orgs: set once for the session, so that a batch costs no statement more.
#[derive(Clone, Debug)]
pub struct AuditConnector {
    options: PgConnectOptions,
    set_role: bool,
}

impl AuditConnector {
    /// For the same database and role as [`Db::connect`].
    ///
    /// # Errors
    /// When the URL cannot be read.
    pub fn new(url: &SecretString, set_role: bool) -> anyhow::Result<Self> {
        Ok(Self { options: options(url)?, set_role })
    }

    /// A new connection.
    ///
    /// # Errors
    /// When Postgres cannot be reached.
    pub async fn connect(&self) -> sqlx::Result<sqlx::PgConnection> {
        let mut conn = self.options.connect().await?;
        if self.set_role {
            sqlx::query("SET ROLE permesso_app").execute(&mut conn).await?;
        }
        sqlx::query("SET statement_timeout = '30s'").execute(&mut conn).await?;
        sqlx::query!("SELECT set_config('app.scope', $1, false)", Reason::Audit.as_str()).fetch_one(&mut conn).await?;
        Ok(conn)
    }
}

/// Reads a database URL; its password stays out of errors.
pub(crate) fn options(url: &SecretString) -> anyhow::Result<PgConnectOptions> {
    PgConnectOptions::from_str(url.expose_secret()).map(|options| options.application_name("permesso")).map_err(|_| {
        anyhow::anyhow!("the database URL cannot be read: expected postgres://user:password@host:port/database")
    })
}

/// Fails unless exactly one row changed, naming table and row: a guard in SQL disagreed with the
/// code that decided.
pub(crate) fn expect_one_row(
    table: &'static str,
    row: impl std::fmt::Display,
    changed: u64,
) -> crate::error::Result<()> {
    if changed == 1 {
        return Ok(());
    }
    Err(crate::error::Error::internal(format!("{table} {row}: expected one row to change, {changed} did")))
}
