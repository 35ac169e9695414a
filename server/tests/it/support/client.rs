//! One caller: REST and MCP with one credential, or a browser that keeps a cookie.

use std::{collections::BTreeMap, sync::Arc};

use parking_lot::Mutex;
use reqwest::{Method, StatusCode, header::HeaderMap};
use serde_json::{Value, json};

use super::stream::Stream;

/// An answer, read whole.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    /// The body as JSON; of an event stream its last message, which is the answer.
    pub(crate) fn json(&self) -> Value {
        if self.is_stream() {
            return self.messages().pop().unwrap_or(Value::Null);
        }
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    /// Whether it came as an event stream.
    pub(crate) fn is_stream(&self) -> bool {
        self.headers.get("content-type").is_some_and(|kind| kind == "text/event-stream")
    }

    /// The messages of an event stream, in order.
    pub(crate) fn messages(&self) -> Vec<Value> {
        let mut decoder = wire::sse::Decoder::new(1 << 24);
        decoder.push(self.text.as_bytes()).expect("an event stream");
        std::iter::from_fn(|| decoder.pop()).filter_map(|event| serde_json::from_str(&event.data).ok()).collect()
    }

    /// Fails the test unless it has this status; gives the body.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self.json()
    }

    /// The `Set-Cookie` of the cookie with this name.
    pub(crate) fn set_cookie(&self, name: &str) -> Option<String> {
        let all = self.headers.get_all("set-cookie").iter().map(|set| set.to_str().expect("text"));
        all.filter(|set| set.split('=').next() == Some(name)).map(str::to_owned).next()
    }

    /// The problem's code.
    pub(crate) fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }
}

/// A caller at one gateway.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    pub(crate) url: String,
    pub(crate) token: Option<String>,
    /// What a browser keeps of `Set-Cookie`, by name. It does as the console's page would.
    jar: Option<Arc<Mutex<BTreeMap<String, String>>>>,
    cookie: Option<String>,
}

impl Client {
    pub(crate) fn new(url: &str, token: Option<&str>) -> Self {
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        Self { http, url: url.to_owned(), token: token.map(ToOwned::to_owned), jar: None, cookie: None }
    }

    /// A browser with the console open, not signed in.
    pub(crate) fn browser(url: &str) -> Self {
        Self { jar: Some(Arc::default()), ..Self::new(url, None) }
    }

    /// A browser in which this person signed in.
    pub(crate) async fn browser_of(url: &str, (email, password): (&str, &str)) -> Self {
        let browser = Self::browser(url);
        browser.post("/auth/session", json!({"email": email, "password": password})).await.expect(204);
        browser
    }

    /// The cookie of the browser's session, as `name=value`.
    pub(crate) fn cookie(&self) -> Option<String> {
        self.cookie_named("permesso").or_else(|| self.cookie_named("__Host-permesso"))
    }

    /// The cookie with this name, as `name=value`.
    pub(crate) fn cookie_named(&self, name: &str) -> Option<String> {
        let jar = self.jar.as_ref()?.lock();
        jar.get(name).map(|value| format!("{name}={value}"))
    }

    /// All the browser sends.
    fn cookies(&self) -> Option<String> {
        let jar = self.jar.as_ref()?.lock();
        let all: Vec<_> = jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
        (!all.is_empty()).then(|| all.join("; "))
    }

    /// Somebody who sends this cookie with every request, whatever is answered.
    pub(crate) fn with_cookie(mut self, cookie: &str) -> Self {
        self.cookie = Some(cookie.to_owned());
        self
    }

    /// Puts a cookie into the browser.
    pub(crate) fn set_cookie(&self, cookie: &str) {
        let (name, value) = cookie.split_once('=').expect("name=value");
        self.jar.as_ref().expect("a browser").lock().insert(name.to_owned(), value.to_owned());
    }

    /// The same caller at another replica.
    pub(crate) fn at(&self, url: &str) -> Self {
        Self { url: url.to_owned(), ..self.clone() }
    }

    /// Signs in and gives the person.
    pub(crate) async fn sign_in(url: &str, email: &str, password: &str) -> Self {
        let anyone = Self::new(url, None);
        let token = anyone.post("/auth/login", json!({"email": email, "password": password})).await.expect(200);
        Self::new(url, token["access_token"].as_str())
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<String>,
        headers: &[(&str, &str)],
    ) -> Answer {
        self.try_send(method, path, body, headers).await.expect("the gateway answers")
    }

