//! Where the soak takes place: gateway processes on one database, and through REST an org with the ledger's two tools,
//! its people, and a key for each agent.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, bail};
use reqwest::Method;
use secrecy::SecretString;
use serde_json::json;
use tokio::time::sleep;

use super::{
    hostile::bodies::{ALLOWED, HELD},
    ledger::{LOOK, TRANSFER},
};
use crate::{
    person::{Person, ping},
    serve::{self, ADMIN, Database},
    stage::Stage,
};

/// The org's slug.
pub(crate) const ORG: &str = "soak";
/// The toolkit of the agents.
pub(crate) const TOOLKIT: &str = "ledger";
/// Its endpoint.
pub(crate) const ENDPOINT: &str = "/soak/ledger/mcp";
/// The endpoint of the hostile caller.
pub(crate) const HOSTILE_ENDPOINT: &str = "/soak/hostile/mcp";
const HOSTILE: &str = "hostile";
const OWNER: (&str, &str) = ("owner@example.com", "the owner of all the keys");
const APPROVER: (&str, &str) = ("approver@example.com", "who is not their owner");

/// How long things take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// The longest thought before a decision: shorter than a request lives.
    pub(crate) longest_thought: Duration,
    /// How long a request waits for a decision.
    pub(crate) expires_after: Duration,
    /// After so long, agents have settled in at the beginning or after a kill, and speeds are compared.
    pub(crate) settled: Duration,
}

impl Pace {
    pub(crate) const USUAL: Self = Self {
        longest_thought: Duration::from_secs(52),
        expires_after: Duration::from_secs(60),
        settled: Duration::from_secs(5),
    };
    /// Ten seconds are the shortest that a gateway takes.
    pub(crate) const BRIEF: Self = Self {
        longest_thought: Duration::from_secs(5),
        expires_after: Duration::from_secs(10),
        settled: Duration::from_secs(1),
    };
}

/// Gateways on one database.
pub(crate) struct Gateways {
    database: SecretString,
    /// Where each is, also after it was started again.
    pub(crate) urls: Arc<[String]>,
}

impl Gateways {
    /// Starts so many; the first makes the schema.
    ///
    /// # Errors
    /// When one does not start.
    pub(crate) async fn start(stage: &mut Stage, database: &Database, count: usize) -> anyhow::Result<Self> {
        let mut gateways = Self { database: database.url("postgres"), urls: Arc::from([]) };
        let mut urls = Vec::new();
        for at in 0..count {
            eprintln!("starting gateway {} of {count}", at + 1);
            urls.push(gateways.start_one(stage, at, "127.0.0.1:0").await?);
        }
        gateways.urls = urls.into();
        Ok(gateways)
    }

    /// Starts one again that was killed, where it was.
    ///
    /// # Errors
    /// When it does not start.
    pub(crate) async fn start_again(&self, stage: &mut Stage, at: usize) -> anyhow::Result<()> {
        let address = self.urls[at].trim_start_matches("http://").to_owned();
        self.start_one(stage, at, &address).await.map(drop)
    }

    async fn start_one(&self, stage: &mut Stage, at: usize, listen: &str) -> anyhow::Result<String> {
        let mut command = serve::command(&self.database, listen)?;
        command.arg("--migrate").env("PERMESSO_APPROVAL_LEASE_SECONDS", "10");
        stage.start(name(at), command)?;
        serve::until_it_serves(stage).await
    }
}

/// What gateway number `at` is called.
pub(crate) fn name(at: usize) -> String {
    format!("gateway-{}", at + 1)
}

/// Who works in the org.
pub(crate) struct People {
    pub(crate) approver: Person,
    /// A key for each agent.
    pub(crate) keys: Vec<String>,
    /// The hostile caller's key.
    pub(crate) hostile: Option<String>,
}

/// What an org is made with.
pub(crate) struct OrgPlan<'p> {
    /// The URL of the agents' upstream.
    pub(crate) ledger: &'p str,
    /// The URL of the hostile upstream.
    pub(crate) hostile: Option<&'p str>,
    /// Names of agents.
    pub(crate) agents: &'p [String],
    pub(crate) pace: Pace,
}

/// Makes the org with everything in it, and waits until every gateway knows it.
///
/// # Errors
/// When a step is refused.
pub(crate) async fn furnish(http: &reqwest::Client, gateways: &Gateways, plan: &OrgPlan<'_>) -> anyhow::Result<People> {
    let org = format!("/orgs/{ORG}");
    let admin = Person::sign_in(http, &gateways.urls, ADMIN).await?;
    let post = async |path: &str, body| admin.must(Method::POST, path, Some(body)).await;
    post("/orgs", json!({"slug": ORG, "name": "Soak"})).await?;
    let policy = json!({"approval_policy": {"expires_after_seconds": plan.pace.expires_after.as_secs()}});
    admin.must(Method::PATCH, &org, Some(policy)).await?;
    for ((email, password), role) in [(OWNER, "admin"), (APPROVER, "approver")] {
        post(&format!("{org}/members"), json!({"email": email, "password": password, "role": role})).await?;
    }
    let tools = |held, allowed| [(held, "needs_approval"), (allowed, "always_allow")];
    admin.expose(ORG, TOOLKIT, plan.ledger, &tools(TRANSFER, LOOK)).await?;
    if let Some(url) = plan.hostile {
        admin.expose(ORG, HOSTILE, url, &tools(HELD, ALLOWED)).await?;
    }
    let owner = Person::sign_in(http, &gateways.urls, OWNER).await?;
    let mut keys = Vec::new();
    for name in plan.agents {
        keys.push(owner.make_key(ORG, name).await?.secret);
    }
    let hostile = if plan.hostile.is_some() { Some(owner.make_key(ORG, HOSTILE).await?.secret) } else { None };
    let last = keys.last().context("there are no agents")?;
    for url in gateways.urls.iter() {
        known(http, url, last).await?;
    }
    Ok(People { approver: Person::sign_in(http, &gateways.urls, APPROVER).await?, keys, hostile })
}

/// Waits until a gateway knows the newest key.
async fn known(http: &reqwest::Client, url: &str, key: &str) -> anyhow::Result<()> {
    for _ in 0..100 {
        if ping(http, &format!("{url}{ENDPOINT}"), key).await? == 200 {
            return Ok(());
        }
        sleep(Duration::from_millis(100)).await;
    }
    bail!("{url} does not know the org after ten seconds")
}
