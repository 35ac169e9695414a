//! The upstream's endpoint, and what every request to it carries.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use reqwest::{Body, Method, Response};
use secrecy::{ExposeSecret, SecretString};
use serde_json::value::RawValue;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use url::Url;
use wire::envelope;
use wire::error::INVALID_REQUEST;
use wire::mcp::Revision;

use super::{
    super::{
        departure::{Departure, unguarded},
        error::Failure,
        message::Answer,
        status::Observer,
    },
    answer::{self, Unread},
    elsewhere::Elsewhere,
    lost::{self, Lost},
    modern,
    said::Said,
};
use crate::{
    egress::{Broken, Egress, Outgoing, Unreached},
    limit::Load,
};

const SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");
const PROTOCOL_VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
/// The timeout of messages without an answer, from connecting to the last byte.
const ASIDE: Duration = Duration::from_secs(10);
/// How many replies to an upstream's requests may be in flight; further ones are dropped.
const REPLIES: usize = 16;
/// Headers about a request or its session, which a connection must not set; left out.
const PROTOCOL: [&str; 4] = ["mcp-method", "mcp-name", "mcp-protocol-version", "mcp-session-id"];
/// Headers about a message's framing, which a connection must not change; left out.
const FRAMING: [&str; 6] = ["connection", "content-length", "expect", "te", "transfer-encoding", "upgrade"];

pub(super) struct Peer {
    egress: Egress,
    pub(super) url: Url,
    headers: HeaderMap,
    pub(super) observer: Arc<Observer>,
    agreed: OnceLock<Agreed>,
    /// Cancelled when the session was closed, or the upstream no longer knows it.
    pub(super) over: CancellationToken,
    /// The reason, if the upstream could not be reached.
    pub(super) broken: OnceLock<String>,
    next_id: AtomicU64,
    /// The last answer was "Invalid Request".
    refused: AtomicBool,
    /// Answers on the upstream's own stream.
    pub(super) elsewhere: Elsewhere,
    /// Bounds the replies to the upstream's requests that are in flight.
    replies: Arc<Semaphore>,
}

/// What `initialize` or the probe settled; every later request repeats it.
struct Agreed {
    session_id: Option<HeaderValue>,
    revision: Revision,
}

/// A request that is ready to be written.
#[derive(Clone)]
pub(super) struct Post {
    pub(super) id: u64,
    /// Its method, for reasons.
    pub(super) method: &'static str,
    /// In pieces, since its params may be large and are not copied.
    pub(super) body: Vec<Bytes>,
    /// The headers that repeat parts of the body.
    pub(super) headers: HeaderMap,
    /// See [`super::super::Call::once`].
    pub(super) once: bool,
    /// See [`super::super::Call::load`].
    pub(super) load: Option<Arc<Load>>,
}

/// The answer to such a request.
pub(super) struct Answered {
    pub(super) answer: Answer,
    pub(super) session_id: Option<HeaderValue>,
}

impl Post {
    /// A request of a revision in which no header repeats anything of the body.
    pub(super) fn plain(id: u64, method: &'static str, params: Option<Arc<RawValue>>, once: bool) -> Self {
        Self { id, method, body: message(id, method, params), headers: HeaderMap::new(), once, load: None }
    }
}

/// A request's body.
pub(super) fn message(id: u64, method: &str, params: Option<Arc<RawValue>>) -> Vec<Bytes> {
    let Some(params) = params else { return vec![envelope::request_bytes(id, method, None).into()] };
    let (before, after) = envelope::request_around(id, method);
    vec![before.into(), Bytes::from_owner(Shared(params)), Bytes::from_static(after.as_bytes())]
}

struct Shared(Arc<RawValue>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        self.0.get().as_bytes()
    }
}

