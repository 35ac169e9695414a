//! `permesso dev`: the gateway with everything it needs, to try it. The sample org is made through
//! the REST API, as a person would.

mod sample;

use std::fs;

use anyhow::Context;
use devkit::{
    dev::Made,
    postgres::{Embedded, Options},
};
use secrecy::SecretString;
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
    let mut made = Made::known(&config.data_dir).unwrap_or_default();
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
    made.keep(&config.data_dir, false)?;
    service::identity::sign_in::first_administrator(&app.services, &made.admin_email, &made.admin_password).await?;

    let stop = tokio_util::sync::CancellationToken::new();
    let stopped = stop.clone().cancelled_owned();
    let serving = tokio::spawn(serve_until(app, listener, stopped));
    let quiet = args.quiet;
    let data_dir = config.data_dir.clone();
    let work = async {
        step("making the sample org");
        sample::make(&local_url, &mut made).await.context("cannot make the sample org")?;
        made.keep(&data_dir, true)?;
        if !quiet {
            out.say(&serde_json::to_value(&made)?, made.instructions());
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
    Made::withdraw(&data_dir);
    result
}

fn step(text: &str) {
    note(format_args!("… {text}"));
}

/// A secret that was printed anyway.
fn secret(text: &str) -> SecretString {
    text.to_owned().into()
}
