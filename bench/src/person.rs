//! A person who is signed in, by REST, at any of the gateways, and what people make there for agents.

use std::sync::Arc;

use anyhow::{Context, ensure};
use reqwest::Method;
use serde_json::{Value, json};

/// A key that was just made.
pub(crate) struct Key {
    pub(crate) id: String,
    /// The key itself.
    pub(crate) secret: String,
}

/// The person.
#[derive(Clone)]
pub(crate) struct Person {
    http: reqwest::Client,
    gateways: Arc<[String]>,
    token: String,
}

impl Person {
    /// Signs in at the first gateway; the token is good at all.
    ///
    /// # Errors
    /// When that is refused.
    pub(crate) async fn sign_in(
        http: &reqwest::Client,
        gateways: &Arc<[String]>,
        (email, password): (&str, &str),
    ) -> anyhow::Result<Self> {
        let mut person = Self { http: http.clone(), gateways: gateways.clone(), token: String::new() };
        let who = json!({"email": email, "password": password});
        let login = person.must(Method::POST, "/auth/login", Some(who)).await?;
        login["access_token"].as_str().context("no token was given")?.clone_into(&mut person.token);
        Ok(person)
    }

    /// Asks gateway number `at`; gives the status and the body.
    ///
    /// # Errors
    /// When there is no answer.
    pub(crate) async fn send(
        &self,
        at: usize,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> reqwest::Result<(u16, Value)> {
        let mut request = self.http.request(method, format!("{}/api/v1{path}", self.gateways[at]));
        if !self.token.is_empty() {
            request = request.bearer_auth(&self.token);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let response = request.send().await?;
        let status = response.status().as_u16();
        let text = response.text().await?;
        Ok((status, serde_json::from_str(&text).unwrap_or(Value::String(text))))
    }

    /// Asks the first gateway for what it has to grant.
    ///
    /// # Errors
    /// When it does not.
    pub(crate) async fn must(&self, method: Method, path: &str, body: Option<Value>) -> anyhow::Result<Value> {
        let (status, answer) = self.send(0, method.clone(), path, body).await?;
        ensure!((200..300).contains(&status), "{method} {path}: HTTP {status}: {answer}");
        Ok(answer)
    }

    /// Makes a connection to an upstream, and a private toolkit of the same name with some of its tools, each with its
    /// permission.
    ///
    /// # Errors
    /// When a step is refused.
    pub(crate) async fn expose(&self, org: &str, slug: &str, url: &str, tools: &[(&str, &str)]) -> anyhow::Result<()> {
        let org = format!("/orgs/{org}");
        let connection = json!({"slug": slug, "kind": "streamable_http", "config": {"url": url}});
        self.must(Method::POST, &format!("{org}/connections"), Some(connection)).await?;
        self.must(Method::POST, &format!("{org}/connections/{slug}/refresh"), Some(json!({}))).await?;
        let toolkit = json!({"slug": slug, "name": slug, "visibility": "private"});
        self.must(Method::POST, &format!("{org}/toolkits"), Some(toolkit)).await?;
        for (tool, permission) in tools {
            let body = json!({"connection": slug, "tool": tool, "permission": permission});
            self.must(Method::PUT, &format!("{org}/toolkits/{slug}/tools/{tool}"), Some(body)).await?;
        }
        Ok(())
    }

    /// Makes a key of an agent.
    ///
    /// # Errors
    /// When that is refused.
    pub(crate) async fn make_key(&self, org: &str, name: &str) -> anyhow::Result<Key> {
        let body = json!({"name": name, "role": "agent"});
        let made = self.must(Method::POST, &format!("/orgs/{org}/api-keys"), Some(body)).await?;
        let member =
            |name: &str| made[name].as_str().map(str::to_owned).with_context(|| format!("no {name} was given"));
        Ok(Key { id: member("id")?, secret: member("key")? })
    }

    /// How many gateways there are.
    pub(crate) fn gateways(&self) -> usize {
        self.gateways.len()
    }
}

/// Pings an endpoint with a key; gives the status.
///
/// # Errors
/// When there is no answer, or HTTP 200 with something else than the answer to a ping.
pub(crate) async fn ping(http: &reqwest::Client, endpoint: &str, key: &str) -> anyhow::Result<u16> {
    let request = http.post(endpoint).bearer_auth(key).header("content-type", "application/json");
    let response = request.body(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#).send().await?;
    let status = response.status().as_u16();
    let text = response.text().await?;
    if status == 200 {
        let answer: Value = serde_json::from_str(&text).with_context(|| format!("{endpoint} answered {text}"))?;
        ensure!(answer["result"].is_object(), "{endpoint} answered a ping by {text}");
    }
    Ok(status)
}
