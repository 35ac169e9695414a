//! A private cluster's life: `initdb` once, start, stop. Everything here blocks: call it off the async
//! threads. It ends with this process, even after `SIGKILL` (see [`system::process`]).

use std::{
    fs::{self, File},
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use nix::sys::signal::Signal;
use secrecy::{ExposeSecret, SecretString};
use system::process;

use super::{account::Account, binaries::Binaries, home::Home, postmaster};

/// Recovery after a crash replays at most about a gigabyte of log.
const PATIENCE: Duration = Duration::from_secs(300);

/// Starts that fail for a reason that passes are tried this often in all.
const ATTEMPTS: u32 = 10;

/// What may pass within a moment: somebody took the port, or processes of a killed server still go.
const PASSING: [&str; 3] = ["could not bind", "pre-existing shared memory block", "already exists"];

/// Where and how a cluster runs.
#[derive(Clone, Debug)]
pub struct Options {
    /// Made if missing. One process at a time uses it.
    pub data_dir: PathBuf,
    /// For tests: faster by not surviving a crash of the machine, begun empty, and removed when
    /// stopped.
    pub ephemeral: bool,
}

/// A running private cluster; dropping it stops it.
#[derive(Debug)]
pub struct Embedded {
    postmaster: Option<Child>,
    home: Home,
    port: u16,
    password: SecretString,
    ephemeral: bool,
}

impl Embedded {
    /// Starts the cluster in `options.data_dir`, after making it there the first time, and returns when
    /// it takes connections: on 127.0.0.1 only, at a free port. As root it runs as the user `postgres`,
    /// else `nobody`. `progress` hears one line before each step that takes long.
    ///
    /// Blocks: about a second the first time, a tenth later, more when recovering from a crash.
    ///
    /// # Errors
    /// No usable PostgreSQL on this machine; the directory is in use by another process of ours, was
    /// made by another major version, or cannot be reached; the server's own complaint. Each says what
    /// to do.
    pub fn start(options: &Options, progress: &dyn Fn(&str)) -> anyhow::Result<Self> {
        let account = Account::find()?;
        let home = Home::open(&options.data_dir, account)?;
        let cluster = home.cluster();
        postmaster::end_orphan(&cluster, progress)?;
        if options.ephemeral && cluster.exists() {
            fs::remove_dir_all(&cluster).with_context(|| format!("cannot empty {}", cluster.display()))?;
        }
        let made_by = made_by(&cluster)?;
        let binaries = Binaries::find(made_by, account)?;
        let password = match made_by {
            Some(_) => home.password().context("the cluster's password is lost: remove the data directory")?,
            None => {
                progress(&format!("setting up PostgreSQL {} in {} ...", binaries.major, cluster.display()));
                initdb(&home, &binaries, account, options.ephemeral)?
            }
        };
        let mut embedded = Self { postmaster: None, home, port: 0, password, ephemeral: options.ephemeral };
        if let Err(error) = embedded.launch(&binaries, account, progress) {
            if embedded.ephemeral && embedded.postmaster.is_none() {
                embedded.home.remove()?;
            }
            return Err(error);
        }
        Ok(embedded)
    }

    /// As whom a cluster runs, where that is another user than ours, and who can read its files, the password among
    /// them.
    ///
    /// # Errors
    /// As root on a system that has neither a user `postgres` nor a user `nobody`.
    pub fn user() -> anyhow::Result<Option<process::SystemUser>> {
        Ok(match Account::find()? {
            Account::Ours => None,
            Account::Other(user) => Some(user),
        })
    }

    /// The superuser's URL for `database`, which need not exist yet (`postgres` does) and whose name
    /// needs no escaping in a URL.
    pub fn url(&self, database: &str) -> SecretString {
        let password = self.password.expose_secret();
        format!("postgres://postgres:{password}@127.0.0.1:{}/{database}?sslmode=disable", self.port).into()
    }

    /// Stops the server: connections are ended, what is committed is on disk.
    /// An ephemeral cluster is removed.
    ///
    /// # Errors
    /// When it does not end, or its files cannot be removed.
    pub fn stop(mut self) -> anyhow::Result<()> {
        self.end()
    }

    fn end(&mut self) -> anyhow::Result<()> {
        let Some(mut child) = self.postmaster.take() else { return Ok(()) };
        // What will be removed need not be written out first.
        postmaster::end_child(&mut child, if self.ephemeral { Signal::SIGQUIT } else { Signal::SIGINT })?;
        if self.ephemeral { self.home.remove() } else { Ok(()) }
    }

    fn launch(&mut self, binaries: &Binaries, account: Account, progress: &dyn Fn(&str)) -> anyhow::Result<()> {
        progress(&format!("starting PostgreSQL {} ...", binaries.major));
        for attempt in 1.. {
            self.port = free_port()?;
            let log = self.home.new_log()?;
            let command = self.command(binaries, account, log)?;
            self.postmaster = Some(process::spawn(command, Signal::SIGINT).context("cannot start Postgres")?);
            if self.wait_until_ready(progress)? {
                break;
            }
            self.postmaster = None;
            let log = fs::read_to_string(self.home.log()).unwrap_or_default();
            if attempt == ATTEMPTS || !PASSING.iter().any(|reason| log.contains(reason)) {
                bail!("Postgres did not start; the end of {}:\n{}", self.home.log().display(), tail(&log));
            }
            thread::sleep(Duration::from_millis(300));
        }
        Ok(())
    }

    fn command(&self, binaries: &Binaries, account: Account, log: File) -> anyhow::Result<Command> {
        let mut command = account.command(&binaries.postgres());
        command.arg("-D").arg(self.home.cluster());
        let port = format!("port={}", self.port);
        let mut settings = vec![
            "listen_addresses=127.0.0.1",
            &port,
            "unix_socket_directories=",
            "max_connections=300",
            "shared_buffers=128MB",
            "logging_collector=off",
            "log_destination=stderr",
            "timezone=UTC",
            "log_timezone=UTC",
        ];
        if self.ephemeral {
            settings.extend(["fsync=off", "full_page_writes=off", "synchronous_commit=off"]);
        }
        for setting in settings {
            command.args(["-c", setting]);
        }
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        Ok(command)
    }

    /// False when the server ended instead.
    fn wait_until_ready(&mut self, progress: &dyn Fn(&str)) -> anyhow::Result<bool> {
        let Some(child) = &mut self.postmaster else { return Ok(false) };
        let began = Instant::now();
        let mut told = 0;
        while began.elapsed() < PATIENCE {
            if child.try_wait()?.is_some() {
                return Ok(false);
            }
            if postmaster::is_ready(&self.home.cluster(), child) {
                return Ok(true);
            }
            let waited = began.elapsed().as_secs() / 5;
            if waited > told {
                told = waited;
                progress("Postgres is still starting: after a crash it first recovers ...");
            }
            thread::sleep(Duration::from_millis(10));
        }
        bail!("Postgres takes no connections after {} s; see {}", PATIENCE.as_secs(), self.home.log().display())
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            tracing::error!(error = format!("{error:#}"), "private postgres not stopped");
        }
    }
}

