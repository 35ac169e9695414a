//! Accepts connections and serves HTTP/1.1 on each, within a client's limits: the timeout for a request's head, the
//! timeouts for an idle client and for one that does not read, and the number of connections. The timeout of a body is
//! set where bodies are read (`api::support::body`, `mcp::entry::endpoint`); while a request is in flight, only the
//! reading of its answer is timed.

mod files;
mod linger;
mod room;

use std::{
    future::Future,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use axum::{
    Router,
    extract::ConnectInfo,
    serve::{Listener, ListenerExt},
};
use hyper::{
    Request,
    body::Incoming,
    rt::{Sleep, Timer},
    server::conn::http1,
    service::{Service, service_fn},
};
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use tokio::net::{TcpListener, TcpStream};
use tokio_io_timeout::TimeoutStream;
use tokio_util::{io::InspectReader, sync::CancellationToken, task::TaskTracker};

use self::{
    linger::Lingering,
    room::{ConnectionSeat, Room},
};
use super::peer::Proxies;
use crate::service::access::Acquaintance;

/// A client's limits before it has authenticated.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionLimits {
    /// How long a request's head may take, from its first byte.
    pub head: Duration,
    /// How long a connection may be idle, if a credential was accepted on it or a trusted proxy opened it; any other
    /// connection has twice the time of a head. A client that sends a request just when this ends cannot know whether
    /// it was received, and a POST is not simply retried (RFC 9110, 9.2.2). This is therefore longer than clients and
    /// proxies keep an idle connection, so that they close it first.
    pub idle: Duration,
    /// How long an answer waits for its reader without a byte being read.
    pub unread: Duration,
    /// How long, after the last answer on a connection, further bytes from the client are read and discarded, so that
    /// it can read that answer.
    pub rest: Duration,
    /// How many connections may be open. When all are taken, a new one replaces the oldest on which no credential was
    /// accepted; if there is none, it waits.
    pub open: usize,
    /// How many connections one address may have (an IPv4 address, a /64 of IPv6); further ones are closed. A trusted
    /// proxy, which stands for many clients, may have all.
    pub per_address: usize,
}

impl Default for ConnectionLimits {
    /// Among those that keep idle connections long: Go and reqwest 90 s, Caddy 2 minutes and Google's load balancers
    /// 10.
    fn default() -> Self {
        let (head, idle, unread) = (Duration::from_secs(30), Duration::from_secs(620), Duration::from_secs(60));
        Self { head, idle, unread, rest: Duration::from_secs(30), open: 10_000, per_address: 1_000 }
    }
}

/// Accepts connections until `stop`, then waits until all have ended. Connections do not end with this future: requests
/// on them continue.
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    limits: ConnectionLimits,
    proxies: Arc<Proxies>,
    stop: CancellationToken,
) {
    // A small answer must not wait for the client's acknowledgement of the one before.
    let mut listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    let router = TowerToHyperService::new(router);
    let limits = limits.within_open_files();
    let room = Room::new(&limits);
    let connections = TaskTracker::new();
    // If the system has no resources left (too many open files), axum's listener logs that and retries after a second.
    while let Some((stream, peer)) = stop.run_until_cancelled(listener.accept()).await {
        let is_proxy = proxies.is_trusted(peer.ip());
        let Some(seat) = stop.run_until_cancelled(room.seat(peer.ip(), is_proxy)).await else { break };
        // Without a seat it is closed here, unread.
        let Some(seat) = seat else { continue };
        let (router, stop) = (router.clone(), stop.clone());
        connections.spawn(converse(stream, peer, is_proxy, seat, router, limits, stop));
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

/// Serves one connection to its end.
async fn converse(
    stream: TcpStream,
    peer: SocketAddr,
    is_proxy: bool,
    seat: ConnectionSeat,
    router: TowerToHyperService<Router>,
    limits: ConnectionLimits,
    stop: CancellationToken,
) {
    let acquaintance = &seat.acquaintance;
    let heads = Heads { within: limits.head, is_proxy, acquaintance: acquaintance.clone(), begun: Arc::default() };
    let begun = heads.begun.clone();
    let mut stream = TimeoutStream::new(InspectReader::new(stream, move |_| begun.store(true, Ordering::Relaxed)));
    stream.set_write_timeout(Some(limits.unread));
    let stream = Lingering::new(Box::pin(stream), limits.rest, stop.clone());
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        request.extensions_mut().insert(acquaintance.clone());
        router.call(request)
    });
    let mut http = http1::Builder::new();
    http.timer(heads).header_read_timeout(limits.idle);
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = seat.taken_back.cancelled() => return,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::trace!(%peer, %error, "connection ended");
    }
}

/// The timer of one connection. hyper uses it for one thing: to be woken when a head takes too long, counted from the
/// start of the connection or the end of the last answer. That is the idle timeout; once the head has begun, the
/// timeout is shorter.
struct Heads {
    within: Duration,
    is_proxy: bool,
    /// Without an accepted credential there was no call on this connection, and so none that may follow.
    acquaintance: Acquaintance,
    /// Whether anything was read since hyper began to wait.
    begun: Arc<AtomicBool>,
}

impl Timer for Heads {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(Instant::now() + duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        self.begun.store(false, Ordering::Relaxed);
        let is_kept = self.is_proxy || self.acquaintance.is_made();
        let deadline = if is_kept { deadline } else { deadline.min(Instant::now() + 2 * self.within) };
        let sleep = Box::pin(tokio::time::sleep_until(deadline.into()));
        Box::pin(Head { sleep, within: self.within, begun: self.begun.clone(), noticed: false })
    }
}

/// Resolves when a head has taken too long. hyper polls it whenever it has read less than a whole head.
struct Head {
    sleep: Pin<Box<tokio::time::Sleep>>,
    within: Duration,
    begun: Arc<AtomicBool>,
    noticed: bool,
}

impl Future for Head {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if !self.noticed && self.begun.load(Ordering::Relaxed) {
            self.noticed = true;
            let whole = tokio::time::Instant::now() + self.within;
            let deadline = self.sleep.deadline().min(whole);
            self.sleep.as_mut().reset(deadline);
        }
        self.sleep.as_mut().poll(context)
    }
}

impl Sleep for Head {}
