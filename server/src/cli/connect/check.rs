//! Whether a key works at an endpoint, and what it finds there.

use std::time::Duration;

use anyhow::bail;
use domain::{directory::RESERVED, marks::escaped};
use reqwest::{StatusCode, header};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

/// How long the gateway may take: the first list may wait for its upstreams.
const WITHIN: Duration = Duration::from_secs(20);
/// How many pages of tools are read.
const PAGES: usize = 20;
/// How many tools are named.
const NAMED: usize = 8;

/// What was found.
pub(super) enum Found {
    /// The key works; what it finds, in words.
    Works(String),
    /// Nobody answers there, from here.
    Unreachable,
}

/// Lists the tools of an endpoint with a key.
///
/// # Errors
/// What is wrong and what to do, where somebody answers.
pub(super) async fn check(url: &str, key: &SecretString) -> anyhow::Result<Found> {
    let client = reqwest::Client::builder()
        .no_proxy()
        .timeout(WITHIN)
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("permesso-connect/", env!("CARGO_PKG_VERSION")))
        .build()?;
    let mut names = Vec::new();
    let mut params = json!({});
    for _ in 0..PAGES {
        let request = client
            .post(url)
            .bearer_auth(key.expose_secret())
            .header(header::ACCEPT, "application/json")
            .header("mcp-protocol-version", "2025-11-25")
            .json(&json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": params}));
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) if error.is_builder() => bail!("the key has characters that no key of Permesso has"),
            Err(_) => return Ok(Found::Unreachable),
        };
        let status = answer.status();
        let body: Value = serde_json::from_str(&answer.text().await.unwrap_or_default()).unwrap_or_default();
        let Some(tools) = body["result"]["tools"].as_array().filter(|_| status.is_success()) else {
            bail!("{}", wrong(url, status, &body));
        };
        names.extend(tools.iter().filter_map(|tool| tool["name"].as_str()).map(escaped));
        match body["result"]["nextCursor"].as_str() {
            Some(cursor) => params = json!({"cursor": cursor}),
            None => break,
        }
    }
    Ok(Found::Works(summary(&names)))
}

fn wrong(url: &str, status: StatusCode, body: &Value) -> String {
    match (status, body["error"]["message"].as_str()) {
        (StatusCode::UNAUTHORIZED, Some(_)) => {
            "the key is not valid there: it is mistyped, revoked or expired, or of another gateway".to_owned()
        }
        (StatusCode::NOT_FOUND, Some(_)) => format!("at {url} is no toolkit, or none that this key may use"),
        (_, Some(message)) => format!("{url} says: {} ({status})", escaped(message)),
        (_, None) => format!("{url} answers {status}, but not as Permesso does: is that its address?"),
    }
}

fn summary(names: &[String]) -> String {
    let (own, tools): (Vec<&str>, Vec<&str>) =
        names.iter().map(String::as_str).partition(|name| RESERVED.contains(name));
    let count = match tools.len() {
        0 => return "no tools that this key may call".to_owned(),
        1 => "1 tool".to_owned(),
        many => format!("{many} tools"),
    };
    let mut text = format!("{count}: {}", tools.iter().take(NAMED).copied().collect::<Vec<_>>().join(", "));
    if tools.len() > NAMED {
        text.push_str(&format!(" and {} more", tools.len() - NAMED));
    }
    if !own.is_empty() {
        text.push_str("; some calls wait for a person's approval");
    }
    text
}
