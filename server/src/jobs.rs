//! Periodic work. What concerns the database is done by one replica at a time, by advisory lock;
//! what concerns this process by each.

use std::{future::Future, sync::Arc, time::Duration};

use tokio::task::JoinSet;

use crate::{
    db,
    error::Result,
    service::{Services, approval, connection, key},
};

/// Starts everything periodic; it ends with `services.stop`.
pub fn start(tasks: &mut JoinSet<()>, services: &Arc<Services>) {
    every(tasks, services, "sweep", Duration::from_secs(1), |s| async move { approval::sweep(&s).await.map(|_| ()) });
    every(tasks, services, "key uses", Duration::from_secs(3), |s| async move { key::flush(&s).await });
    every(tasks, services, "tool lists", Duration::from_secs(5), |s| async move {
        connection::refresh_used(&s).await;
        Ok(())
    });
    every(tasks, services, "audit partitions", Duration::from_secs(3_600), |s| async move {
        db::audit::ensure_partitions(&s.db).await
    });
    every(tasks, services, "throttle", Duration::from_secs(300), |s| async move {
        s.throttle.forget_old();
        Ok(())
    });
    tasks.spawn(follow_list_changes(services.clone()));
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
                Err(error) if !unwell => {
                    unwell = true;
                    tracing::warn!(job = name, %error, "periodic work failed; it is tried again");
                }
                Err(_) => {}
            }
        }
    });
}

/// An upstream that says that its tools changed is asked at once.
async fn follow_list_changes(services: Arc<Services>) {
    let mut changes = services.upstreams.list_changed();
    loop {
        let id = tokio::select! {
            () = services.stop.cancelled() => return,
            id = changes.recv() => id,
        };
        match id {
            Ok(id) => connection::list_changed(&services, id.into()).await,
            // Missed some: the lists are refreshed by age as well.
            Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => {}
            Err(tokio::sync::broadcast::error::RecvError::Closed) => return,
        }
    }
}
