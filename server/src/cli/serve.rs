//! `permesso serve`.

use anyhow::Context;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use tokio::net::TcpListener;
use url::Url;

use super::{Refusal, migrate, output::Output};
use crate::{
    app::{
        console::Console,
        serve::{serve, signalled},
        state::App,
    },
    clock::Clock,
    config::{AllowedHosts, Config, ConfigError},
    db,
    error::Kind,
    service, telemetry,
    upstream::ChildUser,
    vault::{KeyError, MasterKey},
};

/// Options of `serve`.
#[derive(Debug, clap::Args)]
pub(super) struct ServeArgs {
    /// Bring the schema up to date first, as `permesso migrate` does; PERMESSO_MIGRATE=auto says the same
    ///
    /// Of several that start at once, one does the work and the others wait.
    #[arg(long)]
    migrate: bool,
}

/// Serves until a signal.
pub(super) async fn run(args: ServeArgs, console: Console, out: Output) -> anyhow::Result<()> {
    let config = Config::from_env().map_err(refuse)?;
    telemetry::start_log(&config.log);
    let Some(url) = &config.database_url else {
        return Err(refuse(
            "DATABASE_URL is not set: give the Postgres to work on, or use `permesso dev` to try Permesso",
        ));
    };
    MasterKey::from_config(&config).map_err(refuse)?;
    // What is wrong with the configuration is said before a database is asked.
    ChildUser::find(config.child_user.as_deref()).map_err(|error| refuse(anyhow::Error::new(error)))?;
    if args.migrate || config.migrate {
        migrate::at_start(&config).await?;
    }
    // Before anything else is said: without a schema nothing else matters.
    db::migrate::ready(url, config.migrate_url.is_none()).await.map_err(refuse)?;
    let listener = bind(&config).await?;
    let public_url = public_url(&config, &listener)?;
    let mut app = App::new(&config, Clock::system(), public_url.clone()).await.map_err(refuse)?;
    app.console = console;
    first_administrator(&app, &config).await?;
    if config.master_key.is_none() {
        tracing::warn!("the published development key is in use: nothing that is sealed or signed is protected");
    }
    tracing::info!(url = %public_url, "serving");
    out.say(&json!({"url": public_url.as_str()}), format_args!("permesso on {public_url}"));
    serve(app, listener, signalled()).await
}

pub(super) fn refuse(error: impl Into<RefusalText>) -> anyhow::Error {
    anyhow::Error::new(Refusal(error.into().0))
}

/// The text of a refusal, from an error or a sentence.
pub(super) struct RefusalText(String);

impl From<&str> for RefusalText {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl From<ConfigError> for RefusalText {
    fn from(error: ConfigError) -> Self {
        Self(error.to_string())
    }
}

impl From<KeyError> for RefusalText {
    fn from(error: KeyError) -> Self {
        Self(error.to_string())
    }
}

impl From<anyhow::Error> for RefusalText {
    fn from(error: anyhow::Error) -> Self {
        Self(format!("{error:#}"))
    }
}

/// The database as the schema's owner: PERMESSO_MIGRATE_URL, else DATABASE_URL.
pub(super) fn owner_url(config: &Config) -> anyhow::Result<&SecretString> {
    let url = config.migrate_url.as_ref().or(config.database_url.as_ref());
    url.ok_or_else(|| refuse("DATABASE_URL is not set: there is nothing to migrate"))
}

pub(super) async fn bind(config: &Config) -> anyhow::Result<TcpListener> {
    TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("cannot listen on {}: set PERMESSO_LISTEN to an address that is free", config.listen))
}

pub(super) fn public_url(config: &Config, listener: &TcpListener) -> anyhow::Result<Url> {
    match &config.public_url {
        Some(url) => Ok(url.clone()),
        None => {
            let address = listener.local_addr()?;
            if !address.ip().is_loopback() && config.allowed_hosts != AllowedHosts::Any {
                tracing::warn!(
                    "PERMESSO_PUBLIC_URL is not set: requests for other hosts than {address} and those of \
                     PERMESSO_ALLOWED_HOSTS will get 403 host_refused; set it to the address that people and agents use"
                );
            }
            Ok(Url::parse(&format!("http://{address}"))?)
        }
    }
}

pub(super) async fn first_administrator(app: &App, config: &Config) -> anyhow::Result<()> {
    let (Some(email), Some(password)) = (&config.admin_email, &config.admin_password) else { return Ok(()) };
    let made = service::sign_in::first_administrator(&app.services, email, password.expose_secret()).await;
    made.map(|_| ()).map_err(|error| match error.kind {
        Kind::Invalid => refuse(anyhow::anyhow!("the first administrator cannot be made: {error}")),
        _ => error.into(),
    })
}
