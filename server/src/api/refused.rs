//! What a known person or key wanted to change and was refused (403, 409, 422) is on record as what was done is: one
//! layer around the API, so that no handler can forget it.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    extract::{FromRequestParts, MatchedPath, RawPathParams, Request, State},
    http::request::Parts,
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::{
    openapi,
    support::asking::{Asking, client, request_id},
};
use crate::{
    db::audit::Source,
    error::{Error, Kind},
    service::{
        Services,
        on_record::{self, Asked},
    },
};

/// The longest body that is recorded of what was refused, in bytes; of a longer one its size is.
const LONGEST: usize = 64 * 1024;
/// Operations whose bodies are never recorded: every field of them is a secret.
const SECRET: &[&str] = &["change_password"];

/// The layer.
pub async fn record(State(services): State<Arc<Services>>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let operation = operation(&parts);
    let asking = Asking::to(operation);
    parts.extensions.insert(asking.clone());
    if parts.method.is_safe() {
        return next.run(Request::from_parts(parts, body)).await;
    }
    let asked = asked(&mut parts, &services, operation).await;
    let response = next.run(Request::from_parts(parts, body)).await;
    let Some(error) = response.extensions().get::<Arc<Error>>().cloned() else { return response };
    if !matches!(error.kind, Kind::Forbidden | Kind::Conflict | Kind::Invalid) {
        return response;
    }
    let known = asking.known();
    if known.recorded {
        return response;
    }
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

fn operation(parts: &Parts) -> Option<&'static str> {
    openapi::operation(&parts.method, route(parts.extensions.get()?))
}

fn route(matched: &MatchedPath) -> &str {
    matched.as_str().strip_prefix("/api/v1").unwrap_or(matched.as_str())
}

/// What a request asks for, as far as its head says. `None`: nothing that there is.
async fn asked(parts: &mut Parts, services: &Arc<Services>, action: Option<&'static str>) -> Option<Asked> {
    let action = action?;
    let matched = parts.extensions.get::<MatchedPath>()?.clone();
    let route = route(&matched);
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
