//! `/orgs/{org}/events`: what happens in an org, as server-sent events (WHATWG HTML, section 9.2).
//!
//! Each actor receives what its rights allow, and the stream ends when they end. Ids name a place in this
//! replica's ring; a client that returns with one goes on from there or is sent `resync`.

use std::{convert::Infallible, sync::Arc, time::Duration};

use api_types::event::name;
use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, HeaderName, header},
    response::{IntoResponse, Response},
};
use domain::{Right, SessionId};
use futures::stream;
use tokio::{
    sync::{
        broadcast::{Receiver, error::RecvError},
        watch,
    },
    time::{Instant, Interval, MissedTickBehavior, interval_at},
};

use crate::{
    api::support::authorize::Member,
    error::{Kind, Result},
    service::{
        Services,
        access::{self, OrgAccess},
        approval::inbox::Deciding,
        feed::{self, Event, Next, RIGHTS, Watcher},
    },
};

/// How often something is sent when nothing happens, so that proxies leave the stream open, and how
/// often the actor is looked at again.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Streams the events of an org, as the rights of who asks allow.
///
/// Needs one of `approvals:read`, `audit:read`, `connections:read`, `members:read`, `keys:read` and `toolkits:read`.
/// `Last-Event-ID` goes on after that event; where that place is not known any more, `resync` says to read everything
/// again.
#[utoipa::path(
    get,
    path = "/orgs/{org}/events",
    tag = "events",
    params(("last-event-id" = Option<String>, Header, description = "Goes on after this event.")),
    responses(
        (
            status = OK,
            description = "Server-sent events: `approval.opened` and `approval.changed` (ApprovalEventData), \
                           `call.finished` (CallFinished), `connection.changed` (ConnectionChanged), `org.changed` (OrgChanged), `resync`.",
            body = String,
            content_type = "text/event-stream",
        ),
        (status = TOO_MANY_REQUESTS, description = "`too_many_streams`"),
    ),
)]
pub async fn stream_events(
    State(services): State<Arc<Services>>,
    Member(access): Member,
    headers: HeaderMap,
) -> Result<Response> {
    // An id that cannot be read is one that is not known.
    let last = headers.get("last-event-id").map(|id| id.to_str().unwrap_or("?"));
    let watcher = feed::watch(&services.views, &access, last).await?;
    let signed_out = services.live.signed_out();
    let versions = services.directory.versions();
    let deciding = Deciding::of(&access);
    let mut alive = interval_at(Instant::now() + KEEP_ALIVE, KEEP_ALIVE);
    alive.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let events = Events { services, access, deciding, versions, signed_out, watcher, alive, begun: false };
    let body = stream::unfold(events, |mut events| async move {
        let bytes = events.next().await?;
        Some((Ok::<_, Infallible>(Bytes::from(bytes)), events))
    });
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    Ok((headers, Body::from_stream(body)).into_response())
}

/// A stream under way.
struct Events {
    services: Arc<Services>,
    access: OrgAccess,
    /// What the actor may decide.
    deciding: Deciding,
    versions: watch::Receiver<i64>,
    signed_out: Receiver<SessionId>,
    watcher: Watcher,
    alive: Interval,
    begun: bool,
}

impl Events {
    /// What is sent next; `None` at the end.
    async fn next(&mut self) -> Option<String> {
        if !self.begun {
            self.begun = true;
            // The id is where to go on from, should the connection break before the first event.
            return Some(format!("retry: 2000\nid: {}\n: events\n\n", self.watcher.id(None)));
        }
        loop {
            tokio::select! {
                biased;
                () = self.services.stop.cancelled() => return None,
                () = access::ended(&self.services, &self.access.actor) => return None,
                ended = self.signed_out.recv() => {
                    let is_mine = match ended {
                        Ok(session) => self.access.actor.session == Some(session),
                        Err(RecvError::Lagged(_)) => self.still_valid().await.is_none(),
                        // The sender goes with the process.
                        Err(RecvError::Closed) => true,
                    };
                    if is_mine {
                        return None;
                    }
                }
                _ = self.alive.tick() => {
                    let sees = self.still_valid().await?;
                    let alive = format!("id: {}\n: still here\n\n", self.watcher.id(None));
                    return Some(self.follow(alive, sees));
                }
                _ = self.versions.changed() => {
                    let sees = self.look_again().await?;
                    if sees == Sees::Otherwise {
                        return Some(self.resync());
                    }
                }
                next = self.watcher.next() => {
                    let sees = self.look_again().await?;
                    let text = self.follow(self.encode(next), sees);
                    if !text.is_empty() {
                        return Some(text);
                    }
                }
            }
        }
    }

    fn encode(&self, next: Next) -> String {
        match next {
            Next::Resync => self.resync(),
            Next::Events(events) => {
                let mine = events.iter().filter(|event| self.may_see(event));
                mine.map(|event| {
                    let data = event.data(|tool, people| self.deciding.may(tool, people));
                    wire::sse::encode(Some(event.name), Some(&self.watcher.id(Some(event.seq))), &data)
                })
                .collect()
            }
        }
    }

    fn resync(&self) -> String {
        wire::sse::encode(Some(name::RESYNC), Some(&self.watcher.id(None)), "{}")
    }

    /// What is sent, and after it, where the actor sees other things than before, that it has to read again.
    fn follow(&self, text: String, sees: Sees) -> String {
        match sees {
            Sees::TheSame => text,
            Sees::Otherwise => text + &self.resync(),
        }
    }

    fn may_see(&self, event: &Event) -> bool {
        event.needs.is_none_or(|right| self.access.rights.has(right))
    }

    /// Whether the credential has not ended meanwhile: keys, tokens and sessions end without a change of the
    /// configuration. `None`: it has.
    async fn still_valid(&mut self) -> Option<Sees> {
        match access::still_valid(&self.services, &self.access.actor).await {
            Ok(_) => self.look_again().await,
            // Without the database nothing happens that could be shown.
            Err(error) => matches!(error.kind, Kind::Unavailable).then_some(Sees::TheSame),
        }
    }

    /// Reads the actor's rights, and what it may decide, again when the configuration has changed. `None`: it may watch
    /// no longer.
    async fn look_again(&mut self) -> Option<Sees> {
        let access = match OrgAccess::again(&self.services, &self.access).await {
            Ok(access) => access,
            // Without the database nothing happens that could be shown.
            Err(error) => return matches!(error.kind, Kind::Unavailable).then_some(Sees::TheSame),
        };
        let same_rights = access.role == self.access.role && access.rights == self.access.rights;
        if Arc::ptr_eq(&access.org, &self.access.org) && same_rights {
            return Some(Sees::TheSame);
        }
        let before = std::mem::replace(&mut self.access, access);
        let decided = std::mem::replace(&mut self.deciding, Deciding::of(&self.access));
        let rights = &self.access.rights;
        // Also where it is less: a page that shows what may not be read any more finds that out by reading again.
        let other_rights = RIGHTS.iter().any(|right| rights.has(*right) != before.rights.has(*right));
        let other_decisions = rights.has(Right::ReadApprovals) && decided != self.deciding;
        let sees = if other_rights || other_decisions { Sees::Otherwise } else { Sees::TheSame };
        RIGHTS.iter().any(|right| rights.has(*right)).then_some(sees)
    }
}

/// What a watcher sees after a change of the configuration.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sees {
    /// What it saw before.
    TheSame,
    /// More or less, or rows that say something else of who may decide: what it has read is old.
    Otherwise,
}
