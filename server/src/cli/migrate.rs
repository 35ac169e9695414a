//! `permesso migrate`.

use domain::marks::escaped;
use serde_json::json;

use super::{output::Output, serve};
use crate::{
    config::Config,
    db::{self, key_people::Narrowed},
    telemetry,
};

/// Migrates once.
pub(super) async fn run(out: Output) -> anyhow::Result<()> {
    let config = Config::from_env().map_err(serve::refuse)?;
    telemetry::start_log(&config.log);
    serve::migrate(&config).await?;
    let keys = db::migrate::narrowed_keys(serve::owner_url(&config)?).await?;
    let keys: Vec<String> = keys.iter().flat_map(said).collect();
    let words = keys.iter().map(|key| format!("\n{}", escaped(key))).collect::<String>();
    out.say(&json!({"up_to_date": true, "keys": keys}), format_args!("the schema is up to date{words}"));
    Ok(())
}

/// What a key may not do although its role allows it, and who should no longer know it. Names are other people's words: each
/// stands quoted, in one line.
fn said(key: &Narrowed) -> Vec<String> {
    let Narrowed { org, name, prefix, role, owner, belongs, lost, known_to } = key;
    let key = format!("the key {name:?} ({prefix}…, role `{role}`) of the org `{org}`");
    let mut lines = Vec::new();
    if !belongs {
        lines.push(format!("{key} does nothing any more: its owner {owner:?} does not belong to the org"));
    } else if !lost.is_empty() {
        lines.push(format!(
            "{key} can no longer: {}. Its owner {owner:?} may not, and a key may do no more than its owner",
            lost.join(", ")
        ));
    }
    if let Some(person) = known_to {
        lines.push(format!("{key} has a secret made by {person:?}, who no longer belongs to the org: rotate it"));
    }
    lines
}
