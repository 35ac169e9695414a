//! `permesso migrate`.

use domain::marks::escaped;
use secrecy::SecretString;
use serde_json::json;

use super::{
    output::{Output, note},
    setup,
};
use crate::{
    config::Config,
    db::{
        self,
        key_people::{MOST, Narrowed},
    },
    telemetry,
};

/// Migrates once.
pub(super) async fn run(out: Output) -> anyhow::Result<()> {
    let config = Config::from_env().map_err(setup::refuse)?;
    telemetry::start_log(&config.log);
    let url = setup::owner_url(&config)?;
    db::migrate::migrate(url).await?;
    let keys = keys(url).await?;
    let words = keys.iter().map(|key| format!("\n{}", escaped(key))).collect::<String>();
    out.say(&json!({"up_to_date": true, "keys": keys}), format_args!("the schema is up to date{words}"));
    Ok(())
}

/// The same at the start of a gateway, which waits for a Postgres that is starting. What there is to say of keys stands on
/// stderr, and only where a migration was applied: not at each start.
pub(super) async fn at_start(config: &Config) -> anyhow::Result<()> {
    let url = setup::owner_url(config)?;
    if db::migrate::migrate_at_start(url).await? {
        for key in keys(url).await? {
            note(escaped(&key));
        }
    }
    Ok(())
}

/// What there is to say of keys to who has brought the schema up to date.
async fn keys(url: &SecretString) -> anyhow::Result<Vec<String>> {
    let found = db::migrate::narrowed_keys(url).await?;
    let mut lines: Vec<String> = found.iter().take(MOST).flat_map(said).collect();
    if found.len() > MOST {
        lines.push("there are more than 1,000 such keys; the others are not named".to_owned());
    }
    Ok(lines)
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
