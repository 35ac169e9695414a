//! For whom a transaction works. Every query of tenant data takes an [`OrgScope`]; the few that work
//! across orgs take a [`SystemScope`] with its reason. Both set what row-level security asks for
//! (migrations/0006), so a query that forgets its org sees nothing of another.

use domain::OrgId;
use sqlx::{PgConnection, Postgres, Transaction};
use tokio::sync::OwnedMutexGuard;

use super::{Db, pool::Taken};
use crate::error::Result;

/// Why work across orgs is done; each is named by the policies that let it through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Reading the configuration: of an org, of a key, of people.
    Directory,
    /// Finding the person who signs in, their console sessions, the invitation of a link.
    SignIn,
    /// Making orgs and people, resetting passwords.
    Instance,
    /// Looking up the callers of an org's requests, who may be of another org: to claim, to decide, or to show them.
    Callers,
    /// Tidying approvals and invitations whose deadline has passed.
    Sweep,
    /// Writing audit records.
    Audit,
    /// Noting the last use of keys.
    Use,
    /// Work for one org that no caller asked for, such as listing an upstream's tools again.
    Upkeep,
}

impl Reason {
    /// The word that the policies name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Directory => "directory",
            Self::SignIn => "sign_in",
            Self::Instance => "instance",
            Self::Callers => "claim",
            Self::Sweep => "sweep",
            Self::Audit => "audit",
            Self::Use => "use",
            Self::Upkeep => "upkeep",
        }
    }
}

/// A transaction that sees one org. Dropping it rolls back.
pub struct OrgScope {
    tx: Taken<Transaction<'static, Postgres>>,
    org: OrgId,
    /// Given back after the transaction.
    _turn: Option<OwnedMutexGuard<()>>,
}

impl OrgScope {
    /// Begins a transaction for an org whose caller has been authenticated and authorized.
    ///
    /// # Errors
    /// When Postgres cannot be reached.
    pub async fn begin(db: &Db, org: OrgId) -> Result<Self> {
        Ok(Self { tx: begin(db, Some(org), None).await?, org, _turn: None })
    }

    /// Begins a transaction for one org on the system's own account, for the reason given.
    ///
    /// # Errors
    /// When Postgres cannot be reached.
    pub async fn system(db: &Db, org: OrgId, reason: Reason) -> Result<Self> {
        Ok(Self { tx: begin(db, Some(org), Some(reason)).await?, org, _turn: None })
    }

    /// Keeps a turn until the transaction has ended.
    pub fn keep(self, turn: OwnedMutexGuard<()>) -> Self {
        Self { _turn: Some(turn), ..self }
    }

    /// The org.
    pub fn org(&self) -> OrgId {
        self.org
    }

    /// The connection, for a query.
    pub fn conn(&mut self) -> &mut PgConnection {
        &mut self.tx.inner
    }

    /// Makes everything done in it durable.
    ///
    /// # Errors
    /// When Postgres cannot say that it is; it may be all the same.
    pub async fn commit(self) -> Result<()> {
        self.tx.commit().await
    }
}

/// A transaction across orgs. Dropping it rolls back.
pub struct SystemScope {
    tx: Taken<Transaction<'static, Postgres>>,
}

impl SystemScope {
    /// Begins a transaction that sees what the policies grant for `reason`.
    ///
    /// # Errors
    /// When Postgres cannot be reached.
    pub async fn begin(db: &Db, reason: Reason) -> Result<Self> {
        Ok(Self { tx: begin(db, None, Some(reason)).await? })
    }

    /// Begins a read-only transaction in which every query sees the database at one moment.
    ///
    /// # Errors
    /// When Postgres cannot be reached.
    pub async fn snapshot(db: &Db, reason: Reason) -> Result<Self> {
        let tx = db.open(Some("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")).await?;
        Ok(Self { tx: within(tx, None, Some(reason)).await? })
    }

    /// The connection, for a query.
    pub fn conn(&mut self) -> &mut PgConnection {
        &mut self.tx.inner
    }

    /// Makes everything done in it durable.
    ///
    /// # Errors
    /// When Postgres cannot say that it is; it may be all the same.
    pub async fn commit(self) -> Result<()> {
        self.tx.commit().await
    }
}

async fn begin(db: &Db, org: Option<OrgId>, reason: Option<Reason>) -> Result<Taken<Transaction<'static, Postgres>>> {
    within(db.open(None).await?, org, reason).await
}

#[tracing::instrument(level = "debug", skip_all)]
async fn within(
    mut tx: Taken<Transaction<'static, Postgres>>,
    org: Option<OrgId>,
    reason: Option<Reason>,
) -> Result<Taken<Transaction<'static, Postgres>>> {
    let org = org.map(|org| org.to_string()).unwrap_or_default();
    sqlx::query!(
        "SELECT set_config('app.org_id', $1, true) AS org, set_config('app.scope', $2, true) AS scope",
        org,
        reason.map_or("", Reason::as_str),
    )
    .fetch_one(&mut *tx.inner)
    .await?;
    Ok(tx)
}
