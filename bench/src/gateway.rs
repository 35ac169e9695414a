//! Sets up what is measured: the upstreams, a gateway with nothing but `permesso dev` behind it, and
//! through its REST API a connection and a toolkit for each upstream.

use std::{
    env, fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, ensure};
use serde::Deserialize;
use serde_json::json;
use tokio::process::Command;

use crate::{client::Target, invoices::invoices, person::Person, plan::Pair, stage::Stage};

const UPSTREAM_PATIENCE: Duration = Duration::from_secs(20);
/// The gateway makes a Postgres cluster and its schema first.
const GATEWAY_PATIENCE: Duration = Duration::from_secs(180);
/// The tool that is called, as toolkits have it.
pub(crate) const ALLOWED: [(&str, &str); 1] = [("list_invoices", "always_allow")];

/// What `permesso dev` says when it is ready.
#[derive(Deserialize)]
struct Dev {
    url: String,
    admin_email: String,
    admin_password: String,
    agent_key: String,
}

/// Starts everything. The first pair's upstream is the sample ledger; with `floor` the echo follows.
///
/// # Errors
/// When something does not start, or the gateway refuses a step.
pub(crate) async fn set_up(stage: &mut Stage, floor: bool) -> anyhow::Result<Vec<Pair>> {
    let permesso = permesso()?;
    let mut upstreams = vec![("ledger", start_ledger(stage, &permesso).await?)];
    if floor {
        let mut command = Command::new(env::current_exe()?);
        command.arg("--serve-echo");
        upstreams.push(("echo", start_upstream(stage, "echo", command).await?));
    }
    let dev = start_gateway(stage, &permesso).await?;
    let http = reqwest::Client::builder().no_proxy().build()?;
    let urls: Arc<[String]> = Arc::from([dev.url.clone()]);
    let admin = Person::sign_in(&http, &urls, (dev.admin_email.as_str(), dev.admin_password.as_str())).await?;
    let mut pairs = Vec::new();
    for (upstream, url) in upstreams {
        let slug = format!("bench-{upstream}");
        admin.expose("acme", &slug, &url, &ALLOWED).await?;
        let direct = Target::upstream(&url).await?;
        let gateway = direct.behind_gateway(&format!("{}/acme/{slug}/mcp", dev.url), &dev.agent_key).await?;
        pairs.push(Pair { upstream, targets: [direct, gateway] });
    }
    Ok(pairs)
}

/// The program that is measured.
///
/// # Errors
/// When there is none.
pub(crate) fn permesso() -> anyhow::Result<PathBuf> {
    let program = match env::var_os("PERMESSO_BIN").filter(|path| !path.is_empty()) {
        Some(path) => PathBuf::from(path),
        None => env::current_exe()?.with_file_name("permesso"),
    };
    ensure!(
        program.is_file(),
        "there is no {}: build it with `cargo build --release -p permesso`, or set PERMESSO_BIN",
        program.display()
    );
    Ok(program)
}

/// The sample upstream; returns its URL.
///
/// # Errors
/// When it does not start.
pub(crate) async fn start_ledger(stage: &mut Stage, permesso: &Path) -> anyhow::Result<String> {
    let ledger = stage.directory().join("ledger.json");
    fs::write(&ledger, json!({ "runs": {}, "invoices": invoices() }).to_string())?;
    let mut command = Command::new(permesso);
    command.args(["sample-upstream", "--listen", "127.0.0.1:0", "--ledger"]).arg(ledger);
    start_upstream(stage, "sample-upstream", command).await
}

/// Returns the URL it prints.
async fn start_upstream(stage: &mut Stage, name: &'static str, command: Command) -> anyhow::Result<String> {
    stage.start(name, command)?;
    let url = |log: &str| {
        // A line is whole when the next one has begun.
        let (lines, _) = log.rsplit_once('\n')?;
        Some(lines.lines().find_map(|line| line.split_once(" upstream on "))?.1.to_owned())
    };
    stage.until(UPSTREAM_PATIENCE, url).await
}

async fn start_gateway(stage: &mut Stage, permesso: &Path) -> anyhow::Result<Dev> {
    let data = stage.directory().join("data");
    let mut command = Command::new(permesso);
    command.args(["dev", "--quiet"]);
    without_foreign_settings(&mut command);
    command.env("PERMESSO_LISTEN", "127.0.0.1:0").env("PERMESSO_DATA_DIR", &data);
    eprintln!("starting a gateway in {}", data.display());
    stage.start("gateway", command)?;
    let ready = data.join("dev.json");
    let dev = stage.until(GATEWAY_PATIENCE, |_| fs::read(&ready).ok()).await?;
    serde_json::from_slice(&dev).context("dev.json is not as expected")
}

/// What is set for another gateway is not for this one, above all its database. Only where Postgres is
/// found is the machine's.
pub(crate) fn without_foreign_settings(command: &mut Command) {
    let foreign = |name: &str| {
        name.starts_with("PERMESSO_") && name != "PERMESSO_POSTGRES_BIN" || name.starts_with("DATABASE_URL")
    };
    for (name, _) in env::vars_os().filter(|(name, _)| name.to_str().is_some_and(foreign)) {
        command.env_remove(name);
    }
}
