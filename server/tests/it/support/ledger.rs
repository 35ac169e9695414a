//! The sample ledger, a real process: what was really sent stands in its own file.

use secrecy::SecretString;
use serde_json::{Value, json};

use super::{
    Client,
    process::Process,
    world::{ADMIN, OWNER},
};

/// The tool that sends an invoice, in the toolkit `bank` of `acme`.
pub(crate) const SEND_INVOICE: &str = "/orgs/acme/toolkits/bank/tools/send_invoice";

/// The sample ledger behind one or more gateway processes.
pub(crate) struct Ledger {
    pub(crate) database: SecretString,
    pub(crate) admin: Client,
    pub(crate) agent: Client,
    dir: tempfile::TempDir,
    _upstream: Process,
}

impl Ledger {
    /// Makes the org through the first gateway; sending takes `delay_ms` after it was written.
    pub(crate) async fn new(first: &Process, database: SecretString, permission: &str, delay_ms: u64) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let upstream = Process::ledger(&dir.path().join("ledger.json"), delay_ms);
        let admin = Client::sign_in(&first.url, ADMIN.0, ADMIN.1).await;
        admin.post("/orgs", json!({"slug": "acme", "name": "Acme"})).await.expect(201);
        let member = json!({"email": OWNER.0, "password": OWNER.1, "role": "admin"});
        admin.post("/orgs/acme/members", member).await.expect(201);
        let connection = json!({"slug": "ledger", "kind": "streamable_http", "config": {"url": upstream.url}});
        admin.post("/orgs/acme/connections", connection).await.expect(201);
        admin.post("/orgs/acme/connections/ledger/refresh", json!({})).await.expect(200);
        let toolkit = json!({"slug": "bank", "name": "Ledger", "visibility": "private"});
        admin.post("/orgs/acme/toolkits", toolkit).await.expect(201);
        let tool = json!({"connection": "ledger", "tool": "send_invoice", "permission": permission});
        admin.put(SEND_INVOICE, tool).await.expect(201);
        let person = Client::sign_in(&first.url, OWNER.0, OWNER.1).await;
        let key = person.post("/orgs/acme/api-keys", json!({"name": "robot", "role": "agent"})).await.expect(201);
        let agent = Client::new(&first.url, key["key"].as_str());
        Self { database, admin, agent, dir, _upstream: upstream }
    }

    /// How often an invoice was really sent.
    pub(crate) fn sent(&self) -> u64 {
        let read = std::fs::read(self.dir.path().join("ledger.json")).ok();
        let ledger: Value = read.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        ledger["runs"]["send_invoice"].as_u64().unwrap_or(0)
    }
}
