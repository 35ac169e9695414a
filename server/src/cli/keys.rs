//! `permesso keys`.

use clap::Subcommand;
use domain::marks::escaped;
use serde_json::json;

use super::{
    client::{Client, SignInArgs},
    output::{Output, note},
};

#[derive(Debug, Subcommand)]
pub(super) enum KeysCommand {
    /// Make a key for an agent and print it, once
    Create {
        /// What people call the key
        name: String,
        /// Its role
        #[arg(long, default_value = "agent")]
        role: String,
        /// The e-mail of the person answerable; you, unless given. Neither they nor you, who make it, decide on its requests
        #[arg(long)]
        owner: Option<String>,
        /// When it stops being valid (RFC 3339)
        #[arg(long)]
        expires_at: Option<String>,
        #[command(flatten)]
        sign_in: SignInArgs,
    },
}

/// Runs a command about keys.
pub(super) async fn run(command: KeysCommand, out: Output) -> anyhow::Result<()> {
    let KeysCommand::Create { name, role, owner, expires_at, sign_in } = command;
    let client = Client::sign_in(&sign_in).await?;
    let org = client.org(sign_in.org.as_deref()).await?;
    let mut body = json!({"name": name, "role": role});
    for (field, value) in [("owner", owner), ("expires_at", expires_at)] {
        if let Some(value) = value {
            body[field] = json!(value);
        }
    }
    let key = client.post(&format!("/orgs/{org}/api-keys"), &body).await?;
    out.say(&key, key["key"].as_str().unwrap_or_default());
    note(format_args!("The key of `{}` in `{org}`. It is shown only now.", escaped(&name)));
    Ok(())
}
