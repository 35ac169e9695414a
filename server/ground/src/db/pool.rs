//! The application's connections to Postgres, in pools that cannot take from each other: however many calls agents
//! make, people and the upkeep have connections of their own, and the other way round.
//!
//! A pool has a queue, first come, first served. Whoever has a connection must not ask for another one, nor wait for
//! an upstream, a person or a turn: so each connection comes back, and the queue moves.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use secrecy::SecretString;
use sqlx::{
    PgConnection, PgPool, Postgres, Transaction,
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::APP_ROLE;
use crate::{
    error::{Error, Result},
    metrics,
};

/// How long whoever needs a connection waits for those before them, and as long again for Postgres to accept one: longer
/// than any burst takes, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(15);

/// The pools of one process. New code takes the one that its work belongs to; `server/tests/it/layers.rs` knows which
/// module works for whom.
#[derive(Clone, Debug)]
pub struct Pools {
    /// For the calls of agents: sessions, approvals opened, waited for and claimed, outcomes written down.
    pub calls: Db,
    /// For people and programs over REST, their sessions and event streams.
    pub people: Db,
    /// For what nobody waits for: sweeps, periodic jobs, the upstreams' tool lists, the LISTEN connection.
    pub upkeep: Db,
    /// For the configuration, without which nothing is let in, and the check of readiness.
    pub directory: Db,
}

/// How many connections each pool has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shares {
    calls: u32,
    people: u32,
    upkeep: u32,
    directory: u32,
}

impl Shares {
    /// The fewest connections that can be shared out.
    const LEAST: u32 = 6;
    /// The one that listens is kept for good.
    const LISTEN: u32 = 1;

    /// Shares `total` out: a fifth is for the configuration, 2 to 8, and a seventh of the rest for the upkeep; what is left
    /// is for people and agents by halves.
    fn of(total: u32) -> Self {
        let total = total.max(Self::LEAST);
        let directory = (total / 5).clamp(2, 8);
        let rest = total - directory - Self::LISTEN;
        let upkeep = (rest / 7).max(1);
        let people = (rest - upkeep) / 2;
        Self { calls: rest - upkeep - people, people, upkeep, directory }
    }
}

impl Pools {
    /// Connects as the application's role: by `SET ROLE` where `url` is also the owner's
    /// (`set_role`), else as the role that the URL names. The pools have `connections` together, 6 at least.
    ///
    /// # Errors
    /// When Postgres cannot be reached, or the role could pass row-level security by: superuser,
    /// `BYPASSRLS` or owner of the tables.
    pub async fn connect(url: &SecretString, set_role: bool, connections: u32) -> anyhow::Result<Self> {
        let options = super::options(url)?;
        let shares = Shares::of(connections);
        let pools = Self {
            calls: Db::new(&options, set_role, ("calls", "calls of agents"), shares.calls, 0),
            people: Db::new(&options, set_role, ("people", "the console and the REST API"), shares.people, 0),
            upkeep: Db::new(&options, set_role, ("upkeep", "upkeep"), shares.upkeep, Shares::LISTEN),
            directory: Db::new(&options, set_role, ("directory", "the configuration"), shares.directory, 0),
        };
        pools.directory.refuse_privileged_role().await?;
        Ok(pools)
    }

    /// Where the LISTEN connection comes from, which is kept for good and takes no turn.
    pub fn for_listening(&self) -> PgPool {
        self.upkeep.pool.clone()
    }
}

/// One pool. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Db {
    pool: PgPool,
    /// Whose turn it is. As many as the pool has connections: whoever has a turn waits for Postgres alone.
    turns: Arc<Semaphore>,
    size: u32,
    /// What the metrics call it.
    name: &'static str,
    /// What it is for, as a message names it.
    serves: &'static str,
}

/// What a new connection of a pool is told once.
#[tracing::instrument(level = "debug", skip_all)]
async fn prepare(conn: &mut PgConnection, set_role: bool) -> sqlx::Result<()> {
    if set_role {
        sqlx::query("SET ROLE permesso_app").execute(&mut *conn).await?;
    }
    // A statement that outlives every lease and every client helps nobody.
    sqlx::query("SET statement_timeout = '30s'").execute(&mut *conn).await?;
    sqlx::query("SET idle_in_transaction_session_timeout = '60s'").execute(conn).await?;
    Ok(())
}

/// Something of a pool: a connection, a transaction. The turn ends when it is dropped.
pub(super) struct Taken<T> {
    pub(super) inner: T,
    _turn: OwnedSemaphorePermit,
}

impl Taken<Transaction<'static, Postgres>> {
    /// Makes everything done in it durable; then the turn ends.
    pub(super) async fn commit(self) -> Result<()> {
        Ok(self.inner.commit().await?)
    }
}

