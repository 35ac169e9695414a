//! What a known person or key wanted to change and was refused (403, 409, 422) is on record as what was done is: one
//! layer around the API, so that no handler can forget it.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    body::Bytes,
    extract::{FromRequestParts, MatchedPath, RawPathParams, Request, State},
    http::{Extensions, HeaderMap, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use domain::OrgId;
use parking_lot::Mutex;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{authorize::request_id, openapi};
use crate::{
    db::audit::Source,
    error::{Error, Kind},
    service::{
        Services,
        access::Actor,
        on_record::{self, Asked},
    },
};

/// The longest body that is recorded of what was refused, in bytes; of a longer one its size is.
const LONGEST: usize = 64 * 1024;
/// Operations whose bodies are never recorded: every field of them is a secret.
const SECRET: &[&str] = &["change_password"];

/// Who turned out to ask, about which org, with which body: the extractors say so while a request is handled.
#[derive(Clone, Default)]
pub(super) struct Asking(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    actor: Option<Actor>,
    org: Option<OrgId>,
    body: Option<Bytes>,
}

impl Asking {
    /// What is known of the request with these extensions.
    pub(super) fn of(extensions: &Extensions) -> Self {
        extensions.get::<Self>().cloned().unwrap_or_default()
    }

    /// This is who asks.
    pub(super) fn is_by(&self, actor: &Actor) {
        self.0.lock().actor = Some(actor.clone());
    }

    /// This is the org that it is about; who asks belongs to it.
    pub(super) fn is_about(&self, org: OrgId) {
        self.0.lock().org = Some(org);
    }

    /// This came with it.
    pub(super) fn has_body(&self, body: &Bytes) {
        self.0.lock().body = Some(body.clone());
    }
}

/// The layer.
pub async fn record(State(services): State<Arc<Services>>, request: Request, next: Next) -> Response {
    if request.method().is_safe() {
        return next.run(request).await;
    }
    let (mut parts, body) = request.into_parts();
    let asking = Asking::default();
    parts.extensions.insert(asking.clone());
    let asked = asked(&mut parts, &services).await;
    let response = next.run(Request::from_parts(parts, body)).await;
    let Some(error) = response.extensions().get::<Arc<Error>>().cloned() else { return response };
    if !matches!(error.kind, Kind::Forbidden | Kind::Conflict | Kind::Invalid) {
        return response;
    }
    let known = std::mem::take(&mut *asking.0.lock());
    let (Some(actor), Some(mut asked)) = (known.actor, asked) else { return response };
    asked.source = actor.source();
    if let (Some(body), Some(Value::Object(request))) = (&known.body, &mut asked.request) {
        request.insert("body".to_owned(), shown(&asked.action, body));
    }
    match on_record::refused(&services, &actor, known.org, &asked, &error).await {
        Ok(()) => response,
        // What cannot be recorded is not answered.
        Err(unrecorded) => unrecorded.into_response(),
    }
}

/// What a request asks for, as far as its head says. `None`: nothing that there is.
async fn asked(parts: &mut Parts, services: &Arc<Services>) -> Option<Asked> {
    let matched = parts.extensions.get::<MatchedPath>()?.as_str().to_owned();
    let route = matched.strip_prefix("/api/v1").unwrap_or(&matched);
    let action = openapi::operation(&parts.method, route)?;
    let params = RawPathParams::from_request_parts(parts, services).await.ok();
    let params: BTreeMap<String, String> =
        params.iter().flatten().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let named = |name: &str| params.get(name).cloned();
    let is_approval = route.starts_with("/orgs/{org}/approvals/{id}");
    let is_tool = route.starts_with("/orgs/{org}/toolkits/{toolkit}/tools/{name}");
    Some(Asked {
        toolkit: named("toolkit"),
        tool: named("tool").or_else(|| named("name").filter(|_| is_tool)),
        approval: named("id").filter(|_| is_approval).and_then(|id| id.parse().ok()),
        client: client(&parts.headers),
        request: Some(json!({"method": parts.method.as_str(), "path": params})),
        ..Asked::new(action, Source::Rest, request_id(parts))
    })
}

/// What a request asked for whose credential is not valid any more.
pub(super) fn asked_with(parts: &Parts, request_id: Uuid) -> Asked {
    let matched = parts.extensions.get::<MatchedPath>().map(MatchedPath::as_str).unwrap_or_default();
    let route = matched.strip_prefix("/api/v1").unwrap_or(matched);
    let action = openapi::operation(&parts.method, route).unwrap_or("turned away");
    Asked { client: client(&parts.headers), ..Asked::new(action, Source::Rest, request_id) }
}

fn client(headers: &HeaderMap) -> Option<String> {
    headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).map(ToOwned::to_owned)
}

/// A body as it is recorded. What a connection is configured with may be secret anywhere in it.
fn shown(action: &str, body: &[u8]) -> Value {
    if SECRET.contains(&action) || body.len() > LONGEST {
        return json!({"bytes": body.len()});
    }
    let Ok(mut value) = serde_json::from_slice::<Value>(body) else { return json!({"bytes": body.len()}) };
    if let Some(config) = value.get_mut("config") {
        hide(config);
    }
    value
}

/// Hides every value, and leaves the names.
fn hide(value: &mut Value) {
    match value {
        Value::Object(members) => members.values_mut().for_each(hide),
        Value::Array(items) => items.iter_mut().for_each(hide),
        Value::Null | Value::Bool(_) => {}
        Value::String(_) | Value::Number(_) => *value = json!("[redacted]"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_secret_in_a_body_is_not_recorded() {
        let body = br#"{"slug":"x","config":{"url":"http://u:p@h","env":{"KEY":"s3cret"},"args":["--key=s3cret"]}}"#;
        let recorded = shown("create_connection", body).to_string();
        assert!(!recorded.contains("s3cret") && !recorded.contains("u:p") && recorded.contains("KEY"), "{recorded}");
        assert_eq!(shown("change_password", br#"{"current":"s3cret","new":"s3cret"}"#), json!({"bytes": 35}));
        assert_eq!(shown("create_toolkit", br#"["s3cret"]"#), json!(["s3cret"]));
    }
}