    pub(crate) async fn try_send(
        &self,
        method: Method,
        path: &str,
        body: Option<String>,
        headers: &[(&str, &str)],
    ) -> reqwest::Result<Answer> {
        let mut request = self.http.request(method, format!("{}{path}", self.url));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(cookie) = self.cookies().or_else(|| self.cookie.clone()) {
            request = request.header("cookie", cookie);
        }
        if self.jar.is_some() && !headers.iter().any(|(name, _)| *name == "sec-fetch-site") {
            request = request.header("sec-fetch-site", "same-origin").header("origin", &self.url);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body);
        }
        let answer = request.send().await?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        if let Some(jar) = &self.jar {
            for set in headers.get_all("set-cookie") {
                let set = set.to_str().expect("text");
                let (name, value) = set.split(';').next().and_then(|cookie| cookie.split_once('=')).expect("a cookie");
                if set.contains("Max-Age=0") {
                    jar.lock().remove(name);
                } else {
                    jar.lock().insert(name.to_owned(), value.to_owned());
                }
            }
        }
        Ok(Answer { status, headers, text: answer.text().await? })
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, &format!("/api/v1{path}"), None, &[]).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, &format!("/api/v1{path}"), Some(body.to_string()), &[]).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PUT, &format!("/api/v1{path}"), Some(body.to_string()), &[]).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PATCH, &format!("/api/v1{path}"), Some(body.to_string()), &[]).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, &format!("/api/v1{path}"), None, &[]).await
    }

    /// Sends a raw body to a toolkit's endpoint.
    pub(crate) async fn mcp_raw(&self, toolkit: &str, body: &str) -> Answer {
        let accept = [("accept", "application/json, text/event-stream"), ("mcp-protocol-version", "2025-11-25")];
        self.send(Method::POST, &format!("/{toolkit}/mcp"), Some(body.to_owned()), &accept).await
    }

    /// Sends a raw body to `acme/bank`; gives the answer while it goes on, which has to be an event stream.
    pub(crate) async fn mcp_stream(&self, body: String) -> Stream {
        let accept = [("accept", "application/json, text/event-stream"), ("mcp-protocol-version", "2025-11-25")];
        Stream::open(self, Method::POST, "/acme/bank/mcp", Some(body), &accept).await
    }

    /// One JSON-RPC request to a toolkit's endpoint; gives the whole answer.
    pub(crate) async fn rpc(&self, toolkit: &str, method: &str, params: Value) -> Value {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        self.mcp_raw(toolkit, &body.to_string()).await.json()
    }

    /// Calls a tool of `acme/bank`; gives the result.
    pub(crate) async fn call(&self, tool: &str, arguments: Value) -> Value {
        let answer = self.rpc("acme/bank", "tools/call", json!({"name": tool, "arguments": arguments})).await;
        if answer["result"].is_null() {
            eprintln!("no result: {answer}");
        }
        answer["result"].clone()
    }

    /// Calls a tool with arguments as they are written; gives the result.
    pub(crate) async fn call_raw(&self, tool: &str, arguments: &str) -> Value {
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{tool}","arguments":{arguments}}}}}"#
        );
        self.mcp_raw("acme/bank", &body).await.json()["result"].clone()
    }

    /// The approval that this call opens or joins.
    #[track_caller]
    pub(crate) fn approval_of(result: &Value) -> String {
        let facts = [&result["structuredContent"], &result["_meta"]["dev.permesso/approval"]];
        let id = facts.into_iter().find_map(|facts| facts["approval_id"].as_str());
        id.unwrap_or_else(|| panic!("not held: {result}")).to_owned()
    }

    /// Decides as an approver who looked: `approve` or `reject`.
    pub(crate) async fn decide(&self, id: &str, verb: &str, reason: &str) -> Answer {
        let seen = self.get(&format!("/orgs/acme/approvals/{id}")).await.expect(200);
        let body = json!({
            "arguments_sha256": seen["arguments_sha256"],
            "definition_sha256": seen["definition_sha256"],
            "reason": reason,
        });
        self.post(&format!("/orgs/acme/approvals/{id}/{verb}"), body).await
    }

    /// The state of an approval.
    pub(crate) async fn status(&self, id: &str) -> String {
        let seen = self.get(&format!("/orgs/acme/approvals/{id}")).await.json();
        seen["status"].as_str().unwrap_or_default().to_owned()
    }
}

/// The text of a result's first block.
pub(crate) fn text(result: &Value) -> String {
    result["content"][0]["text"].as_str().unwrap_or_default().to_owned()
}
