//! A Postgres that makes its commits durable, and `permesso serve` on databases of it.

use std::{fs::Permissions, os::unix::fs::PermissionsExt, time::Duration};

use anyhow::Context;
use devkit::postgres::{Embedded, Options};
use secrecy::{ExposeSecret, SecretString};
use tempfile::TempDir;
use tokio::process::Command;

use crate::{
    gateway::{permesso, without_foreign_settings},
    stage::Stage,
};

/// E-mail and password of who administers every instance.
pub(crate) const ADMIN: (&str, &str) = ("admin@example.com", "an administrator's password");
/// How long a gateway may take until it serves.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

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
        let directory = tempfile::Builder::new().prefix("permesso-postgres-").permissions(permissions).tempdir()?;
        let options = Options { data_dir: directory.path().join("postgres"), ephemeral: false };
        let start = move || Embedded::start(&options, &|step| eprintln!("{step}"));
        let postgres = tokio::task::spawn_blocking(start).await??;
        Ok(Self { postgres, directory })
    }

    /// The owner's URL of one of its databases; `postgres` is there from the beginning.
    pub(crate) fn url(&self, database: &str) -> SecretString {
        self.postgres.url(database)
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

/// `permesso serve` on a database, at this address; with `--migrate` behind it, it makes the schema first.
///
/// # Errors
/// When there is no such program.
pub(crate) fn command(database: &SecretString, listen: &str) -> anyhow::Result<Command> {
    let mut command = Command::new(permesso()?);
    without_foreign_settings(&mut command);
    command.arg("serve").envs([
        ("DATABASE_URL", database.expose_secret()),
        ("PERMESSO_LISTEN", listen),
        ("PERMESSO_ALLOW_DEV_MASTER_KEY", "1"),
        ("PERMESSO_ADMIN_EMAIL", ADMIN.0),
        ("PERMESSO_ADMIN_PASSWORD", ADMIN.1),
        ("PERMESSO_EGRESS_ALLOW", "127.0.0.0/8"),
        ("PERMESSO_LOG", "warn"),
    ]);
    Ok(command)
}

/// Waits until the gateway that was started last serves; gives its URL.
///
/// # Errors
/// When it ends before, or takes too long.
pub(crate) async fn until_it_serves(stage: &mut Stage) -> anyhow::Result<String> {
    let url = |log: &str| {
        // A line is whole when the next one has begun.
        let (lines, _) = log.rsplit_once('\n')?;
        Some(lines.lines().find_map(|line| line.strip_prefix("permesso on "))?.trim_end_matches('/').to_owned())
    };
    stage.until(PATIENCE, url).await
}
