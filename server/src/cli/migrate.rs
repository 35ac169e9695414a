//! `permesso migrate`.

use serde_json::json;

use super::{output::Output, serve};
use crate::{config::Config, telemetry};

/// Migrates once.
pub(super) async fn run(out: Output) -> anyhow::Result<()> {
    let config = Config::from_env().map_err(serve::refuse)?;
    telemetry::start_log(&config.log);
    serve::migrate(&config).await?;
    out.say(&json!({"up_to_date": true}), "the schema is up to date");
    Ok(())
}
