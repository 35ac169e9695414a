//! Binds, runs and stops: no request is cut off that can still be answered, and no dispatched call is left without its
//! outcome.

use std::{future::Future, sync::Arc, time::Duration};

use futures::future::join_all;
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::task::TaskTracker;

use super::{connections, host::Hosts, peer::Proxies, router::router, state::App};
use crate::{
    jobs,
    mcp::origin::Origins,
    service::{Services, call},
};

/// How long the last bytes of answers have to reach the network, where connections stay open.
const LAST_BYTES: Duration = Duration::from_millis(300);

/// Serves on `listener` until `stop` resolves, then ends in order: accepts no new requests, finishes those in flight,
/// finishes dispatched calls, closes upstreams, and records everything. Work that is not finished within the grace
/// period is abandoned and can no longer record anything: a response that nobody reads would never finish.
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    app: App,
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    let App { services, writers, console, allowed_hosts, allowed_origins, trusted_proxies, grace, connection_limits } =
        app;
    let address = listener.local_addr()?;
    let hosts = Hosts::new(&services.public_url, address, &allowed_hosts);
    let origins = Origins::new(&services.public_url, &allowed_origins);
    let proxies = Arc::new(Proxies::new(trusted_proxies));
    tracing::info!(%address, %hosts, %origins, %proxies, "who is let in");
    if services.is_https() && proxies.is_nobody() {
        tracing::warn!(
            "PERMESSO_PUBLIC_URL is https, so a proxy stands in front, and PERMESSO_TRUSTED_PROXIES does not name it: \
             everybody behind it counts as one address, for connections and for wrong passwords"
        );
    }
    if let Some(warning) = services.upstreams.children().warning() {
        tracing::warn!("{warning}");
    }
    let mut background = start(&services);
    let stopping = services.stop.clone();
    tokio::spawn(async move {
        stop.await;
        tracing::info!("stopping");
        stopping.cancel();
    });
    let requests = TaskTracker::new();
    let router = router(services.clone(), console, hosts, origins, proxies.clone(), requests.clone());
    let server = connections::serve(listener, router, connection_limits, proxies, services.stop.clone());
    let stopping = services.stop.clone();
    let finished = async {
        stopping.cancelled().await;
        requests.close();
        if tokio::time::timeout(grace, requests.wait()).await.is_err() {
            tracing::warn!("some requests did not end in time");
        }
        tokio::time::sleep(LAST_BYTES).await;
    };
    tokio::select! {
        () = server => {}
        () = finished => {}
    }
    services.dispatched.close();
    if tokio::time::timeout(grace, services.dispatched.wait()).await.is_err() {
        tracing::warn!("some dispatched calls did not end in time; their outcome will be unknown");
    }
    services.upstreams.close().await;
    while background.join_next().await.is_some() {}
    services.audit.close();
    if tokio::time::timeout(grace, join_all(writers)).await.is_err() {
        tracing::error!("audit records could not be written before the end");
    }
    Ok(())
}

fn start(services: &Arc<Services>) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    tasks.spawn(services.live.clone().listen(services.db.for_listening(), services.stop.clone()));
    tasks.spawn(services.directory.clone().keep_current(services.live.clone(), services.stop.clone()));
    tasks.spawn(call::run_approved(services.calls.clone()));
    jobs::start(&mut tasks, services);
    tasks
}

/// Resolves on SIGINT or SIGTERM.
pub async fn signalled() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
