//! The running server as its files and the system show it: whether it is ready, whether it was left
//! behind, and how it is ended.

use std::{
    fs,
    path::Path,
    process::Child,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use nix::{
    errno::Errno,
    sys::signal::{Signal, kill},
    unistd::Pid,
};

const POLL: Duration = Duration::from_millis(10);

/// How a server is asked to go, and how long before it is asked less kindly: fast shutdown, immediate
/// shutdown (the next start recovers), and the kernel ("Shutting Down the Server" in PostgreSQL's
/// manual).
const ENDINGS: [(Signal, Duration); 3] = [
    (Signal::SIGINT, Duration::from_secs(30)),
    (Signal::SIGQUIT, Duration::from_secs(10)),
    (Signal::SIGKILL, Duration::from_secs(10)),
];

/// What `postmaster.pid` says (src/include/utils/pidfile.h).
#[derive(Debug, PartialEq, Eq)]
struct PidFile {
    pid: i32,
    ready: bool,
}

impl PidFile {
    fn read(cluster: &Path) -> Option<Self> {
        Self::parse(&fs::read_to_string(cluster.join("postmaster.pid")).ok()?)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let pid = lines.next()?.trim().parse().ok().filter(|pid| *pid > 1)?;
        Some(Self { pid, ready: lines.nth(6).is_some_and(|status| status.trim() == "ready") })
    }
}

/// Whether the server with this process id takes connections, as `pg_ctl -w` decides it.
pub(super) fn is_ready(cluster: &Path, child: &Child) -> bool {
    PidFile::read(cluster).is_some_and(|file| file.ready && u32::try_from(file.pid) == Ok(child.id()))
}

/// Ends the server that a process of ours left in `cluster`, if there is one. It would keep the files,
/// and nothing would end it with us. Only the holder of the home's lock may call this.
///
/// # Errors
/// When it cannot be ended.
pub(super) fn end_orphan(cluster: &Path, progress: &dyn Fn(&str)) -> anyhow::Result<()> {
    let Some(PidFile { pid, .. }) = PidFile::read(cluster) else { return Ok(()) };
    if !works_in(pid, cluster) {
        // The number now belongs to another process, or to a corpse that nobody buries: Postgres would
        // take it for a server and refuse to start. With no such process it finds out by itself.
        if Path::new(&format!("/proc/{pid}")).exists() {
            fs::remove_file(cluster.join("postmaster.pid")).context("cannot remove a stale postmaster.pid")?;
        }
        return Ok(());
    }
    progress("waiting for the Postgres of an earlier run to end ...");
    end(Pid::from_raw(pid), Signal::SIGINT, || Ok(!works_in(pid, cluster)))
}

/// Ends our own server and waits for it; `first` is where to begin in the order of signals.
///
/// # Errors
/// When it is still there after the last.
pub(super) fn end_child(child: &mut Child, first: Signal) -> anyhow::Result<()> {
    let pid = Pid::from_raw(i32::try_from(child.id())?);
    end(pid, first, || Ok(child.try_wait()?.is_some()))
}

fn end(pid: Pid, first: Signal, mut gone: impl FnMut() -> anyhow::Result<bool>) -> anyhow::Result<()> {
    for (signal, patience) in ENDINGS.into_iter().skip_while(|(signal, _)| *signal != first) {
        if gone()? {
            return Ok(());
        }
        match kill(pid, signal) {
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(errno) => return Err(errno).with_context(|| format!("cannot end Postgres (process {pid})")),
        }
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline {
            if gone()? {
                return Ok(());
            }
            thread::sleep(POLL);
        }
    }
    bail!("Postgres (process {pid}) does not end")
}

/// A postmaster's working directory is its data directory; a corpse has none.
fn works_in(pid: i32, cluster: &Path) -> bool {
    let cluster = cluster.canonicalize().ok();
    cluster.is_some() && fs::read_link(format!("/proc/{pid}/cwd")).ok() == cluster
}

#[cfg(test)]
mod tests {
    use super::PidFile;

    #[test]
    fn a_server_is_ready_only_when_its_file_says_so() {
        let file = |status: &str| format!("4711\n/data\n1700000000\n54321\n\n127.0.0.1\n  123  456\n{status}\n");
        assert_eq!(PidFile::parse(&file("ready   ")), Some(PidFile { pid: 4711, ready: true }));
        assert_eq!(PidFile::parse(&file("starting")), Some(PidFile { pid: 4711, ready: false }));
        assert_eq!(PidFile::parse("4711\n/data\n"), Some(PidFile { pid: 4711, ready: false }));
    }

    #[test]
    fn a_pid_file_that_would_mean_everyone_is_not_believed() {
        for text in ["", "x\n", "0\n", "1\n", "-1\n", "-4711\n"] {
            assert_eq!(PidFile::parse(text), None, "{text:?}");
        }
    }
}
