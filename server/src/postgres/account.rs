//! The system user that Postgres runs as: PostgreSQL refuses to run as root.

use std::{
    fs, io,
    os::unix::{
        fs::{MetadataExt, chown},
        process::CommandExt,
    },
    path::Path,
    process::Command,
};

use anyhow::{Context, bail};
use nix::unistd::{Uid, User, geteuid};

/// Whom the cluster belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Account {
    /// We are an ordinary user: so is Postgres.
    Ours,
    /// We are root and become this user for it.
    Other {
        /// Its user id, never 0.
        uid: u32,
        /// Its primary group.
        gid: u32,
    },
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
            let user = User::from_name(name).with_context(|| format!("cannot look up the user {name}"))?;
            if let Some(user) = user.filter(|user| user.uid != Uid::from_raw(0)) {
                return Ok(Self::Other { uid: user.uid.as_raw(), gid: user.gid.as_raw() });
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
        if let Self::Other { uid, gid } = self {
            command.uid(uid).gid(gid);
        }
        command
    }

    /// Makes a file or directory this account's.
    pub(super) fn own(self, path: &Path) -> io::Result<()> {
        match self {
            Self::Ours => Ok(()),
            Self::Other { uid, gid } => chown(path, Some(uid), Some(gid)),
        }
    }

    /// Whether every directory from the root down to `directory` lets this account pass, by owner,
    /// group and mode.
    pub(super) fn may_enter(self, directory: &Path) -> io::Result<bool> {
        let Self::Other { uid, gid } = self else { return Ok(true) };
        for ancestor in directory.canonicalize()?.ancestors() {
            let metadata = fs::metadata(ancestor)?;
            let search = if metadata.uid() == uid {
                0o100
            } else if metadata.gid() == gid {
                0o010
            } else {
                0o001
            };
            if metadata.mode() & search == 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
