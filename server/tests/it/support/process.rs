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
        Self::gateway_with(&super::gateway::variables(database))
    }

    /// `permesso serve` with this environment.
    pub(crate) fn gateway_with(variables: &[(String, String)]) -> Self {
        let mut command = permesso();
        command.arg("serve");
        Self::gateway_by(command, variables)
    }

    /// As [`gateway_with`](Self::gateway_with), by a command that becomes `permesso serve`.
    pub(crate) fn gateway_by(mut command: Command, variables: &[(String, String)]) -> Self {
        command.envs(variables.iter().cloned()).env("PERMESSO_LOG", "warn");
        Self::spawn(command, "permesso on ")
    }

    /// The same with at most so much memory to address, in KiB.
    pub(crate) fn gateway_within(database: &SecretString, kib: u64) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("ulimit -v {kib} && exec \"$0\" serve"), env!("CARGO_BIN_EXE_permesso")]);
        command.env_clear().envs(std::env::vars().filter(|(name, _)| name == "PATH"));
        command.envs(super::gateway::variables(database)).env("PERMESSO_LOG", "error");
        Self::spawn(command, "permesso on ")
    }

    /// The memory that it has taken at most, in MiB.
    pub(crate) fn peak_mib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it lives");
        let line = status.lines().find(|line| line.starts_with("VmHWM")).expect("Linux says so");
        line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).expect("a number") / 1024
    }

    /// `permesso serve` with this environment, whose log goes to a file.
    pub(crate) fn logging(variables: &[(String, String)], log: std::fs::File) -> Self {
        let mut command = permesso();
        command.arg("serve").envs(variables.iter().cloned()).stderr(log);
        Self::spawn(command, "permesso on ")
    }

    /// `permesso dev` with this environment, ready.
    pub(crate) fn dev(data_dir: &Path, variables: &[(&str, &str)]) -> Self {
        let mut command = permesso();
        command.arg("dev").envs(variables.iter().copied());
        command.env("PERMESSO_DATA_DIR", data_dir).env("PERMESSO_LISTEN", "127.0.0.1:0");
        Self::spawn(command, "  console ")
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
                break url.split_whitespace().next().expect("an address").trim_end_matches('/').to_owned();
            }
        };
        // Whatever else it prints must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, url }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).expect("a pid");
        kill(Pid::from_raw(pid), signal).expect("the process is there");
    }

    /// Lets it stop in order.
    pub(crate) fn end(mut self) {
        self.signal(Signal::SIGTERM);
        self.child.wait().expect("it ends");
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
