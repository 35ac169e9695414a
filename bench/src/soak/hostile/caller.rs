//! The hostile caller: has a key like any agent, and does one thing without end. It takes every answer as it comes.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use tokio::time::{sleep, timeout};

use super::bodies::Attack;
use crate::soak::{book::Book, line::Access};

/// How many of the caller's requests were answered with each status, or not at all for each reason.
pub(super) type Answers = Mutex<BTreeMap<String, u64>>;

/// The longest pause between two of its requests, in seconds. Without any, a machine of two cores would be busy with
/// making and reading them.
const LONGEST_PAUSE: f64 = 0.1;

/// One of its loops.
pub(super) struct Caller {
    pub(super) attack: Attack,
    pub(super) bodies: Vec<String>,
    pub(super) access: Access,
    pub(super) random: fastrand::Rng,
    pub(super) answers: Arc<Answers>,
    pub(super) book: Arc<Book>,
}

impl Caller {
    /// Goes on until it is dropped.
    pub(super) async fn work(mut self) {
        for nth in 0_usize.. {
            let patience = self.attack.patience();
            let body = self.attack.anew(&self.bodies[nth % self.bodies.len()], nth);
            let at = self.random.usize(..self.access.gateways.len());
            let sent = Instant::now();
            let answer = match timeout(patience, self.send(at, body)).await {
                Ok(Ok(status)) => format!("HTTP {status}"),
                Ok(Err(error)) if error.is_connect() => "without a connection".to_owned(),
                // A gateway may hang up on a body that it does not read, or be the one that is killed.
                Ok(Err(_)) => "broken off".to_owned(),
                Err(_) => format!("given up after {} s", patience.as_secs_f64()),
            };
            if answer == "HTTP 500" {
                let (attack, took) = (self.attack, sent.elapsed());
                self.book.complain(format!("{answer} for the hostile caller ({attack:?}) after {took:?}"));
            }
            *self.answers.lock().entry(answer).or_default() += 1;
            sleep(Duration::from_secs_f64(LONGEST_PAUSE * self.random.f64())).await;
        }
    }

    async fn send(&self, at: usize, body: String) -> reqwest::Result<u16> {
        let url = format!("{}{}", self.access.gateways[at], self.access.path);
        let request = self.access.http.post(url).bearer_auth(&self.access.key);
        let request = request.header("accept", "application/json").header("content-type", "application/json");
        let mut response = request.body(body).send().await?;
        while response.chunk().await?.is_some() {}
        Ok(response.status().as_u16())
    }
}
