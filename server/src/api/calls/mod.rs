//! Tools over plain HTTP (api.md, "Calling tools"): the same gate, queue and record as MCP, for programs that do not speak
//! it. [`tools`] lists what a caller may call.

mod answer;
mod at;
pub mod tools;

use std::{sync::Arc, time::Duration};

use api_types::{CallTool, IDEMPOTENCY_KEY_CHARACTERS, MOST_WAIT, Problem, ToolCall, not_null};
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::value::RawValue;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;
use utoipa::IntoParams;
use wire::{
    canonical::arguments_sha256,
    mcp::{CallParams, Meta, input::Input},
};

use self::at::{At, Called};
use crate::{
    api::support::{
        body,
        page::{FromQuery, Parameters, Query},
    },
    db::audit::Status,
    error::{AboutCall, Error, Kind, Result},
    service::{
        Services,
        call::{self, Once, Reply},
        recording::Recording,
    },
};

/// The arguments of a call that names none.
const NO_ARGUMENTS: &str = "{}";
/// What a call is recorded as, over whichever face it came: the source tells them apart.
const CALL: &str = "tools/call";
const WAIT: &str = "must be 0 to 240";

/// Calls a tool.
///
/// A tool that needs no approval answers at once. Otherwise a person is asked, and the answer is 202 unless they decide
/// within `wait_seconds`; once they have approved, the same request runs it, once. Identical calls join one request,
/// whether they come over MCP or here. With an `idempotency_key` a request can be sent again whatever became of it.
#[utoipa::path(
    post,
    path = "/orgs/{org}/toolkits/{toolkit}/call",
    tag = "calls",
    request_body = CallTool,
    responses(
        (status = OK, body = ToolCall, description = "It ran, or will not run: `status` says which."),
        (status = ACCEPTED, body = ToolCall, description = "It waits for a person, or has not ended."),
        (status = FORBIDDEN, body = Problem, content_type = "application/problem+json", description = "`blocked`"),
        (status = NOT_FOUND, body = Problem, content_type = "application/problem+json", description = "`unknown_tool`; `not_found`: no such toolkit"),
        (status = CONFLICT, body = Problem, content_type = "application/problem+json", description = "`in_progress`: the request with this `idempotency_key` is running"),
    ),
    security(("bearer" = [])),
)]
pub async fn call_tool(State(services): State<Arc<Services>>, called: Result<Called>) -> Response {
    let Called { at, body } = match called {
        Ok(called) => called,
        Err(error) => return not_run(error).into_response(),
    };
    let read = Asked::read(&body).and_then(|asked| Raw::arguments(&body).map(|_| asked));
    let asked = match read {
        Ok(asked) => asked,
        Err(error) => return not_run(at.turned_away(&services, error).await).into_response(),
    };
    let cancel = CancellationToken::new();
    let _gone = cancel.clone().drop_guard();
    if asked.key.is_none() {
        return call(services, at, asked, body, cancel).await;
    }
    // What has a key runs to its end, also when its client goes away: it comes back with the key.
    let running = call(services.clone(), at, asked, body, cancel).in_current_span();
    let running = services.dispatched.spawn(running);
    running.await.unwrap_or_else(|error| Error::internal(error).into_response())
}

/// An error before the call was looked at. Without Postgres nobody knows whether an earlier request ran it.
fn not_run(error: Error) -> Error {
    match error.kind {
        Kind::Unavailable | Kind::Internal => error,
        _ => error.about_call(AboutCall { executed: Some(false), ..AboutCall::default() }),
    }
}

async fn call(services: Arc<Services>, at: At, asked: Asked, body: Bytes, cancel: CancellationToken) -> Response {
    let recording = at.record(&services, CALL, std::str::from_utf8(&body).ok()).await.tool(&asked.tool);
    let arguments = match Raw::arguments(&body) {
        Ok(arguments) => arguments,
        Err(error) => return error.into_response(),
    };
    let once = asked.key.as_deref().and_then(|key| {
        // Arguments that cannot be read are refused before the key counts.
        let sha256 = arguments_sha256(arguments.get()).ok()?;
        Some(Once::new(at.org.id, at.caller.principal, at.toolkit.id, key, (&asked.tool, &sha256)))
    });
    let context = at.context(&recording, asked.wait, cancel, once);
    let params = CallParams { name: asked.tool.into(), arguments, input: Input::default(), meta: Meta::default() };
    let reply = call::call_tool(&services.calls, context, params).await;
    answered(&services, &at, &recording, reply).await
}

/// How a call stands that this caller asked for.
///
/// Answers when the state changes or the wait is over, and runs nothing. Once it is approved, the same call again or a
/// POST to this address runs it.
#[utoipa::path(
    get,
    path = "/orgs/{org}/toolkits/{toolkit}/calls/{id}",
    tag = "calls",
    params(Wait),
    responses((status = OK, body = ToolCall), (status = ACCEPTED, body = ToolCall)),
    security(("bearer" = [])),
)]
pub async fn get_call(State(services): State<Arc<Services>>, at: At, Query(wait): Query<Wait>) -> Response {
    by_id(services, at, &wait, "get_call").await
}

