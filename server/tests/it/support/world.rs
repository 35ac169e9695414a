//! A small world: the org `acme` with the toolkit `bank` on a told upstream, its people and keys,
//! and another org.

use std::sync::Arc;

use domain::{OrgId, directory::Org};
use permesso::clock::Clock;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use uuid::Uuid;

use super::{
    Client, Gateway, Upstream,
    database::{copy_of, database, hang_up},
};

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

/// What every world begins with. It is made once, through the API, and copied: most of its time is passwords' hashes.
struct Beginning {
    database: SecretString,
    /// The administrator, the owner, the approver and who administers the other org: their ids and epochs.
    people: [(Uuid, i64); 4],
    agent: String,
    agent_key_id: String,
    other_agent: String,
}

static BEGINNING: OnceCell<Beginning> = OnceCell::const_new();

impl Beginning {
    async fn make() -> Self {
        let database = database().await;
        let gateway = Gateway::start(&database).await;
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
        Client::sign_in(url, APPROVER.0, APPROVER.1).await;
        let other_org = Client::sign_in(url, OTHER.0, OTHER.1).await;
        let key = owner.post("/orgs/acme/api-keys", json!({"name": "robot", "role": "agent"})).await.expect(201);
        let other_key =
            other_org.post("/orgs/other/api-keys", json!({"name": "spy", "role": "agent"})).await.expect(201);
        let mut sql = super::database::owner(&database).await;
        let mut people = [(Uuid::nil(), 0); 4];
        for (person, (email, _)) in people.iter_mut().zip([ADMIN, OWNER, APPROVER, OTHER]) {
            let find = sqlx::query_as("SELECT id, epoch FROM users WHERE email = $1").bind(email);
            *person = find.fetch_one(&mut sql).await.expect("a person");
        }
        gateway.stop().await;
        hang_up(&database).await;
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        Self {
            database,
            people,
            agent: text(&key["key"]),
            agent_key_id: text(&key["id"]),
            other_agent: text(&other_key["key"]),
        }
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(Clock::system()).await
    }

    /// The same by another clock.
    pub(crate) async fn with(clock: Clock) -> Self {
        let beginning = BEGINNING.get_or_init(Beginning::make).await;
        let database = copy_of(&beginning.database).await;
        let gateway = Gateway::start_with(&database, clock).await;
        let upstream = Upstream::start().await;
        let url = &gateway.url;
        let [admin, owner, approver, other_org] = beginning.people.map(|(user, epoch)| {
            let token = gateway.services.jwt.issue(user, epoch, gateway.services.clock.now()).expect("a token");
            Client::new(url, Some(token.expose_secret()))
        });
        make_bank(&admin, &upstream.url).await;
        Self {
            agent: Client::new(url, Some(&beginning.agent)),
            agent_key_id: beginning.agent_key_id.clone(),
            other_agent: Client::new(url, Some(&beginning.other_agent)),
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

    /// The org `acme` as the gateway decides calls by it now.
    pub(crate) async fn org(&self) -> Arc<Org> {
        let id = sqlx::query_scalar("SELECT id FROM orgs WHERE slug = 'acme'").fetch_one(&mut self.sql().await).await;
        let org = self.gateway.services.directory.org(OrgId(id.expect("acme"))).await;
        org.expect("it loads").expect("acme")
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
