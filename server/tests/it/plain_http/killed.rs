//! At most once when a gateway's process is killed, counted in the ledger's own file.

use std::ops::Deref;

use nix::sys::signal::Signal;
use serde_json::json;
use tokio::task::JoinHandle;

use super::{id_of, is};
use crate::support::{
    client::Answer,
    database::database,
    eventually,
    ledger::{Ledger, SEND_INVOICE},
    process::Process,
};

const KEY: &str = "invoice-2026-0042";

/// The ledger behind two gateway processes; the second one is there to be killed.
struct Pair {
    ledger: Ledger,
    first: Process,
    second: Process,
}

impl Deref for Pair {
    type Target = Ledger;

    fn deref(&self) -> &Ledger {
        &self.ledger
    }
}

impl Pair {
    /// Sending takes `delay_ms` after it was written.
    async fn new(permission: &str, delay_ms: u64) -> Self {
        let database = database().await;
        let (first, second) = (Process::gateway(&database), Process::gateway(&database));
        let ledger = Ledger::new(&first, database, permission, delay_ms).await;
        Self { ledger, first, second }
    }

    /// Sends the invoice through a gateway, which goes on by itself whatever becomes of that.
    fn send(&self, url: &str, wait_seconds: u64) -> JoinHandle<Option<Answer>> {
        let agent = self.agent.at(url);
        let invoice = json!({"customer": "Ada", "amount_cents": 1250, "currency": "EUR"});
        let more = json!({"idempotency_key": KEY, "wait_seconds": wait_seconds});
        let body = super::body("send_invoice", invoice, more).to_string();
        let path = format!("/api/v1{}", super::CALL);
        tokio::spawn(async move { agent.try_send(reqwest::Method::POST, &path, Some(body), &[]).await.ok() })
    }

    /// What a gateway answers.
    async fn told(&self, url: &str, wait_seconds: u64) -> Answer {
        self.send(url, wait_seconds).await.expect("it ends").expect("it answers")
    }

    /// Sends the invoice through the second gateway, kills that between dispatch and answer, and starts it again.
    async fn kill_between(&mut self) {
        let lost = self.send(&self.second.url, 0);
        eventually("it was sent", || async { self.sent() == 1 }).await;
        self.second.signal(Signal::SIGKILL);
        assert!(lost.await.expect("it ends").is_none(), "the client lost its gateway");
        self.second = Process::gateway(&self.database);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_between_dispatch_and_answer_a_keyed_call_is_unknown_and_never_sent_again() {
    let mut ledger = Pair::new("always_allow", 3_000).await;
    ledger.kill_between().await;
    // Until it is known that the dispatcher is gone it may be under way.
    for url in [&ledger.first.url, &ledger.second.url] {
        let answer = ledger.told(url, 0).await;
        match answer.status.as_u16() {
            409 => assert_eq!(answer.code(), "in_progress", "{}", answer.text),
            _ => is(&answer.expect(200), "outcome_unknown", false),
        }
    }
    // Who waits is told when it is known.
    let waiting = [&ledger.first.url, &ledger.second.url].map(|url| ledger.send(url, 120));
    for call in waiting {
        let told = call.await.expect("it ends").expect("it answers").expect(200);
        is(&told, "outcome_unknown", false);
        assert!(told["result"].is_null(), "{told}");
    }
    for url in [&ledger.first.url, &ledger.second.url] {
        is(&ledger.told(url, 0).await.expect(200), "outcome_unknown", false);
    }
    // What the tool is by now frees it as little.
    for permission in ["blocked", "needs_approval", "always_allow"] {
        let tool = json!({"connection": "ledger", "tool": "send_invoice", "permission": permission});
        ledger.admin.put(SEND_INVOICE, tool).await.expect(200);
        let answer = ledger.told(&ledger.first.url, 0).await;
        assert!(permission == "blocked" || answer.json()["status"] == "outcome_unknown", "{}", answer.text);
    }
    assert_eq!(ledger.sent(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_between_claim_and_answer_an_approved_call_with_a_key_is_unknown_and_never_sent_again() {
    let mut ledger = Pair::new("needs_approval", 3_000).await;
    let id = id_of(&ledger.told(&ledger.first.url, 0).await.expect(202));
    ledger.admin.decide(&id, "approve", "fine").await.expect(200);
    ledger.kill_between().await;
    for url in [&ledger.first.url, &ledger.second.url] {
        let told = ledger.told(url, 120).await.expect(200);
        is(&told, "outcome_unknown", false);
        assert_eq!(id_of(&told), id);
    }
    assert_eq!(ledger.admin.status(&id).await, "outcome_unknown");
    assert_eq!(ledger.sent(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_after_the_record_the_answer_of_a_keyed_call_waits() {
    let ledger = Pair::new("always_allow", 1_000).await;
    // The client goes away while it runs, so nobody gets the answer; then its gateway dies too.
    let gone = ledger.send(&ledger.second.url, 0);
    eventually("it was sent", || async { ledger.sent() == 1 }).await;
    gone.abort();
    eventually("its answer is there", || async { ledger.told(&ledger.first.url, 0).await.status == 200 }).await;
    ledger.second.signal(Signal::SIGKILL);
    let found = ledger.told(&ledger.first.url, 0).await.expect(200);
    is(&found, "executed", true);
    assert_eq!(found["replayed"], true, "{found}");
    assert_eq!(found["result"]["structuredContent"]["number"], 1, "{found}");
    assert_eq!(ledger.sent(), 1);
}
