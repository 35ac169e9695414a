//! The sample org: `acme` with the private toolkit `ledger`, `mono` for everybody, a second person
//! and her agent's key. What is there already stays as it is.

use anyhow::Context;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Made, secret};
use crate::cli::client::Client;

/// The sample tools and their permissions.
const TOOLS: [(&str, &str); 3] =
    [("list_invoices", "always_allow"), ("send_invoice", "needs_approval"), ("delete_ledger", "blocked")];

/// Makes what is missing.
pub(super) async fn make(url: &str, made: &mut Made) -> anyhow::Result<()> {
    let admin = Client::sign_in_as(url, &made.admin_email, &secret(&made.admin_password)).await?;
    for (slug, name) in [("acme", "Acme"), ("mono", "Toolkits for everyone")] {
        missing(&admin, &format!("/orgs/{slug}"), "/orgs", &json!({"slug": slug, "name": name})).await?;
    }
    owner(&admin, made).await?;
    let connection = json!({"slug": "ledger", "kind": "stdio", "config": upstream(made)?});
    missing(&admin, "/orgs/acme/connections/ledger", "/orgs/acme/connections", &connection).await?;
    let toolkit = json!({"slug": "ledger", "name": "Invoice ledger", "visibility": "private"});
    let made_now = missing(&admin, "/orgs/acme/toolkits/ledger", "/orgs/acme/toolkits", &toolkit).await?;
    if made_now {
        admin.post("/orgs/acme/connections/ledger/refresh", &json!({})).await?;
        for (tool, permission) in TOOLS {
            let body = json!({"connection": "ledger", "tool": tool, "permission": permission});
            admin.send(Method::PUT, &format!("/orgs/acme/toolkits/ledger/tools/{tool}"), Some(&body)).await?;
        }
    }
    if made.agent_key.is_empty() {
        // Made by its owner: who makes a key may not decide on its requests.
        let owner = Client::sign_in_as(url, &made.owner_email, &secret(&made.owner_password)).await?;
        let key = owner.post("/orgs/acme/api-keys", &json!({"name": "sample agent", "role": "agent"})).await?;
        made.agent_key = key["key"].as_str().context("the key was not given")?.to_owned();
    }
    Ok(())
}

/// The sample upstream, this program itself. It runs as the gateway's child.
fn upstream(made: &Made) -> anyhow::Result<Value> {
    let program = std::env::current_exe()?;
    let program = program.to_str().context("the path of this program is not UTF-8")?;
    Ok(json!({"command": program, "args": ["sample-upstream", "--stdio", "--ledger", made.ledger]}))
}

async fn owner(admin: &Client, made: &Made) -> anyhow::Result<()> {
    let mut there = false;
    let find = |member: Value| there |= member["email"] == made.owner_email.as_str();
    admin.each("/orgs/acme/members?limit=200", find).await?;
    if !there {
        let body =
            json!({"email": made.owner_email, "name": "Sam Sample", "role": "admin", "password": made.owner_password});
        admin.post("/orgs/acme/members", &body).await?;
    }
    Ok(())
}

/// Makes something unless it is there. Says whether it made it.
async fn missing(admin: &Client, there: &str, list: &str, body: &Value) -> anyhow::Result<bool> {
    if admin.find(there).await?.is_some() {
        return Ok(false);
    }
    admin.post(list, body).await?;
    Ok(true)
}