impl Peer {
    pub(super) fn new(
        egress: Egress,
        url: Url,
        headers: &[(String, SecretString)],
        observer: Arc<Observer>,
    ) -> Result<Arc<Self>, Failure> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Failure::not_sent("the connection's address is neither http nor https"));
        }
        Ok(Arc::new(Self {
            egress,
            url,
            headers: header_map(headers).map_err(Failure::NotSent)?,
            observer,
            agreed: OnceLock::new(),
            over: CancellationToken::new(),
            broken: OnceLock::new(),
            next_id: AtomicU64::new(0),
            refused: AtomicBool::new(false),
            elsewhere: Elsewhere::default(),
            replies: Arc::new(Semaphore::new(REPLIES)),
        }))
    }

    /// Notes the session and the revision from here on. The first call counts.
    pub(super) fn agree(&self, session_id: Option<HeaderValue>, revision: Revision) {
        let _ = self.agreed.set(Agreed { session_id, revision });
    }

    /// Whether its revision has no sessions, so that each request stands for itself.
    pub(super) fn is_modern(&self) -> bool {
        self.agreed.get().is_some_and(|agreed| agreed.revision.is_modern())
    }

    /// Whether the upstream keeps a session that it can lose.
    pub(super) fn has_session(&self) -> bool {
        self.agreed.get().is_some_and(|agreed| agreed.session_id.is_some())
    }

    pub(super) fn next_id(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    /// A request with all headers except those about its body.
    pub(super) fn start(&self, method: Method, once: bool) -> Result<Outgoing, String> {
        let accept = if method == Method::GET { "text/event-stream" } else { "application/json, text/event-stream" };
        // The protocol's headers come last: they replace a connection's.
        let mut headers = self.headers.clone();
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        // Without this header an upstream may choose any encoding (RFC 9110, section 12.5.3).
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if let Some(agreed) = self.agreed.get() {
            headers.insert(PROTOCOL_VERSION, HeaderValue::from_static(agreed.revision.as_str()));
            if let Some(session_id) = &agreed.session_id {
                headers.insert(SESSION_ID, session_id.clone());
            }
        }
        let request = self.egress.request(method, &self.url, once);
        Ok(request.map_err(|refused| self.note(refused))?.headers(headers))
    }

    /// A message to be posted, without its body.
    pub(super) fn start_post(&self, headers: HeaderMap, once: bool) -> Result<Outgoing, String> {
        Ok(self.start(Method::POST, once)?.headers(headers).header(CONTENT_TYPE, "application/json"))
    }

    /// Sends a request and reads until its answer.
    pub(super) async fn exchange(
        self: &Arc<Self>,
        post: Post,
        departure: &Arc<Departure>,
    ) -> Result<Answered, Failure> {
        let (id, method, load) = (post.id, post.method, post.load.clone());
        let expected = self.elsewhere.expect(id);
        let response = self.send_surely(post, departure).await?;
        let status = response.status();
        let session_id = response.headers().get(&SESSION_ID).cloned();
        let answer = match status {
            StatusCode::ACCEPTED if !self.is_modern() => expected.answer(load.as_deref()).await,
            _ => None,
        };
        let answer = match answer {
            Some(answer) => Ok(answer),
            None => answer::read(self, (id, method), response, load.as_deref()).await,
        };
        if self.is_modern() {
            if answer.is_err() && matches!(status.as_u16(), 400 | 404 | 405) {
                // An upstream that was replaced by an earlier version of itself answers this. The next request probes
                // again.
                self.over.cancel();
            }
        } else if self.agreed.get().is_some() {
            let lost = match &answer {
                Ok(Answer::Result(_)) => None,
                Ok(Answer::Error(error)) => lost::in_error(status, error.get(), self.has_session()),
                Err(unread) => lost::read(status, &unread.text, self.has_session()),
            };
            let refuses_again = self.refuses_again(&answer);
            if lost.is_some() || refuses_again || status == StatusCode::BAD_REQUEST {
                // The next request gets a new session, whatever the outcome of this one.
                self.over.cancel();
            }
            if lost == Some(Lost::NotProcessed) {
                let code = status.as_u16();
                return Err(Failure::Lost(format!(
                    "the upstream does not know the session any more (HTTP {code}), so the call was not processed"
                )));
            }
        }
        let answer = answer.map_err(|unread| Failure::Unknown(unread.reason))?;
        Ok(Answered { answer, session_id })
    }

    /// Whether an upstream with a session answers "Invalid Request" for the second time in a row. Some upstreams report
    /// a lost session only in this way.
    fn refuses_again(&self, answer: &Result<Answer, Unread>) -> bool {
        let Ok(answer) = answer else { return false };
        let refuses = answer.error_code() == Some(INVALID_REQUEST);
        self.refused.swap(refuses, Ordering::Relaxed) && refuses && self.has_session()
    }

    /// As [`Peer::send`], but an idempotent request is retried once on a connection of its own if a kept connection
    /// broke before any byte of the answer: servers and load balancers close those whenever they like.
    async fn send_surely(&self, post: Post, departure: &Arc<Departure>) -> Result<Response, Failure> {
        let changes_nothing = matches!(post.method, "initialize" | "tools/list");
        let again = changes_nothing.then(|| Post { once: true, ..post.clone() });
        match (self.send(post, departure).await, again) {
            // If no connection could be made, the session is already over.
            (Err(_), Some(again)) if !self.over.is_cancelled() => self.send(again, &Departure::new(unguarded())).await,
            (sent, _) => sent,
        }
    }

    /// Sends a request and waits for the head of the response.
    pub(super) async fn send(&self, post: Post, departure: &Arc<Departure>) -> Result<Response, Failure> {
        let request = self
            .start_post(post.headers, post.once)
            .map_err(|reason| departure.failed(reason))?
            // A stream has no length of its own, and some servers refuse chunked bodies.
            .header(CONTENT_LENGTH, post.body.iter().map(Bytes::len).sum::<usize>())
            .body(departing(post.body, departure.clone()));
        request.send().await.map_err(|error| self.unreachable(error, departure))
    }

    /// Logs the details for the instance's administrators, and returns the reason for everybody.
    fn note(&self, unreached: impl Into<Unreached>) -> String {
        let Unreached { reason, detail } = unreached.into();
        self.observer.detail(&detail);
        reason
    }

    /// Ends the session if no connection to the upstream could be made, so that the next attempt waits, as after a
    /// failed start.
    fn unreachable(&self, error: Broken, departure: &Departure) -> Failure {
        let no_connection = error.is_connect();
        let reason = self.note(error);
        if no_connection {
            let _ = self.broken.set(reason.clone());
            self.over.cancel();
        }
        departure.failed(reason)
    }

    /// Sends a reply to an upstream's request, without waiting for it. In a revision where the upstream must not send
    /// requests, a client must not reply either.
    pub(super) fn reply(self: &Arc<Self>, reply: Vec<u8>) {
        if self.is_modern() {
            return;
        }
        // An upstream with more requests than that at once is not waiting for each answer.
        let Ok(turn) = self.replies.clone().try_acquire_owned() else {
            self.observer.dropped("a request of the upstream's, which makes too many at once");
            return;
        };
        let peer = self.clone();
        tokio::spawn(async move {
            let _turn = turn;
            peer.post_aside("the reply to its request", reply).await
        });
    }

    /// Sends a message without an answer; `what` names it. It may arrive twice, as [`Peer::send_surely`] describes: all
    /// these messages are idempotent.
    ///
    /// # Errors
    /// Says why the upstream may not have received it.
    pub(super) async fn post_aside(&self, what: &str, body: Vec<u8>) -> Result<(), String> {
        let body = Bytes::from(body);
        let start = |once| Ok::<_, String>(self.start_post(HeaderMap::new(), once)?.timeout(ASIDE).body(body.clone()));
        let sent = match start(false)?.send().await {
            Err(error) if !error.is_connect() => start(true)?.send().await,
            sent => sent,
        };
        let response = sent.map_err(|error| self.note(error))?;
        if response.status().is_success() {
            return Ok(());
        }
        let said = Said::head(&self.url, &response).read(response).await;
        Err(said.reason(what, &self.observer))
    }
}

/// A body that asks the departure when the HTTP client first wants it: after the connection stands, and before the head
/// is flushed, because hyper asks for the first frame of a body in the same step that queues the head. Even if the head
/// were out already, without its body it is no request.
fn departing(body: Vec<Bytes>, departure: Arc<Departure>) -> Body {
    let mut first = Some(departure);
    let pieces = body.into_iter().map(move |piece| match first.take() {
        Some(departure) => departure.leave().map(|()| piece),
        None => Ok(piece),
    });
    Body::wrap_stream(futures::stream::iter(pieces))
}

fn header_map(headers: &[(String, SecretString)]) -> Result<HeaderMap, String> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let invalid = |what| format!("the connection's header {name:?} {what}");
        let key: HeaderName = name.parse().map_err(|_| invalid("has no valid name"))?;
        if FRAMING.contains(&key.as_str()) {
            return Err(invalid("is the gateway's own to set"));
        }
        let mut value =
            HeaderValue::from_str(value.expose_secret()).map_err(|_| invalid("has a value that no header can have"))?;
        value.set_sensitive(true);
        if !PROTOCOL.contains(&key.as_str()) && !key.as_str().starts_with(modern::PARAM) {
            map.append(key, value);
        }
    }
    Ok(map)
}
