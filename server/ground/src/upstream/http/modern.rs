//! MCP 2026-07-28: no session, and every request describes itself.
//!
//! An upstream's era is found out by a probe, `server/discover` (Streamable HTTP, "Backward Compatibility"). Any answer
//! but a modern one leads to `initialize`; only a refusal means that the upstream is of the earlier era.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use parking_lot::Mutex;
use serde_json::value::RawValue;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use wire::error::{HEADER_MISMATCH, UNSUPPORTED_VERSION};
use wire::header;
use wire::mcp::{self, Revision};

use super::super::departure::{Departure, Timeouts, supervise, unguarded};
use super::super::error::Failure;
use super::super::message::{Answer, Refusal, Request};
use super::answer;
use super::peer::{Peer, Post, message};

const MCP_METHOD: HeaderName = HeaderName::from_static("mcp-method");
const MCP_NAME: HeaderName = HeaderName::from_static("mcp-name");
/// The prefix of the headers that repeat arguments.
pub(super) const PARAM: &str = "mcp-param-";
/// The timeout of the probe. Some upstreams of earlier revisions never answer an unknown request.
const PROBE: Duration = Duration::from_secs(3);
/// How long an upstream counts as one of the earlier era: a newer version may replace it without the gateway noticing.
const VERDICT: Duration = Duration::from_secs(3600);
/// The shortest time after which an upstream of the earlier era is asked again.
const AGAIN: Duration = Duration::from_secs(5);
/// How many of an upstream's revisions are named in a reason.
const NAMED: usize = 5;

/// What is known of an upstream's era. It outlives sessions, so that opening one again does not cost a probe each time.
#[derive(Default)]
pub(in super::super) struct Era {
    legacy_since: Mutex<Option<Instant>>,
    asked_again: Mutex<Option<Instant>>,
}

impl Era {
    pub(super) fn is_legacy(&self, now: Instant) -> bool {
        self.legacy_since.lock().is_some_and(|since| now.duration_since(since) < VERDICT)
    }

    /// Notes whether `initialize` was understood. If not, what was known is void.
    pub(super) fn initialized(&self, understood: bool, now: Instant) {
        let still = self.is_legacy(now);
        let mut since = self.legacy_since.lock();
        match (understood, still) {
            (true, true) => {}
            (true, false) => *since = Some(now),
            (false, _) => *since = None,
        }
    }

    /// Whether an upstream of the earlier era may be probed again, because a request needs the newer one. The caller
    /// that gets `true` sends the probe.
    pub(super) fn may_ask_again(&self, now: Instant) -> bool {
        let mut asked = self.asked_again.lock();
        let may = asked.is_none_or(|asked| now.duration_since(asked) >= AGAIN);
        if may {
            *asked = Some(now);
        }
        may
    }

    /// Notes that the upstream is of this era.
    pub(super) fn found(&self) {
        *self.legacy_since.lock() = None;
    }
}

/// The result of a probe.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Probed {
    /// The upstream is of this era.
    Modern(Discovered),
    /// It is of the earlier era: it refused.
    Legacy,
    /// Not known: the upstream was out of order, or slow. It may be of either era.
    Unclear,
}

/// What an upstream of this era says about itself.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Discovered {
    /// It announces changes of its list of tools.
    pub(super) tools_list_changed: bool,
}

/// Asks an upstream for its era. `limit` is the timeout for opening the session, of which the probe takes at most half.
///
/// # Errors
/// If it cannot be reached, or is of this era and supports no revision of the gateway's.
pub(super) async fn probe(peer: &Arc<Peer>, limit: Duration) -> Result<Probed, Failure> {
    let departure = Departure::new(unguarded());
    let limits = Timeouts { leave: limit, answer: PROBE.min(limit / 2) };
    let post = post(peer.next_id(), &Request::new("server/discover", None))?;
    let asking = async {
        let id = post.id;
        let response = peer.send(post, &departure).await?;
        Ok((response.status(), answer::read(peer, (id, "server/discover"), response, None).await))
    };
    let verdict = match supervise(&departure, limits, &CancellationToken::new(), asking).await {
        Ok((_, Ok(Answer::Result(result)))) => {
            let found = discovered(&result);
            if matches!(found, Ok(Probed::Modern(_))) {
                peer.observer.instructed(&result);
            }
            found
        }
        Ok((status, Ok(Answer::Error(error)))) => refused(status, &error, peer),
        Ok((status, Err(_))) if status.is_client_error() && !may_pass(status) => Ok(Probed::Legacy),
        Ok((_, Err(_))) | Err(Failure::Unknown(_)) => Ok(Probed::Unclear),
        Err(failure) => return Err(failure),
    };
    verdict.map_err(Failure::NotSent)
}

/// Whether a status tells the upstream's condition, not what it understands.
fn may_pass(status: StatusCode) -> bool {
    status.is_server_error() || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS)
}

fn discovered(result: &RawValue) -> Result<Probed, String> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct DiscoverResult {
        supported_versions: Vec<String>,
        /// Of any type: only one member of it counts.
        #[serde(default)]
        capabilities: serde_json::Value,
    }
    let Ok(result) = serde_json::from_str::<DiscoverResult>(result.get()) else {
        return Ok(Probed::Legacy);
    };
    let tools_list_changed = result.capabilities["tools"]["listChanged"] == true;
    choose(&result.supported_versions, Discovered { tools_list_changed })
}

