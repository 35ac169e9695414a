//! A TCP proxy before Postgres that can be cut and mended: the database goes away for one gateway
//! while the test still looks into it.

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream, UnixStream},
    sync::Notify,
    task::JoinSet,
};

/// The proxy; it ends with the test.
pub(crate) struct Proxy {
    pub(crate) url: SecretString,
    connections: Arc<tokio::sync::Mutex<JoinSet<()>>>,
    open: Arc<std::sync::atomic::AtomicBool>,
    stalled: Arc<Notify>,
    task: tokio::task::JoinHandle<()>,
}

impl Proxy {
    /// Stands before the server of this URL.
    pub(crate) async fn before(database: &SecretString) -> Self {
        let mut url: url::Url = database.expose_secret().parse().expect("a URL");
        let target = Target::of(&url);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        url.set_query(None);
        url.set_host(Some("127.0.0.1")).expect("a host");
        url.set_port(Some(address.port())).expect("a port");
        let connections = Arc::new(tokio::sync::Mutex::new(JoinSet::new()));
        let open = Arc::new(std::sync::atomic::AtomicBool::new(true));
        let stalled = Arc::new(Notify::new());
        let task = tokio::spawn({
            let (connections, open, stalled) = (connections.clone(), open.clone(), stalled.clone());
            async move {
                while let Ok((mut client, _)) = listener.accept().await {
                    if !open.load(std::sync::atomic::Ordering::SeqCst) {
                        continue;
                    }
                    let (target, stalled) = (target.clone(), stalled.clone().notified_owned());
                    connections.lock().await.spawn(async move {
                        let mut joined = std::pin::pin!(target.join(&mut client));
                        tokio::select! {
                            () = &mut joined => {}
                            () = stalled => std::future::pending().await,
                        }
                    });
                }
            }
        });
        Self { url: url.to_string().into(), connections, open, stalled, task }
    }

    /// Cuts every connection and accepts no new one.
    pub(crate) async fn cut(&self) {
        self.open.store(false, std::sync::atomic::Ordering::SeqCst);
        self.connections.lock().await.shutdown().await;
    }

    /// Carries nothing more on the connections that there are, and ends none. New ones work.
    pub(crate) fn stall(&self) {
        self.stalled.notify_waiters();
    }

    /// Lets connections through again.
    pub(crate) fn mend(&self) {
        self.open.store(true, std::sync::atomic::Ordering::SeqCst);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[derive(Clone)]
enum Target {
    Tcp(String),
    Unix(String),
}

impl Target {
    fn of(url: &url::Url) -> Self {
        let port = url.port().unwrap_or(5432);
        match url.query_pairs().find(|(name, _)| name == "host") {
            Some((_, directory)) => Self::Unix(format!("{directory}/.s.PGSQL.{port}")),
            None => Self::Tcp(format!("{}:{port}", url.host_str().unwrap_or("127.0.0.1"))),
        }
    }

    async fn join(&self, client: &mut TcpStream) {
        match self {
            Self::Tcp(address) => {
                if let Ok(mut server) = TcpStream::connect(address).await {
                    let _ = copy_bidirectional(client, &mut server).await;
                }
            }
            Self::Unix(path) => {
                if let Ok(mut server) = UnixStream::connect(path).await {
                    let _ = copy_bidirectional(client, &mut server).await;
                }
            }
        }
    }
}
