//! `bench --keys`: what depends on how many orgs and keys there are. A gateway on a database with one org and one key,
//! and a gateway on one that is filled, on the same Postgres and before the same upstream, are measured in turns.
//! docs/performance.md, "A large installation", says how to read the figures.

mod fill;
mod secret;
mod table;

use std::{
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use reqwest::Method;
use secrecy::SecretString;
use serde_json::json;
use tokio::time::sleep;

use crate::{
    client::Target,
    gateway,
    person::{Person, ping},
    plan::{self, Pair, Plan},
    report::{self, Row},
    serve::{self, ADMIN, Database},
    stage::Stage,
};
use fill::Agent;
pub(crate) use fill::Size;

/// The databases, and the gateways on them that are measured.
const NAMES: [&str; 2] = ["empty", "filled"];
/// What is the same in both: an org, its toolkit, who owns its keys.
const ORG: &str = "acme";
const TOOLKIT: &str = "ledger";
const OWNER: (&str, &str) = ("owner@example.com", "the owner of all the keys");
/// How often a start is measured.
const STARTS: u32 = 3;
/// How often a key is made and revoked.
const KEYS: u32 = 5;
/// How often an org is changed.
const CHANGES: u32 = 10;
/// Between two looks at whether something has happened.
const LOOK: Duration = Duration::from_millis(5);
/// A key that was made or revoked is known to every gateway by then.
const KNOWN_WITHIN: Duration = Duration::from_secs(10);
/// After its last call a gateway has done by then what it does after answers.
const REST: Duration = Duration::from_secs(2);

/// One of the databases.
struct Side {
    name: &'static str,
    database: SecretString,
    /// The gateway that made the schema. It stays, as a second replica.
    first: Arc<[String]>,
    /// A key of the org.
    key: String,
}

/// Prints the tables; returns the number of calls that failed.
///
/// # Errors
/// When something does not start, or a step is refused.
pub(crate) async fn measure(plan: &Plan, size: Size, stage: &mut Stage, postgres: &Database) -> anyhow::Result<u64> {
    let http = reqwest::Client::builder().no_proxy().build()?;
    let ledger = gateway::start_ledger(stage, &gateway::permesso()?).await?;
    fill::create(&postgres.url("postgres"), &["CREATE DATABASE empty", "CREATE DATABASE filled"]).await?;
    let mut sides = Vec::new();
    for name in NAMES {
        let side = Side::set_up(stage, &http, (name, postgres.url(name)), &ledger).await;
        sides.push(side.with_context(|| format!("cannot set up the gateway {name}"))?);
    }
    let agents = fill::fill(&postgres.url(NAMES[1]), size).await?;

    eprintln!("starting a second gateway on each database, {STARTS} times");
    let (urls, started) = start(stage, &sides).await?;
    eprintln!("making and revoking keys, changing orgs");
    let owner = Person::sign_in(&http, &sides[1].first, OWNER).await?;
    let (made, revoked) = make_and_revoke(&http, &owner, &endpoint(&urls[1])).await?;
    let changed = change(&http, &urls).await?;
    let pair = pair(&ledger, &sides, &urls).await?;
    let bytes = pair.targets[0].result.len();
    let rows = plan::run(plan, NAMES, &[pair]).await?;
    sleep(REST).await;
    let memory = [vec![megabytes(stage, NAMES[0])?], vec![megabytes(stage, NAMES[1])?]];
    eprintln!("using {} keys for the first time", agents.len());
    let (first_calls, failed) = use_all(&http, &urls[1], &agents).await;
    sleep(REST).await;
    let afterwards = vec![megabytes(stage, NAMES[1])?];

    let Size { keys, orgs } = size;
    let used = format!("first call with each of {} keys, ms", agents.len());
    let others = [
        ("from its start until a gateway is ready, ms", started),
        ("change of an org's name, ms", changed),
        ("until a new key works at another gateway, ms", [Vec::new(), made]),
        ("until a revoked key is refused at another gateway, ms", [Vec::new(), revoked]),
        ("memory of the gateway after the calls above, MB", memory),
        ("memory after a call with each of many keys, MB", [Vec::new(), afterwards]),
        (used.as_str(), [Vec::new(), first_calls]),
    ];
    println!(
        "{}; {keys} keys in {orgs} orgs\n\n{}\n{}",
        plan.title(bytes)?,
        report::table(NAMES, &rows),
        table::table(NAMES, others)
    );
    Ok(rows.iter().map(Row::errors).sum::<u64>() + failed)
}

impl Side {
    /// Starts a gateway on the database, and makes there an org with a toolkit and a key.
    async fn set_up(
        stage: &mut Stage,
        http: &reqwest::Client,
        (name, database): (&'static str, SecretString),
        ledger: &str,
    ) -> anyhow::Result<Self> {
        eprintln!("starting a gateway on a database for {name}");
        let mut command = serve::command(&database, "127.0.0.1:0")?;
        command.arg("--migrate");
        stage.start(format!("{name}-first"), command)?;
        let first: Arc<[String]> = Arc::from([serve::until_it_serves(stage).await?]);
        let admin = Person::sign_in(http, &first, ADMIN).await?;
        admin.must(Method::POST, "/orgs", Some(json!({"slug": ORG, "name": "Acme"}))).await?;
        let (email, password) = OWNER;
        let member = json!({"email": email, "password": password, "role": "admin"});
        admin.must(Method::POST, &format!("/orgs/{ORG}/members"), Some(member)).await?;
        admin.expose(ORG, TOOLKIT, ledger, &gateway::ALLOWED).await?;
        let owner = Person::sign_in(http, &first, OWNER).await?;
        let key = owner.make_key(ORG, "bench").await?.secret;
        Ok(Self { name, database, first, key })
    }

    /// Starts another gateway on the database; gives its URL and how many milliseconds passed until it was ready.
    async fn start(&self, stage: &mut Stage, http: &reqwest::Client) -> anyhow::Result<(String, f64)> {
        let address = free_address()?;
        let command = serve::command(&self.database, &address.to_string())?;
        let began = Instant::now();
        stage.start(self.name, command)?;
        let url = format!("http://{address}");
        loop {
            let answer = http.get(format!("{url}/readyz")).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return Ok((url, milliseconds(began)));
            }
            stage.still_runs()?;
            ensure!(began.elapsed() < serve::PATIENCE, "{url} is not ready after {} s", serve::PATIENCE.as_secs());
            sleep(LOOK).await;
        }
    }
}

/// Starts a gateway on each database, several times in turns; the last ones stay. Gives their URLs and the milliseconds
/// until they were ready.
async fn start(stage: &mut Stage, sides: &[Side]) -> anyhow::Result<([String; 2], [Vec<f64>; 2])> {
    // Whoever asks again has a new connection: the first ones are refused.
    let http = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).timeout(serve::PATIENCE).build()?;
    let (mut urls, mut took) = <([String; 2], [Vec<f64>; 2])>::default();
    for nth in 0..STARTS {
        for (place, side) in sides.iter().enumerate() {
            if nth > 0 {
                stage.stop(side.name).await?;
            }
            let (url, ready) = side.start(stage, &http).await?;
            urls[place] = url;
            took[place].push(ready);
        }
    }
    Ok((urls, took))
}

