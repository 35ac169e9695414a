//! The ledger's file: `{"runs": {"send_invoice": 1}, "invoices": [...]}`.
//!
//! It is the witness in tests of what ran and how often, so a change is on disk
//! before it is answered, whole or not at all, whoever else writes.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// One invoice that was sent.
#[derive(Debug, Clone, Serialize, Deserialize, schemars::JsonSchema)]
pub(super) struct Invoice {
    /// Its number, counted from 1 and never used twice.
    pub(super) number: i64,
    pub(super) customer: String,
    /// The amount in the currency's hundredth part.
    pub(super) amount_cents: i64,
    /// ISO 4217, for example EUR.
    pub(super) currency: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) note: Option<String>,
    pub(super) sent_at: DateTime<Utc>,
}

/// What the file holds.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Contents {
    /// How often each tool has changed the ledger.
    pub(super) runs: BTreeMap<String, u64>,
    pub(super) invoices: Vec<Invoice>,
}

/// A ledger file, shared between tasks and processes.
pub(super) struct Ledger {
    path: PathBuf,
}

impl Ledger {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// What the ledger holds now; an empty one if there is no file.
    pub(super) async fn read(self: &Arc<Self>) -> io::Result<Contents> {
        let ledger = self.clone();
        blocking(move || read(&ledger.path)).await
    }

    /// Counts a run of `tool` and changes the ledger, durably when this returns.
    pub(super) async fn change<T: Send + 'static>(
        self: &Arc<Self>,
        tool: &'static str,
        change: impl FnOnce(&mut Contents, u64) -> T + Send + 'static,
    ) -> io::Result<T> {
        let ledger = self.clone();
        blocking(move || {
            // Its own file, because the ledger's is replaced by every change.
            let lock = File::create(beside(&ledger.path, "lock"))?;
            lock.lock()?;
            let mut contents = read(&ledger.path)?;
            let runs = contents.runs.entry(tool.to_owned()).or_default();
            *runs += 1;
            let runs = *runs;
            let outcome = change(&mut contents, runs);
            write(&ledger.path, &contents)?;
            Ok(outcome)
        })
        .await
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await?
}

fn beside(path: &Path, extension: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(extension);
    PathBuf::from(name)
}

fn read(path: &Path) -> io::Result<Contents> {
    match fs::read(path) {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes)?),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Contents::default()),
        Err(error) => Err(error),
    }
}

fn write(path: &Path, contents: &Contents) -> io::Result<()> {
    let temporary = beside(path, "new");
    let mut file = File::create(&temporary)?;
    serde_json::to_writer_pretty(&mut file, contents)?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    File::open(directory)?.sync_all()
}
