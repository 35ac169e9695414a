//! Gateways and the sample upstream as processes of their own, to be killed and paused.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use secrecy::SecretString;

/// A process of the `permesso` binary that serves on `url`; killed when dropped.
pub(crate) struct Process {
    child: Child,
    pub(crate) url: String,
}

impl Process {
    /// `permesso serve` on this database.
    pub(crate) fn gateway(database: &SecretString) -> Self {
        let mut command = permesso();
        command.arg("serve").envs(super::gateway::variables(database)).env("PERMESSO_LOG", "warn");
        Self::spawn(command, "permesso on ")
    }

    /// `permesso sample-upstream` on a port of its own.
    pub(crate) fn ledger(file: &Path, delay_ms: u64) -> Self {
        let mut command = permesso();
        command.arg("sample-upstream").arg("--ledger").arg(file).args(["--delay-ms", &delay_ms.to_string()]);
        Self::spawn(command, "sample upstream on ")
    }

    /// Starts it and waits for the line that says where it listens.
    fn spawn(mut command: Command, announces: &str) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("the binary runs");
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let url = loop {
            let line = lines.next().expect("it says where it listens").expect("UTF-8");
            if let Some(url) = line.strip_prefix(announces) {
                break url.trim_end_matches('/').to_owned();
            }
        };
        // Whatever else it prints must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, url }
    }

    /// The most memory that it ever had, in kilobytes.
    pub(crate) fn peak_kb(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux says it");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).expect("a pid");
        kill(Pid::from_raw(pid), signal).expect("the process is there");
    }

    /// Ends it as a crash would.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("the process is there");
        self.child.wait().expect("it ends");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The binary with an environment of nothing but PATH.
pub(crate) fn permesso() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_permesso"));
    command.env_clear().envs(std::env::vars().filter(|(name, _)| name == "PATH"));
    command
}
