//! `permesso healthcheck`, for containers and scripts.

use std::time::Duration;

use anyhow::bail;
use serde_json::json;

use super::output::Output;

/// Options of `healthcheck`.
#[derive(Debug, clap::Args)]
pub(super) struct HealthcheckArgs {
    /// The gateway's address
    #[arg(long, env = "PERMESSO_URL", default_value = "http://127.0.0.1:8765")]
    url: String,
}

/// Asks `/readyz`.
pub(super) async fn run(args: HealthcheckArgs, out: Output) -> anyhow::Result<()> {
    let url = format!("{}/readyz", args.url.trim_end_matches('/'));
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(5)).build()?;
    let answer = client.get(&url).send().await;
    let because = match answer {
        Ok(answer) if answer.status().is_success() => {
            out.say(&json!({"ready": true}), "ready");
            return Ok(());
        }
        Ok(answer) => format!("{url} says {}", answer.status()),
        Err(_) => format!("{url} cannot be reached"),
    };
    if out.json {
        out.say(&json!({"ready": false, "because": because}), "");
    }
    bail!("not ready: {because}")
}
