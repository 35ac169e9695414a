//! The system user that Postgres runs as: PostgreSQL refuses to run as root.

use std::{io, os::unix::fs::chown, path::Path, process::Command};

use anyhow::{Context, bail};
use nix::unistd::geteuid;
use system::process;

/// Whom the cluster belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Account {
    /// We are an ordinary user: so is Postgres.
    Ours,
    /// We are root and become this user for it.
    Other(process::SystemUser),
}

impl Account {
    /// As root the user `postgres`, else `nobody`.
    ///
    /// # Errors
    /// As root on a system that has neither.
    pub(super) fn find() -> anyhow::Result<Self> {
        if !geteuid().is_root() {
            return Ok(Self::Ours);
        }
        for name in ["postgres", "nobody"] {
            let user = process::SystemUser::find(name).with_context(|| format!("cannot look up the user {name}"))?;
            if let Some(user) = user {
                return Ok(Self::Other(user));
            }
        }
        bail!(
            "PostgreSQL does not run as root, and this system has neither a user postgres nor a user nobody: make one"
        )
    }

    /// A command that runs as this account with an empty environment, so that no setting of ours
    /// (`PGDATA`, `PGPORT`, a locale) changes what Postgres does.
    pub(super) fn command(self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("LC_ALL", "C").current_dir("/");
        if let Self::Other(user) = self {
            user.take(&mut command);
        }
        command
    }

    /// Makes a file or directory this account's.
    pub(super) fn own(self, path: &Path) -> io::Result<()> {
        match self {
            Self::Ours => Ok(()),
            Self::Other(user) => chown(path, Some(user.uid), Some(user.gid)),
        }
    }

    /// Whether every directory from the root down to `directory` lets this account pass, by owner,
    /// group and mode.
    pub(super) fn may_enter(self, directory: &Path) -> io::Result<bool> {
        match self {
            Self::Ours => Ok(true),
            Self::Other(user) => Ok(user.closed_directory(directory)?.is_none()),
        }
    }
}
