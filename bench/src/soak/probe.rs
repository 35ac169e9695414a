//! Asks every gateway without end whether it lives.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use tokio::{task::JoinSet, time::sleep};

use super::book::{Book, Fault, Faulty};

/// Between two questions to one gateway.
const PAUSE: Duration = Duration::from_millis(100);
/// `/livez` waits for nothing: what takes so long does not live.
const PATIENCE: Duration = Duration::from_secs(10);

/// When it was asked, and how long the answer took, in microseconds.
pub(super) type Probed = Vec<(Instant, u32)>;

/// The questions; they end with it. A question without the right answer is a fault.
pub(super) struct Probe {
    _asking: JoinSet<()>,
    answered: Arc<Mutex<Probed>>,
}

impl Probe {
    /// # Errors
    /// When there is no client.
    pub(super) fn start(gateways: &[String], book: &Arc<Book>) -> anyhow::Result<Self> {
        let answered = Arc::<Mutex<Probed>>::default();
        let mut asking = JoinSet::new();
        for (gateway, url) in gateways.iter().enumerate() {
            // Each question has a connection of its own, as one of an orchestrator has.
            let http = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).timeout(PATIENCE).build()?;
            asking.spawn(ask(http, format!("{url}/livez"), gateway, book.clone(), answered.clone()));
        }
        Ok(Self { _asking: asking, answered })
    }

    /// What was answered until now.
    pub(super) fn answered(&self) -> Probed {
        self.answered.lock().clone()
    }
}

async fn ask(http: reqwest::Client, url: String, gateway: usize, book: Arc<Book>, answered: Arc<Mutex<Probed>>) {
    loop {
        let sent = Instant::now();
        let fault = match http.get(&url).send().await {
            Ok(response) if response.status().is_success() => None,
            Ok(response) => Some(Fault::Http(response.status().as_u16())),
            Err(error) if error.is_connect() => Some(Fault::Refused),
            Err(error) if error.is_timeout() => Some(Fault::Overdue),
            Err(_) => Some(Fault::Broke),
        };
        match fault {
            None => answered.lock().push((sent, u32::try_from(sent.elapsed().as_micros()).unwrap_or(u32::MAX))),
            Some(fault) => {
                book.fault(Faulty { fault, gateway, sent, at: Instant::now(), about: "GET /livez".to_owned() });
            }
        }
        sleep(PAUSE).await;
    }
}
