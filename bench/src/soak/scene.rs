//! Where the soak takes place: a Postgres that makes its commits durable, gateway processes on it, and through
//! REST an org with the ledger's two tools, its people, and a key for each agent.

use std::{fs::Permissions, os::unix::fs::PermissionsExt, sync::Arc, time::Duration};

use anyhow::{Context, bail};
use devkit::postgres::{Embedded, Options};
use reqwest::Method;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use tempfile::TempDir;
use tokio::{process::Command, time::sleep};

use super::{
    hostile::bodies::{ALLOWED, HELD},
    ledger::{LOOK, TRANSFER},
    person::Person,
};
use crate::{
    gateway::{permesso, without_foreign_settings},
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
const GATEWAY_PATIENCE: Duration = Duration::from_secs(120);
const ADMIN: (&str, &str) = ("admin@example.com", "an administrator's password");
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

/// A private Postgres with its directory.
pub(crate) struct Database {
    postgres: Embedded,
    directory: TempDir,
}

impl Database {
    /// # Errors
    /// When there is no Postgres, or it does not start.
    pub(crate) async fn start() -> anyhow::Result<Self> {
        // Root's Postgres runs as another user, who must be able to pass.
        let permissions = Permissions::from_mode(0o711);
        let directory = tempfile::Builder::new().prefix("permesso-soak-").permissions(permissions).tempdir()?;
        let options = Options { data_dir: directory.path().join("postgres"), ephemeral: false };
        let start = move || Embedded::start(&options, &|step| eprintln!("{step}"));
        let postgres = tokio::task::spawn_blocking(start).await??;
        Ok(Self { postgres, directory })
    }

    fn url(&self) -> SecretString {
        self.postgres.url("postgres")
    }

    /// Stops it and removes everything.
    ///
    /// # Errors
    /// When that does not go well.
    pub(crate) async fn end(self) -> anyhow::Result<()> {
        let Self { postgres, directory } = self;
        tokio::task::spawn_blocking(move || postgres.stop()).await??;
        directory.close().context("cannot remove Postgres's directory")
    }
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
        let mut gateways = Self { database: database.url(), urls: Arc::from([]) };
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
        let mut command = Command::new(permesso()?);
        without_foreign_settings(&mut command);
        command.args(["serve", "--migrate"]).envs([
            ("DATABASE_URL", self.database.expose_secret()),
            ("PERMESSO_LISTEN", listen),
            ("PERMESSO_ALLOW_DEV_MASTER_KEY", "1"),
            ("PERMESSO_ADMIN_EMAIL", ADMIN.0),
            ("PERMESSO_ADMIN_PASSWORD", ADMIN.1),
            ("PERMESSO_EGRESS_ALLOW", "127.0.0.0/8"),
            ("PERMESSO_APPROVAL_LEASE_SECONDS", "10"),
            ("PERMESSO_LOG", "warn"),
        ]);
        stage.start(name(at), command)?;
        let url = |log: &str| {
            // A line is whole when the next one has begun.
            let (lines, _) = log.rsplit_once('\n')?;
            Some(lines.lines().find_map(|line| line.strip_prefix("permesso on "))?.trim_end_matches('/').to_owned())
        };
        stage.until(GATEWAY_PATIENCE, url).await
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
    expose(&admin, TOOLKIT, plan.ledger, (TRANSFER, LOOK)).await?;
    if let Some(url) = plan.hostile {
        expose(&admin, HOSTILE, url, (HELD, ALLOWED)).await?;
    }
    let owner = Person::sign_in(http, &gateways.urls, OWNER).await?;
    let mut keys = Vec::new();
    for name in plan.agents {
        keys.push(key(&owner, name).await?);
    }
    let hostile = if plan.hostile.is_some() { Some(key(&owner, HOSTILE).await?) } else { None };
    let last = keys.last().context("there are no agents")?;
    for url in gateways.urls.iter() {
        known(http, url, last).await?;
    }
    Ok(People { approver: Person::sign_in(http, &gateways.urls, APPROVER).await?, keys, hostile })
}

/// A connection to an upstream and a toolkit of the same name, with a tool that needs approval and one that does not.
async fn expose(admin: &Person, slug: &str, url: &str, (held, allowed): (&str, &str)) -> anyhow::Result<()> {
    let org = format!("/orgs/{ORG}");
    let post = async |path: &str, body| admin.must(Method::POST, path, Some(body)).await;
    let connection = json!({"slug": slug, "kind": "streamable_http", "config": {"url": url}});
    post(&format!("{org}/connections"), connection).await?;
    post(&format!("{org}/connections/{slug}/refresh"), json!({})).await?;
    post(&format!("{org}/toolkits"), json!({"slug": slug, "name": slug, "visibility": "private"})).await?;
    for (tool, permission) in [(held, "needs_approval"), (allowed, "always_allow")] {
        let body = json!({"connection": slug, "tool": tool, "permission": permission});
        admin.must(Method::PUT, &format!("{org}/toolkits/{slug}/tools/{tool}"), Some(body)).await?;
    }
    Ok(())
}

/// A new key of an agent.
async fn key(owner: &Person, name: &str) -> anyhow::Result<String> {
    let body = json!({"name": name, "role": "agent"});
    let made = owner.must(Method::POST, &format!("/orgs/{ORG}/api-keys"), Some(body)).await?;
    Ok(made["key"].as_str().context("no key was given")?.to_owned())
}

/// Waits until a gateway knows the newest key.
async fn known(http: &reqwest::Client, url: &str, key: &str) -> anyhow::Result<()> {
    for _ in 0..100 {
        let ping = http.post(format!("{url}{ENDPOINT}")).bearer_auth(key).header("content-type", "application/json");
        let response = ping.body(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#).send().await?;
        if response.status().is_success() {
            return Ok(());
        }
        sleep(Duration::from_millis(100)).await;
    }
    bail!("{url} does not know the org after ten seconds")
}
