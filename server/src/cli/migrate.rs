//! `permesso migrate`.

use super::serve;
use crate::{config::Config, telemetry};

/// Migrates once.
pub(super) async fn run() -> anyhow::Result<()> {
    let config = Config::from_env().map_err(serve::refuse)?;
    telemetry::start_log(&config.log);
    serve::migrate(&config).await?;
    println!("the schema is up to date");
    Ok(())
}
