//! Periodic work. What concerns the database is done by one replica at a time, by advisory lock;
//! what concerns this process by each.

use std::{future::Future, sync::Arc, time::Duration};

use tokio::task::JoinSet;

use crate::{
    db,
    error::Result,
    metrics,
    service::{
        Services,
        approval::{self, bound},
        call,
        catalog::connection,
        identity::{invitation, key, session},
        mcp_session,
    },
};

/// Starts everything periodic; it ends with `services.stop`.
pub fn start(tasks: &mut JoinSet<()>, services: &Arc<Services>) {
    every(tasks, services, "sweep", Duration::from_secs(1), |s| async move { approval::sweep(&s).await.map(|_| ()) });
    every(tasks, services, "key uses", Duration::from_secs(3), |s| async move { key::flush(&s).await });
    every(tasks, services, "audit partitions", Duration::from_secs(3_600), |s| async move {
        db::audit::ensure_partitions(&s.db.upkeep).await
    });
    tasks.spawn(metrics::upkeep(services.stop.clone()));
    every(tasks, services, "ended sessions", Duration::from_secs(600), |s| async move { session::sweep(&s).await });
    every(
        tasks,
        services,
        "expired invitations",
        Duration::from_secs(600),
        |s| async move { invitation::sweep(&s).await },
    );
    every(
        tasks,
        services,
        "idle MCP sessions",
        Duration::from_secs(600),
        |s| async move { mcp_session::sweep(&s).await },
    );
    every(
        tasks,
        services,
        "old idempotency keys",
        Duration::from_secs(600),
        |s| async move { call::sweep_keys(&s).await },
    );
    tasks.spawn(mcp_session::follow(services.calls.clone(), services.stop.clone()));
    every(tasks, services, "ended tasks", Duration::from_secs(600), |s| async move {
        call::task::sweep(&s).await.map(|_| ())
    });
    every(tasks, services, "new input schemas", Duration::from_secs(1), |s| async move { connection::judge(&s).await });
    tasks.spawn(bound::follow(services.base.clone(), services.stop.clone()));
    tasks.spawn(connection::follow(services.catalog.clone(), services.stop.clone()));
    tasks.spawn(connection::keep_listing(services.catalog.clone(), services.stop.clone()));
}

fn every<F, Fut>(tasks: &mut JoinSet<()>, services: &Arc<Services>, name: &'static str, pause: Duration, job: F)
where
    F: Fn(Arc<Services>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<()>> + Send,
{
    let services = services.clone();
    tasks.spawn(async move {
        let mut unwell = false;
        loop {
            tokio::select! {
                () = services.stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
            match job(services.clone()).await {
                Ok(()) => unwell = false,
                Err(error) => {
                    metrics::job_failed();
                    if !std::mem::replace(&mut unwell, true) {
                        tracing::warn!(job = name, %error, "periodic work failed; it is tried again");
                    }
                }
            }
        }
    });
}