impl Db {
    /// A pool that opens half of its connections ahead and the others as they are needed: `size` of them take turns, and
    /// `kept` more are for whoever never gives them back.
    fn new(
        options: &PgConnectOptions,
        set_role: bool,
        (name, serves): (&'static str, &'static str),
        size: u32,
        kept: u32,
    ) -> Self {
        let pool = PgPoolOptions::new()
            .max_connections(size + kept)
            // A burst does not begin with making all of them.
            .min_connections(size / 2)
            .acquire_timeout(PATIENCE)
            .after_connect(move |conn, _| Box::pin(prepare(conn, set_role)))
            .connect_lazy_with(options.clone());
        let turns = Arc::new(Semaphore::new(usize::try_from(size).unwrap_or(Semaphore::MAX_PERMITS)));
        Self { pool, turns, size, name, serves }
    }

    /// How many connections take turns.
    pub fn size(&self) -> usize {
        usize::try_from(self.size).unwrap_or(usize::MAX)
    }

    /// The pool without its queue, for the start.
    pub(super) fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Waits for a turn, so long at most.
    ///
    /// # Errors
    /// Unavailable, naming the pool, when none came up.
    async fn turn(&self, patience: Duration) -> Result<OwnedSemaphorePermit> {
        let began = Instant::now();
        let turn = tokio::time::timeout(patience, self.turns.clone().acquire_owned()).await;
        metrics::waited_for_database(self.name, began.elapsed());
        turn.map_err(|_| {
            Error::unavailable(format!(
                "all database connections for {} were busy for {} s; nothing was done, try again",
                self.serves,
                patience.as_secs()
            ))
        })?
        .map_err(Error::internal)
    }

    /// A connection, for one statement.
    pub(super) async fn connection(&self) -> Result<Taken<PoolConnection<Postgres>>> {
        let turn = self.turn(PATIENCE).await?;
        Ok(Taken { inner: self.pool.acquire().await?, _turn: turn })
    }

    /// Opens a transaction, by this statement if one is given, in a task of its own, which also ends when who asked
    /// for it has gone: given up in the middle, sqlx 0.9.0 puts the connection back into the pool with the transaction
    /// open (its issue 4385), and the next one to use it would live in the past.
    pub(super) async fn open(&self, statement: Option<&'static str>) -> Result<Taken<Transaction<'static, Postgres>>> {
        let turn = self.turn(PATIENCE).await?;
        let pool = self.pool.clone();
        let opening = tokio::spawn(async move {
            let inner = match statement {
                Some(statement) => pool.begin_with(statement).await?,
                None => pool.begin().await?,
            };
            Ok::<_, sqlx::Error>(Taken { inner, _turn: turn })
        });
        Ok(opening.await.map_err(Error::internal)??)
    }

    /// Whether Postgres answers and can be written to.
    ///
    /// # Errors
    /// When it does not, or is read-only.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn ping(&self) -> Result<()> {
        let mut taken = self.connection().await?;
        let read_only = sqlx::query_scalar!(r#"SELECT pg_is_in_recovery() AS "read_only!""#);
        if read_only.fetch_one(&mut *taken.inner).await? {
            return Err(Error::unavailable("the database is read-only"));
        }
        Ok(())
    }

    #[tracing::instrument(level = "debug", skip_all)]
    async fn refuse_privileged_role(&self) -> anyhow::Result<()> {
        let mut conn = self.pool.acquire().await.context("cannot connect to Postgres with DATABASE_URL")?;
        let role = sqlx::query!(
            r#"SELECT current_user::text AS "name!", r.rolsuper AS "superuser!", r.rolbypassrls AS "bypass!",
                      EXISTS (SELECT FROM pg_class c WHERE c.relname = 'orgs' AND c.relkind = 'r'
                              AND pg_has_role(current_user, c.relowner, 'USAGE')) AS "owner!"
               FROM pg_roles r WHERE r.rolname = current_user"#
        )
        .fetch_one(&mut *conn)
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    /// Where no Postgres is.
    fn nowhere() -> Pools {
        let options = super::super::options(&"postgres://nobody@127.0.0.1:1/none".to_owned().into()).unwrap();
        let pool = |size| Db::new(&options, false, ("calls", "calls of agents"), size, 0);
        Pools { calls: pool(2), people: pool(1), upkeep: pool(1), directory: pool(1) }
    }

    #[test]
    fn every_pool_has_a_connection_and_together_they_have_no_more_than_they_may() {
        for total in 6..=1_000 {
            let Shares { calls, people, upkeep, directory } = Shares::of(total);
            assert!(calls > 0 && people > 0 && upkeep > 0 && directory > 1, "{total}");
            assert_eq!(calls + people + upkeep + directory + Shares::LISTEN, total);
        }
        assert_eq!(Shares::of(20), Shares { calls: 7, people: 6, upkeep: 2, directory: 4 });
    }

    #[tokio::test]
    async fn whoever_finds_every_connection_of_a_pool_busy_is_told_which_and_no_other_pool_is_concerned() {
        let pools = nowhere();
        let _busy = pools.calls.turns.clone().acquire_many_owned(2).await.unwrap();
        let error = pools.calls.turn(Duration::ZERO).await.unwrap_err();
        assert_eq!(error.code, "unavailable");
        assert_eq!(
            error.message,
            "all database connections for calls of agents were busy for 0 s; nothing was done, try again"
        );
        assert!(pools.people.turn(Duration::ZERO).await.is_ok());
    }
}