/// Runs an approved call.
///
/// The same as the call itself, for who no longer has its arguments: what was approved runs, once. Before it is approved
/// the answer is how it stands.
#[utoipa::path(
    post,
    path = "/orgs/{org}/toolkits/{toolkit}/calls/{id}",
    tag = "calls",
    params(Wait),
    responses((status = OK, body = ToolCall), (status = ACCEPTED, body = ToolCall)),
    security(("bearer" = [])),
)]
pub async fn run_call(State(services): State<Arc<Services>>, at: At, Query(wait): Query<Wait>) -> Response {
    by_id(services, at, &wait, CALL).await
}

async fn by_id(services: Arc<Services>, at: At, wait: &Wait, action: &str) -> Response {
    let found = async {
        let wait = wait.seconds()?;
        let id = at.id.ok_or_else(Error::not_found)?;
        let record = call::asked_here(&services, &at.actor, (&at.org, &at.toolkit), id).await?;
        Ok::<_, Error>((wait, record))
    };
    let recording = at.record(&services, action, None).await;
    let (wait, record) = match found.await {
        Ok(found) => found,
        Err(error) if error.kind == Kind::NotFound => {
            at.is_recorded();
            let written = recording.write(&services, Status::Refused, Some(&error.message), None, None).await;
            return written.err().unwrap_or(error).into_response();
        }
        Err(error) => return error.into_response(),
    };
    let recording = recording.tool(&record.tool);
    let cancel = CancellationToken::new();
    let _gone = cancel.clone().drop_guard();
    let context = at.context(&recording, wait, cancel, None);
    let reply = match action {
        CALL => call::run_by_id(&services.calls, &context, record).await,
        _ => call::stands(&services.calls, &context, record).await,
    };
    answered(&services, &at, &recording, reply).await
}

/// The answer, once it is on record.
async fn answered(services: &Arc<Services>, at: &At, recording: &Recording, reply: Result<Reply>) -> Response {
    at.is_recorded();
    let reply = match reply {
        Ok(reply) => reply,
        Err(error) => {
            let written = recording.write(services, Status::Failed, Some(&error.message), None, None).await;
            return written.err().unwrap_or(error).into_response();
        }
    };
    if let Err(error) = reply.put_on_record(services, recording).await {
        return error.into_response();
    }
    answer::respond(services, at, reply)
}

/// How long to wait.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Wait {
    /// How long to wait for a change, in seconds; 0 unless given.
    #[param(value_type = Option<u16>, minimum = 0, maximum = 240)]
    wait_seconds: Option<String>,
}

impl FromQuery for Wait {
    fn take(parameters: &mut Parameters) -> Result<Self> {
        Ok(Self { wait_seconds: parameters.text("wait_seconds")? })
    }
}

impl Wait {
    fn seconds(&self) -> Result<Duration> {
        let Some(text) = &self.wait_seconds else { return Ok(Duration::ZERO) };
        let seconds = text.parse().map_err(|_| Error::invalid("wait_seconds", WAIT))?;
        duration(seconds)
    }
}

fn duration(seconds: u64) -> Result<Duration> {
    if seconds > MOST_WAIT {
        return Err(Error::invalid("wait_seconds", WAIT));
    }
    Ok(Duration::from_secs(seconds))
}

/// A call as it was asked for, but for its arguments.
struct Asked {
    tool: String,
    wait: Duration,
    key: Option<String>,
}

/// The body, as far as it is looked at.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Shape {
    tool: String,
    #[serde(default, rename = "arguments")]
    _arguments: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "not_null")]
    wait_seconds: Option<u64>,
    #[serde(default, deserialize_with = "not_null")]
    idempotency_key: Option<String>,
}

/// The arguments as they were written.
#[derive(Deserialize)]
struct Raw<'a> {
    #[serde(borrow, default, deserialize_with = "not_null")]
    arguments: Option<&'a RawValue>,
}

impl<'a> Raw<'a> {
    fn arguments(body: &'a [u8]) -> Result<&'a RawValue> {
        let Self { arguments } = serde_json::from_slice(body).map_err(|error| body::not_json(&error))?;
        match arguments {
            Some(arguments) if arguments.get().starts_with('{') => Ok(arguments),
            Some(_) => Err(Error::invalid("arguments", "must be an object")),
            None => serde_json::from_str(NO_ARGUMENTS).map_err(Error::internal),
        }
    }
}

impl Asked {
    fn read(body: &[u8]) -> Result<Self> {
        let Shape { tool, wait_seconds, idempotency_key, .. } = body::decode(body)?;
        if tool.is_empty() {
            return Err(Error::invalid("tool", "must name a tool"));
        }
        let is_key = |key: &String| {
            (1..=IDEMPOTENCY_KEY_CHARACTERS).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic())
        };
        if idempotency_key.as_ref().is_some_and(|key| !is_key(key)) {
            return Err(Error::invalid("idempotency_key", "must have 1 to 255 visible ASCII characters"));
        }
        Ok(Self { tool, wait: duration(wait_seconds.unwrap_or(0))?, key: idempotency_key })
    }
}
