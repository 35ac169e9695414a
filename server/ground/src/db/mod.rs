//! All SQL of the server, one file per aggregate. Functions take an [`OrgScope`] or, across orgs, a
//! [`SystemScope`]; nothing here decides anything. Each file names its table's row `Row`, a row to insert `New`, and the
//! columns that a caller sets `Content`.

pub mod api_key;
pub mod approval;
pub mod audit;
pub mod connection;
pub mod decider;
pub mod device;
pub mod directory;
pub mod idempotent_call;
pub mod instructions;
pub mod invitation;
pub mod key_people;
pub mod mcp_session;
pub mod member;
pub mod migrate;
pub mod org;
pub mod overview;
pub mod pool;
pub mod preferences;
pub mod reviewed;
pub mod role;
pub mod scope;
mod search;
pub mod session;
pub mod task;
pub mod tool;
pub mod toolkit;
pub mod toolkit_tool;
pub mod user;

use std::str::FromStr;

use secrecy::{ExposeSecret, SecretString};
use sqlx::{ConnectOptions, postgres::PgConnectOptions};

pub use pool::{Db, Pools};
pub use scope::{OrgScope, Reason, SystemScope};

/// The role that the application works as; it owns nothing.
pub const APP_ROLE: &str = "permesso_app";

/// Makes the audit writer's own connections, which see nothing and may insert audit records of all
/// orgs: set once for the session, so that a batch costs no statement more.
#[derive(Clone, Debug)]
pub struct AuditConnector {
    options: PgConnectOptions,
    set_role: bool,
}

impl AuditConnector {
    /// For the same database and role as [`Pools::connect`].
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
    #[tracing::instrument(level = "debug", skip_all)]
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