/// Removes what an ephemeral cluster of a process that was killed has left in `data_dir`, ending its
/// server if that still runs.
///
/// # Errors
/// When a process is using it, or it cannot be removed.
pub fn discard(data_dir: &Path) -> anyhow::Result<()> {
    let home = Home::open(data_dir, Account::find()?)?;
    postmaster::end_orphan(&home.cluster(), &|_| ())?;
    home.remove()
}

/// The major version that made the cluster; none if there is none.
fn made_by(cluster: &Path) -> anyhow::Result<Option<u32>> {
    if !cluster.exists() {
        return Ok(None);
    }
    let path = cluster.join("PG_VERSION");
    let text = fs::read_to_string(&path).with_context(|| format!("{} is no Postgres cluster", cluster.display()))?;
    let major = text.trim().parse().with_context(|| format!("{} holds no version", path.display()))?;
    Ok(Some(major))
}

/// Makes the cluster beside its place and moves it there whole, so that one that was interrupted never
/// looks finished.
fn initdb(home: &Home, binaries: &Binaries, account: Account, ephemeral: bool) -> anyhow::Result<SecretString> {
    let password = home.new_password(account)?;
    let new = home.new_cluster(account)?;
    let mut command = account.command(&binaries.initdb());
    command.arg("-D").arg(&new).arg("--pwfile").arg(home.password_file());
    // Code-point order and Unicode case, the same on every machine.
    command.args(["-U", "postgres", "-A", "scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8"]);
    if ephemeral {
        command.arg("--no-sync");
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let output =
        process::spawn(command, Signal::SIGTERM).and_then(Child::wait_with_output).context("cannot run initdb")?;
    if !output.status.success() {
        bail!("initdb failed:\n{}", tail(&String::from_utf8_lossy(&output.stderr)));
    }
    fs::rename(&new, home.cluster())?;
    Ok(password)
}

fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port on 127.0.0.1")?;
    Ok(listener.local_addr()?.port())
}

fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(15)..].join("\n")
}
