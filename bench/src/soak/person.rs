//! A person who is signed in, by REST, at any of the gateways.

use std::sync::Arc;

use anyhow::{Context, ensure};
use reqwest::Method;
use serde_json::{Value, json};

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

    /// How many gateways there are.
    pub(crate) fn gateways(&self) -> usize {
        self.gateways.len()
    }
}