/// An address of this machine where nobody listens.
fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?)
}

/// The org's endpoint at this gateway.
fn endpoint(url: &str) -> String {
    format!("{url}/{ORG}/{TOOLKIT}/mcp")
}

/// Makes keys at the owner's gateway and revokes them; gives the milliseconds from each answer until the key works, or is
/// refused, at another gateway.
async fn make_and_revoke(
    http: &reqwest::Client,
    owner: &Person,
    elsewhere: &str,
) -> anyhow::Result<(Vec<f64>, Vec<f64>)> {
    let (mut made, mut revoked) = (Vec::new(), Vec::new());
    for nth in 1..=KEYS {
        let key = owner.make_key(ORG, &format!("agent {nth}")).await?;
        made.push(until(http, elsewhere, &key.secret, 200).await?);
        owner.must(Method::DELETE, &format!("/orgs/{ORG}/api-keys/{}", key.id), None).await?;
        revoked.push(until(http, elsewhere, &key.secret, 401).await?);
    }
    Ok((made, revoked))
}

/// Uses a key until the answer is `wanted`; gives the milliseconds until that answer is there.
async fn until(http: &reqwest::Client, endpoint: &str, key: &str, wanted: u16) -> anyhow::Result<f64> {
    let began = Instant::now();
    loop {
        let status = ping(http, endpoint, key).await?;
        if status == wanted {
            return Ok(milliseconds(began));
        }
        ensure!(
            began.elapsed() < KNOWN_WITHIN,
            "{endpoint} answers HTTP {status}, not {wanted}, {} s after a key was made or revoked",
            KNOWN_WITHIN.as_secs()
        );
        sleep(LOOK).await;
    }
}

/// Changes the org at each of these gateways, in turns; gives the milliseconds that took.
async fn change(http: &reqwest::Client, urls: &[String; 2]) -> anyhow::Result<[Vec<f64>; 2]> {
    let mut owners = Vec::new();
    for url in urls {
        let at: Arc<[String]> = Arc::from([url.clone()]);
        owners.push(Person::sign_in(http, &at, OWNER).await?);
    }
    let mut took = <[Vec<f64>; 2]>::default();
    // The first ones open connections and are not counted.
    for nth in 0..=CHANGES {
        for (owner, took) in owners.iter().zip(&mut took) {
            let began = Instant::now();
            let name = json!({"name": format!("Acme {nth}")});
            owner.must(Method::PATCH, &format!("/orgs/{ORG}"), Some(name)).await?;
            if nth > 0 {
                took.push(milliseconds(began));
            }
        }
    }
    Ok(took)
}

/// The ledger's tool, called at each of these gateways.
async fn pair(ledger: &str, sides: &[Side], [empty, filled]: &[String; 2]) -> anyhow::Result<Pair> {
    let direct = Target::upstream(ledger).await?;
    let empty = direct.behind_gateway(&endpoint(empty), &sides[0].key).await?;
    let filled = direct.behind_gateway(&endpoint(filled), &sides[1].key).await?;
    Ok(Pair { upstream: "ledger", targets: [empty, filled] })
}

/// One call with each key, one after the other; gives the milliseconds that those took that were answered, and how many
/// were not.
async fn use_all(http: &reqwest::Client, url: &str, agents: &[Agent]) -> (Vec<f64>, u64) {
    let (mut took, mut failed) = (Vec::new(), 0);
    for Agent { endpoint, key } in agents {
        let began = Instant::now();
        match ping(http, &format!("{url}{endpoint}"), key).await {
            Ok(200) => took.push(milliseconds(began)),
            answer if failed == 0 => {
                eprintln!("the first call that failed: {endpoint}: {answer:?}");
                failed += 1;
            }
            _ => failed += 1,
        }
    }
    (took, failed)
}

fn megabytes(stage: &Stage, gateway: &str) -> anyhow::Result<f64> {
    Ok(stage.memory(gateway)? as f64 / 1024.0)
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1000.0
}
