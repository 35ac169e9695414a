//! The official Rust client, driven by lines of JSON: see ../driver.mjs for what they say.
//!
//! Reads commands from standard input and answers each on standard output when it is done, in any
//! order. `MCP_KEY` is the caller's key, `MCP_ERA` the newest revision to speak: with 2026-07-28
//! there is no way back to an older one.

mod session;

use std::sync::Arc;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::sync::mpsc;

use session::{Asked, Sessions};

/// One line of the input.
#[derive(Deserialize)]
struct Command {
    id: u64,
    r#do: Verb,
    #[serde(flatten)]
    asked: Asked,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Verb {
    List,
    Call,
    Task,
}

/// One line of the output.
#[derive(Serialize)]
struct Answer {
    id: u64,
    #[serde(flatten)]
    outcome: Value,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let key = std::env::var("MCP_KEY").context("MCP_KEY is the key to call with")?;
    let modern = std::env::var("MCP_ERA").context("MCP_ERA is a revision")? == "2026-07-28";
    let sessions = Arc::new(Sessions::new(key, modern));
    let (answers, mut written) = mpsc::unbounded_channel::<Answer>();
    tokio::spawn(async move {
        let mut out = tokio::io::stdout();
        while let Some(answer) = written.recv().await {
            let mut line = serde_json::to_vec(&answer)?;
            line.push(b'\n');
            out.write_all(&line).await?;
            out.flush().await?;
        }
        anyhow::Ok(())
    });
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        let Command { id, r#do, asked } = serde_json::from_str(&line)?;
        let (sessions, answers) = (sessions.clone(), answers.clone());
        tokio::spawn(async move {
            let outcome = match r#do {
                Verb::List => sessions.list(&asked).await,
                Verb::Call => sessions.call(&asked).await,
                Verb::Task => sessions.task(&asked).await,
            };
            let outcome = match outcome {
                Ok(value) => json!({ "value": value }),
                Err(error) => json!({ "error": format!("{error:#}") }),
            };
            // Nobody reads any more: the end is near.
            answers.send(Answer { id, outcome }).ok();
        });
    }
    Ok(())
}
