//! What commands need before they work, and how they refuse to.

use anyhow::Context;
use secrecy::SecretString;
use tokio::net::TcpListener;
use url::Url;

use crate::{
    config::{AllowedHosts, Config, ConfigError},
    seal::KeyError,
};

/// What cannot be set up right ends with 2, what fails at work with 1.
#[derive(Debug)]
pub struct Refusal(pub String);

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refusal {}

/// An error for what cannot be set up right.
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

/// Listens where the configuration says.
pub(super) async fn bind(config: &Config) -> anyhow::Result<TcpListener> {
    TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("cannot listen on {}: set PERMESSO_LISTEN to an address that is free", config.listen))
}

/// Where people and agents reach the gateway: as configured, else where it listens.
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
