//! `permesso dev`: the gateway with everything it needs, to try it. The sample org is made through
//! the REST API, as a person would.

mod sample;

use std::{fs, io::Write, os::unix::fs::OpenOptionsExt, path::Path};

use anyhow::Context;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use url::Host;

use super::{
    migrate,
    output::{Output, note},
    setup,
};
use crate::{
    app::{
        console::Console,
        serve::{serve as serve_until, signalled},
        state::App,
    },
    clock::Clock,
    config::{AllowedHosts, Config},
    postgres::{Embedded, Options},
    random, service, telemetry,
    upstream::ChildUser,
};

/// Options of `dev`.
#[derive(Debug, clap::Args)]
pub(super) struct DevArgs {
    /// Print no instructions, only write dev.json into the data directory
    #[arg(long)]
    quiet: bool,
    /// Let others reach it, although the keys of `dev` are published
    #[arg(long)]
    i_know: bool,
}

/// What `dev` made: printed for people, kept in `dev.json` (mode 0600) for the next run and for
/// scripts.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Made {
    url: String,
    mcp_url: String,
    admin_email: String,
    admin_password: String,
    owner_email: String,
    owner_password: String,
    agent_key: String,
    ledger: String,
    pid: u32,
}

/// Runs until a signal.
pub(super) async fn run(args: DevArgs, console: Console, out: Output) -> anyhow::Result<()> {
    let mut config = Config::from_env().map_err(setup::refuse)?;
    if !args.i_know
        && let Some(reached) = reached_from_elsewhere(&config)
    {
        return Err(setup::refuse(anyhow::anyhow!(
            "{reached} is not a loopback address, and `permesso dev` is for trying Permesso on one machine: its master \
             key is published unless PERMESSO_MASTER_KEY is set, and upstreams may be anything on this machine; use \
             `permesso serve`, or give --i-know if nobody else can reach it"
        )));
    }
    if config.database_url.is_none() {
        refuse_postgres_user(&config).map_err(setup::refuse)?;
    }
    if std::env::var_os("PERMESSO_LOG").is_none() {
        config.log = "warn".to_owned();
    }
    telemetry::start_log(&config.log);
    fs::create_dir_all(&config.data_dir).with_context(|| format!("cannot make {}", config.data_dir.display()))?;
    config.data_dir = fs::canonicalize(&config.data_dir)?;
    config.allow_dev_master_key |= config.master_key.is_none();
    // The sample upstream and whatever else is tried on this machine.
    config.egress_allow.extend(["127.0.0.0/8".to_owned(), "::1/128".to_owned()]);

    let postgres = if config.database_url.is_none() { Some(start_postgres(&mut config).await?) } else { None };
    let result = run_gateway(&args, &config, console, out).await;
    if let Some(postgres) = postgres {
        step("stopping Postgres");
        tokio::task::spawn_blocking(move || postgres.stop()).await??;
    }
    result
}

/// The setting by which others could reach the gateway, if there is one.
fn reached_from_elsewhere(config: &Config) -> Option<String> {
    if !config.listen.ip().to_canonical().is_loopback() {
        return Some(format!("PERMESSO_LISTEN={}", config.listen));
    }
    let url = config.public_url.as_ref()?;
    let is_here = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.to_canonical().is_loopback(),
        // RFC 6761, section 6.3.
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    };
    (!is_here).then(|| format!("PERMESSO_PUBLIC_URL={}", url.as_str().trim_end_matches('/')))
}

/// Programs of upstreams that ran as the user of Postgres would read its password and so everything.
fn refuse_postgres_user(config: &Config) -> anyhow::Result<()> {
    let Some(name) = config.child_user.as_deref() else { return Ok(()) };
    let children = ChildUser::find(Some(name))?.other().map(|user| user.uid);
    if children.is_some() && children == Embedded::user()?.map(|user| user.uid) {
        anyhow::bail!(
            "PERMESSO_CHILD_USER: {name:?} is the user that the Postgres of `permesso dev` runs as, so upstreams could \
             read its password; make a user for them alone, for example with `useradd --system permesso-tools`, or \
             set DATABASE_URL"
        );
    }
    Ok(())
}

async fn start_postgres(config: &mut Config) -> anyhow::Result<Embedded> {
    let options = Options { data_dir: config.data_dir.join("postgres"), ephemeral: false };
    let postgres = tokio::task::spawn_blocking(move || Embedded::start(&options, &step)).await??;
    config.database_url = Some(postgres.url("postgres"));
    config.migrate_url = None;
    Ok(postgres)
}

