//! The directory of a private cluster: one process at a time works in it.
//!
//! ```text
//! lock           held while a process of ours uses the directory
//! password       the superuser's, 0600
//! cluster/       PGDATA, 0700, owned by the account
//! postgres.log   since the last start; the one before is postgres.log.old
//! ```
//!
//! Where the account cannot reach the directory that was asked for (root's home is closed), that one
//! holds only a link `elsewhere` to the real one. Removing it therefore means a new cluster, as it
//! does everywhere else.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::{ErrorKind, Read, Seek, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, symlink},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use nix::{
    errno::Errno,
    fcntl::{Flock, FlockArg},
    unistd::geteuid,
};
use secrecy::{ExposeSecret, SecretString};
use system::random;
use uuid::Uuid;

use super::account::Account;

/// Where root keeps what must be reachable for the account; open to all, writable for root only,
/// whatever the umask.
pub(super) fn shared() -> anyhow::Result<&'static Path> {
    let path = Path::new("/var/lib/permesso");
    fs::create_dir_all(path)
        .and_then(|()| fs::set_permissions(path, Permissions::from_mode(0o755)))
        .with_context(|| format!("cannot make {}", path.display()))?;
    Ok(path)
}

const ELSEWHERE: &str = "elsewhere";

/// A directory that is ours while this value lives.
#[derive(Debug)]
pub(super) struct Home {
    asked: PathBuf,
    path: PathBuf,
    _lock: Flock<File>,
}

impl Home {
    /// Makes the directory if it is missing, and locks it.
    ///
    /// # Errors
    /// When another process uses it, it belongs to someone else, or it cannot be made.
    pub(super) fn open(asked: &Path, account: Account) -> anyhow::Result<Self> {
        make_dir(asked)?;
        let asked = asked.canonicalize().with_context(|| format!("cannot find {}", asked.display()))?;
        let path = if account.may_enter(&asked)? { asked.clone() } else { elsewhere(&asked)? };
        let owner = fs::metadata(&path)?.uid();
        if owner != geteuid().as_raw() {
            bail!("{} belongs to user {owner}: run as that user, or choose another data directory", path.display());
        }
        let lock = lock(&path)?;
        Ok(Self { asked, path, _lock: lock })
    }

    pub(super) fn cluster(&self) -> PathBuf {
        self.path.join("cluster")
    }

    /// A new, empty directory of the account's for `initdb`. What an interrupted one left is removed.
    pub(super) fn new_cluster(&self, account: Account) -> anyhow::Result<PathBuf> {
        let path = self.path.join("cluster.new");
        remove_dir(&path)?;
        DirBuilder::new().mode(0o700).create(&path).with_context(|| format!("cannot make {}", path.display()))?;
        account.own(&path)?;
        Ok(path)
    }

    pub(super) fn password_file(&self) -> PathBuf {
        self.path.join("password")
    }

    pub(super) fn password(&self) -> anyhow::Result<SecretString> {
        let path = self.password_file();
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(text.trim_end().into())
    }

    /// A new random password in place of any before, readable for us and the account, as `initdb`
    /// reads it.
    pub(super) fn new_password(&self, account: Account) -> anyhow::Result<SecretString> {
        let password = SecretString::from(random::text::<24>());
        let path = self.password_file();
        if let Err(error) = fs::remove_file(&path)
            && error.kind() != ErrorKind::NotFound
        {
            return Err(error).with_context(|| format!("cannot replace {}", path.display()));
        }
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .with_context(|| format!("cannot write {}", path.display()))?;
        writeln!(file, "{}", password.expose_secret())?;
        file.sync_all()?;
        account.own(&path)?;
        Ok(password)
    }

    pub(super) fn log(&self) -> PathBuf {
        self.path.join("postgres.log")
    }

    /// An empty log; the one before is kept once, as it may tell of a crash.
    pub(super) fn new_log(&self) -> anyhow::Result<File> {
        let path = self.log();
        if path.exists() {
            fs::rename(&path, path.with_extension("log.old"))?;
        }
        OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&path)
            .with_context(|| format!("cannot write {}", path.display()))
    }

    /// Removes all of it.
    pub(super) fn remove(&self) -> anyhow::Result<()> {
        remove_dir(&self.path)?;
        remove_dir(&self.asked)
    }
}

/// Ancestors as the process makes directories; the directory itself closed, but for root, whose
/// account must pass through to `cluster/`.
fn make_dir(path: &Path) -> anyhow::Result<()> {
    let context = || format!("cannot make {}", path.display());
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).with_context(context)?;
    }
    let mode = if geteuid().is_root() { 0o711 } else { 0o700 };
    match DirBuilder::new().mode(mode).create(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error).with_context(context),
        _ => Ok(()),
    }
}

fn elsewhere(asked: &Path) -> anyhow::Result<PathBuf> {
    let shared = shared()?;
    let link = asked.join(ELSEWHERE);
    let path = match fs::read_link(&link) {
        Ok(path) => path,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let path = shared.join(format!("postgres-{}", Uuid::now_v7()));
            symlink(&path, &link).with_context(|| format!("cannot write {}", link.display()))?;
            path
        }
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", link.display())),
    };
    make_dir(&path)?;
    Ok(path)
}

fn lock(home: &Path) -> anyhow::Result<Flock<File>> {
    let path = home.join("lock");
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .with_context(|| format!("cannot write {}", path.display()))?;
    match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(mut file) => {
            file.set_len(0)?;
            file.rewind()?;
            writeln!(file, "{}", std::process::id())?;
            Ok(file)
        }
        Err((mut file, Errno::EWOULDBLOCK)) => {
            let mut holder = String::new();
            file.read_to_string(&mut holder)?;
            bail!(
                "another permesso (process {}) is using {}: stop it first, or choose another data directory",
                holder.trim(),
                home.display()
            )
        }
        Err((_, errno)) => Err(errno).with_context(|| format!("cannot lock {}", path.display())),
    }
}

fn remove_dir(path: &Path) -> anyhow::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", path.display()))
        }
        _ => Ok(()),
    }
}
