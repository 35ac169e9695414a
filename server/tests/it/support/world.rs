//! A small world: the org `acme` with the toolkit `bank` on a told upstream, its people and keys,
//! and another org.

use secrecy::SecretString;
use serde_json::json;

use super::{Client, Gateway, Upstream, database::database};

/// The first administrator's e-mail and password.
pub(crate) const ADMIN: (&str, &str) = ("admin@example.com", "correct horse battery");
/// A second person, who owns the agent's key.
pub(crate) const OWNER: (&str, &str) = ("owner@example.com", "owner horse battery");
/// A third one, who may decide.
pub(crate) const APPROVER: (&str, &str) = ("approver@example.com", "approver horse battery");
/// Administers the other org only.
pub(crate) const OTHER: (&str, &str) = ("other@example.com", "other horse battery");

/// Everything a test needs.
pub(crate) struct World {
    pub(crate) database: SecretString,
    pub(crate) gateway: Gateway,
    pub(crate) upstream: Upstream,
    pub(crate) admin: Client,
    pub(crate) owner: Client,
    pub(crate) approver: Client,
    pub(crate) agent: Client,
    pub(crate) other_org: Client,
    pub(crate) other_agent: Client,
    pub(crate) anonymous: Client,
    pub(crate) agent_key_id: String,
}

impl World {
    pub(crate) async fn new() -> Self {
        let database = database().await;
        let gateway = Gateway::start(&database).await;
        let upstream = Upstream::start().await;
        let url = &gateway.url;
        let admin = Client::sign_in(url, ADMIN.0, ADMIN.1).await;
        for slug in ["acme", "other"] {
            admin.post("/orgs", json!({"slug": slug, "name": slug})).await.expect(201);
        }
        for (org, (email, password), role) in
            [("acme", OWNER, "admin"), ("acme", APPROVER, "approver"), ("other", OTHER, "admin")]
        {
            let body = json!({"email": email, "password": password, "role": role});
            admin.post(&format!("/orgs/{org}/members"), body).await.expect(201);
        }
        let owner = Client::sign_in(url, OWNER.0, OWNER.1).await;
        let approver = Client::sign_in(url, APPROVER.0, APPROVER.1).await;
        let other_org = Client::sign_in(url, OTHER.0, OTHER.1).await;
        let key = owner.post("/orgs/acme/api-keys", json!({"name": "robot", "role": "agent"})).await.expect(201);
        let other_key =
            other_org.post("/orgs/other/api-keys", json!({"name": "spy", "role": "agent"})).await.expect(201);
        make_bank(&admin, &upstream.url).await;
        Self {
            agent: Client::new(url, key["key"].as_str()),
            agent_key_id: key["id"].as_str().unwrap_or_default().to_owned(),
            other_agent: Client::new(url, other_key["key"].as_str()),
            anonymous: Client::new(url, None),
            admin,
            owner,
            approver,
            other_org,
            database,
            gateway,
            upstream,
        }
    }

    /// The database as its owner.
    pub(crate) async fn sql(&self) -> sqlx::PgConnection {
        super::database::owner(&self.database).await
    }

    /// A caller whose calls are held so long, and the id of its key.
    pub(crate) async fn patient(&self, seconds: u32) -> (Client, String) {
        let key = json!({"name": format!("patient {seconds}"), "role": "agent", "hold_seconds": seconds});
        let key = self.owner.post("/orgs/acme/api-keys", key).await.expect(201);
        (Client::new(&self.gateway.url, key["key"].as_str()), key["id"].as_str().unwrap_or_default().to_owned())
    }

    /// Holds a payment; gives the approval's id.
    pub(crate) async fn held(&self, cents: u64) -> String {
        Client::approval_of(&self.agent.call("pay", json!({"to": "Ada", "cents": cents})).await)
    }
}

/// The connection and the toolkit `bank`, with one tool of each permission.
pub(crate) async fn make_bank(admin: &Client, upstream: &str) {
    let connection =
        json!({"slug": "bank", "kind": "streamable_http", "config": {"url": upstream}, "call_timeout_ms": 3000});
    admin.post("/orgs/acme/connections", connection).await.expect(201);
    admin.post("/orgs/acme/connections/bank/refresh", json!({})).await.expect(200);
    let toolkit = json!({"slug": "bank", "name": "Bank", "visibility": "private"});
    admin.post("/orgs/acme/toolkits", toolkit).await.expect(201);
    for (tool, permission) in [("balance", "always_allow"), ("pay", "needs_approval"), ("close", "blocked")] {
        let body = json!({"connection": "bank", "tool": tool, "permission": permission});
        let answer = admin.put(&format!("/orgs/acme/toolkits/bank/tools/{tool}"), body).await;
        assert!(answer.status.is_success(), "{}", answer.text);
    }
}