async fn run_gateway(args: &DevArgs, config: &Config, console: Console, out: Output) -> anyhow::Result<()> {
    step("bringing the schema up to date");
    migrate::at_start(config).await?;
    let listener = setup::bind(config).await?;
    let public_url = setup::public_url(config, &listener)?;
    let local_url = format!("http://{}", listener.local_addr()?);
    let mut app = App::new(config, Clock::system(), public_url.clone()).await.map_err(setup::refuse)?;
    app.console = console;
    // The sample org is made at the address that is listened on, whatever the public one is.
    if let AllowedHosts::Named(hosts) = &mut app.allowed_hosts {
        hosts.push(listener.local_addr()?.to_string().parse()?);
    }
    // A browser keeps connections open that it has not used yet: trying Permesso, nobody waits for them.
    app.grace = std::time::Duration::from_secs(4);
    let mut made = known(&config.data_dir).unwrap_or_default();
    if made.admin_email.is_empty() {
        made.admin_email = config.admin_email.clone().unwrap_or_else(|| "admin@example.com".to_owned());
        made.owner_email = "sam@example.com".to_owned();
        made.admin_password = match &config.admin_password {
            Some(password) => secrecy::ExposeSecret::expose_secret(password).to_owned(),
            None => random::text::<15>(),
        };
        made.owner_password = random::text::<15>();
        made.ledger = config.data_dir.join("ledger.json").display().to_string();
    }
    made.pid = std::process::id();
    made.url = public_url.as_str().trim_end_matches('/').to_owned();
    made.mcp_url = format!("{}/acme/ledger/mcp", made.url);
    // Kept before it is used: a password that is lost could not be made again.
    keep(&config.data_dir, &made, false)?;
    service::identity::sign_in::first_administrator(&app.services, &made.admin_email, &made.admin_password).await?;

    let stop = tokio_util::sync::CancellationToken::new();
    let stopped = stop.clone().cancelled_owned();
    let serving = tokio::spawn(serve_until(app, listener, stopped));
    let quiet = args.quiet;
    let data_dir = config.data_dir.clone();
    let work = async {
        step("making the sample org");
        sample::make(&local_url, &mut made).await.context("cannot make the sample org")?;
        keep(&data_dir, &made, true)?;
        if !quiet {
            out.say(&serde_json::to_value(&made)?, instructions(&made));
        }
        signalled().await;
        Ok::<_, anyhow::Error>(())
    };
    let result = tokio::select! {
        result = work => result,
        () = signalled() => Ok(()),
    };
    stop.cancel();
    serving.await??;
    // Who waits for dev.json to appear must not find that of an instance that has ended.
    let _ = fs::remove_file(data_dir.join("dev.json"));
    result
}

/// What an earlier run made.
fn known(data_dir: &Path) -> Option<Made> {
    serde_json::from_slice(&fs::read(data_dir.join("sample.json")).ok()?).ok()
}

/// Writes `sample.json`, which outlives this run, and when everything is `ready` `dev.json`.
fn keep(data_dir: &Path, made: &Made, ready: bool) -> anyhow::Result<()> {
    let mut names = vec!["sample.json"];
    if ready {
        names.push("dev.json");
    }
    for name in names {
        let new = data_dir.join(format!(".{name}.new"));
        let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        file.write_all(&serde_json::to_vec_pretty(made)?)?;
        file.sync_all()?;
        fs::rename(&new, data_dir.join(name))?;
    }
    Ok(())
}

fn step(text: &str) {
    note(format_args!("… {text}"));
}

/// What to do next.
fn instructions(made: &Made) -> String {
    let program = std::env::current_exe().map_or_else(|_| "permesso".to_owned(), |path| path.display().to_string());
    let Made { url, mcp_url, admin_email, admin_password, owner_email, agent_key, ledger, .. } = made;
    format!(
        r#"
Permesso is running.

  console           {url}   (open it in a browser)
  sign in as        {admin_email}   password {admin_password}

Play the agent, in another terminal; the request appears in the console's inbox:
  curl -s {mcp_url} -H 'Authorization: Bearer {agent_key}' -H 'Content-Type: application/json' \
    -H 'Accept: application/json' \
    -d '{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"send_invoice","arguments":{{"customer":"Ada","amount_cents":1250,"currency":"EUR"}}}}}}'

Or let Claude Code be the agent:
  claude mcp add --transport http ledger {mcp_url} --header "Authorization: Bearer {agent_key}"

Decide without a browser:
  export PERMESSO_URL={url} PERMESSO_EMAIL={admin_email} PERMESSO_PASSWORD='{admin_password}'
  {program} approvals list
  {program} approvals approve <approval_id>

  API               {url}/api/docs
  MCP endpoint      {mcp_url}   (in a browser it says how to connect other clients)
  agent key         {agent_key}
                    (owned by {owner_email}, so the administrator may decide)
  ledger file       {ledger}

Ctrl-C stops everything; the data stays.
"#
    )
}

/// A secret that was printed anyway.
fn secret(text: &str) -> SecretString {
    text.to_owned().into()
}
