//! `permesso healthcheck`, for containers and scripts.

use std::time::Duration;

use anyhow::bail;

/// Options of `healthcheck`.
#[derive(Debug, clap::Args)]
pub(super) struct HealthcheckArgs {
    /// The gateway's address
    #[arg(long, env = "PERMESSO_URL", default_value = "http://127.0.0.1:8765")]
    url: String,
}

/// Asks `/readyz`.
pub(super) async fn run(args: HealthcheckArgs) -> anyhow::Result<()> {
    let url = format!("{}/readyz", args.url.trim_end_matches('/'));
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(5)).build()?;
    let answer = client.get(&url).send().await;
    match answer {
        Ok(answer) if answer.status().is_success() => {
            println!("ready");
            Ok(())
        }
        Ok(answer) => bail!("not ready: {} says {}", url, answer.status()),
        Err(_) => bail!("not ready: {url} cannot be reached"),
    }
}
