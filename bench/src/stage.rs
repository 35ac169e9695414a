//! The processes of a run and its temporary directory. Both end with the run, also when it fails
//! or is interrupted.

use std::{
    fs::{self, File, Permissions},
    os::unix::{fs::PermissionsExt, process::ExitStatusExt},
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tempfile::TempDir;
use tokio::{
    process::{Child, Command},
    time::{sleep, timeout},
};

/// Between looks at whether something is ready or gone.
const LOOK: Duration = Duration::from_millis(20);
/// How long a process may take to end by itself.
const FAREWELL: Duration = Duration::from_secs(20);
/// Lines of a log that are shown.
const TAIL: usize = 15;

/// Where everything of a run is.
#[derive(Debug)]
pub(crate) struct Stage {
    directory: TempDir,
    processes: Vec<Process>,
}

#[derive(Debug)]
struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Stage {
    /// # Errors
    /// When there is no place for temporary files.
    pub(crate) fn new() -> anyhow::Result<Self> {
        // Root's Postgres runs as another user, who must be able to pass.
        let permissions = Permissions::from_mode(0o711);
        let directory = tempfile::Builder::new().prefix("permesso-bench-").permissions(permissions).tempdir();
        Ok(Self { directory: directory.context("cannot make a temporary directory")?, processes: Vec::new() })
    }

    /// For files of the run.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Starts a process that runs until the end of the stage. What it prints goes to its log.
    ///
    /// # Errors
    /// When it cannot be run.
    pub(crate) fn start(&mut self, name: impl Into<String>, mut command: Command) -> anyhow::Result<()> {
        let name = name.into();
        let log = self.directory().join(&name).with_extension("log");
        let output = File::create(&log)?;
        command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            // A terminal's Ctrl-C is for us; the order in which the others end is ours to say.
            .process_group(0)
            .kill_on_drop(true);
        let child = command.spawn().with_context(|| format!("cannot run {:?}", command.as_std().get_program()))?;
        self.processes.push(Process { name, child, log });
        Ok(())
    }

    /// Waits for the process that was started last until `ready` finds what it looks for in its log.
    ///
    /// # Errors
    /// When it ends before, or takes longer than `patience`.
    pub(crate) async fn until<T>(
        &mut self,
        patience: Duration,
        ready: impl Fn(&str) -> Option<T>,
    ) -> anyhow::Result<T> {
        let started = Instant::now();
        loop {
            let Process { name, log, .. } = self.processes.last().context("nothing was started")?;
            if let Some(found) = ready(&fs::read_to_string(log)?) {
                return Ok(found);
            }
            ensure!(started.elapsed() < patience, "{name} was not ready after {} s", patience.as_secs());
            self.still_runs()?;
            sleep(LOOK).await;
        }
    }

    /// # Errors
    /// When the process that was started last has ended.
    pub(crate) fn still_runs(&mut self) -> anyhow::Result<()> {
        let Process { name, child, .. } = self.processes.last_mut().context("nothing was started")?;
        if let Some(status) = child.try_wait()? {
            bail!("{name} ended too early: {status}");
        }
        Ok(())
    }

    /// The id of the running process of this name that was started last.
    pub(crate) fn pid(&self, name: &str) -> Option<u32> {
        self.processes.iter().rev().find(|process| process.name == name)?.child.id()
    }

    /// The memory that a process has in use (VmRSS), in kB.
    ///
    /// # Errors
    /// When there is none of this name.
    pub(crate) fn memory(&self, name: &str) -> anyhow::Result<u64> {
        let pid = self.pid(name).with_context(|| format!("{name} is gone"))?;
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let memory = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        Ok(memory.trim().trim_end_matches(" kB").parse()?)
    }

    /// Ends a process and waits until it has ended.
    ///
    /// # Errors
    /// When there is none of this name, or it does not end well.
    pub(crate) async fn stop(&mut self, name: &str) -> anyhow::Result<()> {
        let process = self.take(name)?;
        end(process).await.with_context(|| name.to_owned())
    }

    /// Ends a process as a crash would.
    ///
    /// # Errors
    /// When there is none of this name, or it has ended already.
    pub(crate) async fn kill(&mut self, name: &str) -> anyhow::Result<()> {
        let mut process = self.take(name)?;
        if let Some(status) = process.child.try_wait()? {
            bail!("{name} ended too early: {status}");
        }
        process.child.kill().await?;
        Ok(())
    }

    fn take(&mut self, name: &str) -> anyhow::Result<Process> {
        let found = self.processes.iter().position(|process| process.name == name);
        Ok(self.processes.remove(found.with_context(|| format!("there is no {name}"))?))
    }

    /// Prints the end of every log to stderr.
    pub(crate) fn show_logs(&self) {
        for Process { name, log, .. } in &self.processes {
            let text = fs::read_to_string(log).unwrap_or_default();
            let lines: Vec<_> = text.lines().collect();
            eprintln!("--- the end of the log of {name}");
            for line in &lines[lines.len().saturating_sub(TAIL)..] {
                eprintln!("{line}");
            }
        }
    }

    /// Ends every process, the last one first, and removes the directory.
    ///
    /// # Errors
    /// When a process had to be killed or failed, or the directory is still there.
    pub(crate) async fn end(mut self) -> anyhow::Result<()> {
        let mut problems = Vec::new();
        while let Some(process) = self.processes.pop() {
            let name = process.name.clone();
            if let Err(error) = end(process).await {
                problems.push(format!("{name}: {error:#}"));
            }
        }
        if let Err(error) = remove(self.directory.keep()).await {
            problems.push(format!("{error:#}"));
        }
        ensure!(problems.is_empty(), "not everything ended well: {}", problems.join("; "));
        Ok(())
    }
}

async fn end(Process { mut child, .. }: Process) -> anyhow::Result<()> {
    if let Some(status) = child.try_wait()? {
        bail!("ended too early: {status}");
    }
    let pid = child.id().context("is gone")?;
    kill(Pid::from_raw(i32::try_from(pid)?), Signal::SIGINT)?;
    match timeout(FAREWELL, child.wait()).await {
        Ok(status) => {
            let status = status?;
            // One that has just begun does not handle the signal yet.
            ensure!(status.success() || status.signal() == Some(Signal::SIGINT as i32), "{status}");
            Ok(())
        }
        Err(_) => {
            child.kill().await?;
            bail!("did not end within {} s and was killed", FAREWELL.as_secs())
        }
    }
}

/// What a killed gateway leaves, its Postgres, ends by itself, but may still write for a moment.
async fn remove(directory: PathBuf) -> anyhow::Result<()> {
    let started = Instant::now();
    while let Err(error) = fs::remove_dir_all(&directory) {
        if started.elapsed() > FAREWELL {
            return Err(error).with_context(|| format!("cannot remove {}", directory.display()));
        }
        sleep(LOOK).await;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[tokio::test]
    async fn the_end_interrupts_processes_and_removes_the_directory() {
        let mut stage = Stage::new().unwrap();
        let directory = stage.directory().to_owned();
        let script =
            format!("trap 'touch {}.ended; exit 0' INT; echo ready; while :; do sleep 0.05; done", directory.display());
        stage.start("one", shell(&script)).unwrap();
        stage.until(Duration::from_secs(10), |log| log.contains("ready").then_some(())).await.unwrap();
        stage.end().await.unwrap();
        assert!(!directory.exists());
        fs::remove_file(directory.with_added_extension("ended")).unwrap();
    }

    #[tokio::test]
    async fn a_process_that_ends_too_early_is_an_error_at_once() {
        let mut stage = Stage::new().unwrap();
        stage.start("one", shell("echo broken; exit 3")).unwrap();
        let error = stage.until(Duration::from_secs(60), |_| None::<()>).await.unwrap_err();
        assert!(error.to_string().contains("ended too early"), "{error}");
        assert!(stage.end().await.is_err());
    }

    #[tokio::test]
    async fn a_process_that_was_killed_is_not_missed_at_the_end() {
        let mut stage = Stage::new().unwrap();
        for name in ["one", "two"] {
            stage.start(name, shell("echo ready; while :; do sleep 0.05; done")).unwrap();
            stage.until(Duration::from_secs(10), |log| log.contains("ready").then_some(())).await.unwrap();
        }
        stage.kill("one").await.unwrap();
        assert!(stage.pid("one").is_none() && stage.pid("two").is_some());
        assert!(stage.memory("one").is_err() && stage.memory("two").unwrap() > 0);
        assert!(stage.kill("one").await.is_err());
        stage.end().await.unwrap();
    }
}