/// What a JSON-RPC error tells about the era of an upstream that refused the probe.
fn refused(status: StatusCode, error: &RawValue, peer: &Peer) -> Result<Probed, String> {
    #[derive(serde::Deserialize)]
    struct Unsupported {
        data: Supported,
    }
    #[derive(serde::Deserialize)]
    struct Supported {
        supported: Vec<String>,
    }
    let Some(code) = modern_code(error) else {
        return Ok(if may_pass(status) { Probed::Unclear } else { Probed::Legacy });
    };
    if let Ok(error) = serde_json::from_str::<Unsupported>(error.get()) {
        return choose(&error.data.supported, Discovered { tools_list_changed: false });
    }
    peer.observer.log(&format!("server/discover was refused: {error}"));
    Err(format!("the upstream refused server/discover with the JSON-RPC error {code}; its log says why"))
}

/// The era for an upstream that speaks these revisions. `Err` says why neither is possible.
fn choose(supported: &[String], discovered: Discovered) -> Result<Probed, String> {
    let spoken = || supported.iter().filter_map(|name| Revision::parse(name));
    if spoken().any(Revision::is_modern) {
        return Ok(Probed::Modern(discovered));
    }
    if spoken().next().is_some() {
        return Ok(Probed::Legacy);
    }
    let shown = |name: &String| -> String {
        let harmless = name.chars().filter(|character| character.is_ascii_alphanumeric() || "-.".contains(*character));
        harmless.take(20).collect()
    };
    let names: Vec<String> = supported.iter().take(NAMED).map(shown).collect();
    Err(format!("the upstream speaks only revisions of MCP that are not supported: {}", names.join(", ")))
}

/// The error's code, if it is one that only upstreams of this era use (basic, "Error Codes").
pub(super) fn modern_code(error: &RawValue) -> Option<i64> {
    Refusal::read(error).map(|refusal| refusal.code)
}

/// The request in the form of this era, headers included. `Err` says why there is none: nothing has left.
pub(super) fn post(id: u64, request: &Request) -> Result<Post, Failure> {
    let unfit = |what: &str| Failure::NotSent(format!("the request cannot be written: {what}"));
    let name = mcp::mirrored_name(request.method, request.params.as_deref()).map_err(|error| unfit(&error.message))?;
    let mut headers = HeaderMap::new();
    headers.insert(MCP_METHOD, HeaderValue::from_static(request.method));
    if let Some(name) = name {
        headers.insert(MCP_NAME, value_of(&name).ok_or_else(|| unfit("its name fits in no header"))?);
    }
    for (key, value) in &request.param_headers {
        // An argument must not set a header that has another meaning.
        let name = key.parse().ok().filter(|name: &HeaderName| name.as_str().starts_with(PARAM));
        let key = name.ok_or_else(|| unfit("an argument's header has no valid name"))?;
        headers.insert(key, value_of(value).ok_or_else(|| unfit("an argument fits in no header"))?);
    }
    let fields = mcp::RequestFields {
        protocol_version: Revision::V2026_07_28,
        client_version: env!("CARGO_PKG_VERSION"),
        tasks: request.tasks,
        inputs: request.inputs,
    };
    let params = mcp::with_request_meta(request.params.as_deref(), &fields);
    let body = message(id, request.method, Some(params.into()));
    Ok(Post { id, method: request.method, body, headers, once: request.once, load: request.load.clone() })
}

fn value_of(value: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(&header::encode(value)).ok()?;
    // It may be an argument, which must not be logged on the way.
    value.set_sensitive(true);
    Some(value)
}

/// Draws conclusions from an answer: whether the upstream is still the one that was discovered, and whether its
/// definitions are still current.
pub(super) fn reconsider(peer: &Peer, answer: &Answer) {
    let Answer::Error(error) = answer else { return };
    match modern_code(error) {
        Some(UNSUPPORTED_VERSION) => peer.over.cancel(),
        // "Client Behavior": the tool's schema may have changed.
        Some(HEADER_MISMATCH) => peer.observer.tools_changed(),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn that_an_upstream_is_of_the_earlier_era_counts_for_an_hour_and_while_it_is_true() {
        let (era, start) = (Era::default(), Instant::now());
        let after = |minutes: u64| start + Duration::from_secs(60 * minutes);
        assert!(!era.is_legacy(start));
        era.initialized(true, start);
        era.initialized(true, after(30));
        assert!(era.is_legacy(after(59)), "reconnecting costs no probe");
        assert!(!era.is_legacy(after(61)), "nor does it put off the next one");
        era.initialized(true, after(61));
        assert!(era.is_legacy(after(120)));
        era.initialized(false, after(120));
        assert!(!era.is_legacy(after(120)), "it no longer understands the earlier one");
        era.initialized(true, after(120));
        era.found();
        assert!(!era.is_legacy(after(120)), "it was asked again and is of this one");
    }

    #[test]
    fn who_needs_this_era_asks_again_every_few_seconds_at_most() {
        let (era, start) = (Era::default(), Instant::now());
        let answers = [0, 1, 4, 5, 9, 10].map(|second| era.may_ask_again(start + Duration::from_secs(second)));
        assert_eq!(answers, [true, false, false, true, false, true]);
    }
}
