//! Event streams that tell a client when its tools or its tasks change: of a session (GET, until 2025-11-25), or of a
//! request (`subscriptions/listen`, 2026-07-28). They end when the client closes them, when its credential ends, and,
//! with a last message, when this replica stops.

mod following;

use std::{
    collections::VecDeque,
    convert::Infallible,
    sync::{Arc, LazyLock},
    time::Duration,
};

use axum::{body::Body, http::StatusCode};
use bytes::Bytes;
use futures::stream;
use serde_json::{json, value::RawValue};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::Interval,
};
use wire::{
    envelope::{error_bytes, notification_bytes, response_bytes},
    error::RpcError,
    mcp::{result::with_meta, task::ListenParams},
};

use self::following::{Following, News};
use super::answer::{Answer, Payload};
use crate::{
    db::audit::Status,
    error::{Error, Kind, Result},
    limit::seats::Seat,
    mcp::{
        answer::{
            fault,
            stream::{STILL_HERE, event, keep_alives},
        },
        methods::{self, list, tasks},
        request::place::Place,
    },
    service::{
        Services, access,
        mcp_session::{self, Session},
    },
};

/// The stream of a session: changes of its tools.
///
/// # Errors
/// `too_many_streams`; when Postgres cannot be reached.
pub(in crate::mcp) async fn to_session(services: &Arc<Services>, place: Place, session: &Session) -> Result<Body> {
    let recording = place.record(services, "notifications", None).await;
    let seat = seat(services, &place)?;
    let stream = mcp_session::listen(services, session).await?;
    recording.write(services, Status::Ok, None, None, None).await?;
    let mut listener = Listener::new(services, place, seat, None, true);
    listener.session = Some(stream);
    Ok(listener.body())
}

/// The stream of a subscription: first the agreed filter, then only what matches it.
pub(in crate::mcp) async fn subscribe(
    services: &Arc<Services>,
    place: &Place,
    id: &RawValue,
    params: Option<&RawValue>,
) -> Answer {
    let recording = place.record(services, "subscriptions/listen", params.map(RawValue::get)).await;
    let wanted = ListenParams::parse(params).and_then(|wanted| {
        if id.get().len() > LONGEST_ID {
            return Err(RpcError::invalid_request(
                "the id of a subscription is repeated in all its messages; use a shorter one",
            ));
        }
        let may = wanted.task_ids.is_empty() || place.spoken.tasks;
        may.then_some(wanted).ok_or_else(RpcError::missing_tasks_capability)
    });
    let wanted = match wanted {
        Ok(wanted) => wanted,
        Err(error) => {
            let written = recording.write(services, Status::Refused, Some(&error.message), None, None).await;
            return match written {
                Ok(()) => Answer::json(methods::status_of(place, &error), error_bytes(Some(id), &error)),
                Err(unrecorded) => fault::answer(&unrecorded, Some(id), place.request_id),
            };
        }
    };
    let begun = async {
        let seat = seat(services, place)?;
        let following = Following::of(services, tasks::asker_at(place), &wanted.task_ids).await?;
        let subscription = Subscription { id: id.to_owned() };
        let acknowledged = subscription.acknowledged(&wanted, &following);
        recording.write(services, Status::Ok, Some(acknowledged.get()), None, None).await?;
        let mut listener = Listener::new(services, place.clone(), seat, Some(subscription), wanted.tools_list_changed);
        let first = notification_bytes("notifications/subscriptions/acknowledged", Some(&acknowledged));
        listener.queue.push_back(event(&first));
        listener.news = Some(following.begin(services));
        Ok(listener)
    };
    let begun: Result<Listener> = begun.await;
    let error = match begun {
        Ok(listener) => {
            return Answer { status: StatusCode::OK, content: Payload::Events(listener.body()), session: None };
        }
        Err(error) => error,
    };
    // Without Postgres no record can be written.
    let written = match error.kind {
        Kind::Unavailable => Ok(()),
        _ => recording.write(services, Status::Refused, Some(&error.message), None, None).await,
    };
    fault::answer(&written.err().unwrap_or(error), Some(id), place.request_id)
}

fn seat(services: &Services, place: &Place) -> Result<Seat> {
    services.listeners.take(place.caller.principal).ok_or_else(|| {
        let text = "you have as many event streams open here as a caller may have; close some first";
        Error::new(Kind::TooMany(Duration::from_secs(5)), "too_many_streams", text)
    })
}

/// A `subscriptions/listen` request, named by every message on its stream.
struct Subscription {
    id: Box<RawValue>,
}

impl Subscription {
    /// The part of the requested filter that is agreed to; tasks of other callers are left out.
    fn acknowledged(&self, wanted: &ListenParams<'_>, following: &Following) -> Box<RawValue> {
        let mut agreed = serde_json::Map::new();
        if wanted.tools_list_changed {
            agreed.insert("toolsListChanged".to_owned(), true.into());
        }
        if !wanted.task_ids.is_empty() {
            let mut agreed_ids: Vec<&str> = Vec::new();
            for id in &wanted.task_ids {
                if following.has(id) && !agreed_ids.contains(&&**id) {
                    agreed_ids.push(id);
                }
            }
            agreed.insert("taskIds".to_owned(), agreed_ids.into());
        }
        let params = spliced(json!({"notifications": agreed}).to_string());
        with_meta(&params, SUBSCRIPTION_ID, self.id.get())
    }
}

/// The longest id of a subscription, in bytes.
const LONGEST_ID: usize = 1_024;

/// The key under `_meta` by which every message on a stream names its subscription.
const SUBSCRIPTION_ID: &str = "io.modelcontextprotocol/subscriptionId";

static EMPTY: LazyLock<Box<RawValue>> = LazyLock::new(|| spliced("{}".to_owned()));

/// JSON spliced together from JSON.
fn spliced(text: String) -> Box<RawValue> {
    RawValue::from_string(text).unwrap_or_default()
}

/// An open stream.
struct Listener {
    services: Arc<Services>,
    place: Place,
    /// Counts the stream as open while it lives.
    _seat: Seat,
    subscription: Option<Subscription>,
    /// The stream of a session.
    session: Option<mcp_session::Stream>,
    wants_tools: bool,
    /// The digest of the caller's tools when last compared.
    tools: [u8; 32],
    /// News of its tasks; `None` once all have ended.
    news: Option<mpsc::Receiver<News>>,
    /// The task that refreshes outdated lists of upstreams.
    refreshing: Option<JoinHandle<()>>,
    versions: watch::Receiver<i64>,
    alive: Interval,
    queue: VecDeque<Vec<u8>>,
    ended: bool,
}

impl Listener {
    fn new(
        services: &Arc<Services>,
        place: Place,
        seat: Seat,
        subscription: Option<Subscription>,
        wants_tools: bool,
    ) -> Self {
        // From here on the seat is the bound, and nothing of the request is kept.
        place.load.rest();
        place.load.let_go();
        Self {
            services: services.clone(),
            tools: list::digest(&place),
            news: None,
            refreshing: None,
            place,
            _seat: seat,
            subscription,
            session: None,
            wants_tools,
            versions: services.directory.versions(),
            alive: keep_alives(services),
            // The headers are sent with the first byte.
            queue: VecDeque::from([STILL_HERE.to_vec()]),
            ended: false,
        }
    }

    fn body(self) -> Body {
        Body::from_stream(stream::unfold(self, |mut listener| async move {
            let bytes = listener.next().await?;
            Some((Ok::<_, Infallible>(Bytes::from(bytes)), listener))
        }))
    }

    /// The next bytes to send; `None` at the end.
    async fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(bytes) = self.queue.pop_front() {
                return Some(bytes);
            }
            if self.ended {
                return None;
            }
            tokio::select! {
                biased;
                () = self.services.stop.cancelled() => {
                    self.ended = true;
                    return self.farewell();
                }
                () = over(&self.session) => return None,
                () = access::ended(&self.services, &self.place.actor) => return None,
                _ = self.versions.changed() => self.look_again().await?,
                news = next(&mut self.news) => match news {
                    Some(news) => self.tell_of(news).await?,
                    None => self.news = None,
                },
                _ = self.alive.tick() => {
                    self.still_valid().await?;
                    self.queue.push_back(STILL_HERE.to_vec());
                }
            }
        }
    }

    /// Compares the caller's tools after a change of the configuration. `None`: the caller may no longer use the
    /// toolkit.
    async fn look_again(&mut self) -> Option<()> {
        let Place { actor, org, toolkit, .. } = &self.place;
        let (_, caller, org, toolkit) = match access::caller_again(&self.services, actor, org, toolkit).await {
            Ok(found) => found,
            // While the database is away, nothing is known to have changed.
            Err(error) => return matches!(error.kind, Kind::Unavailable).then_some(()),
        };
        if Arc::ptr_eq(&org, &self.place.org) && caller.role == self.place.caller.role {
            return Some(());
        }
        self.place = Place { caller, org, toolkit, ..self.place.clone() };
        let tools = list::digest(&self.place);
        if self.wants_tools && tools != self.tools {
            self.notify("notifications/tools/list_changed", None);
        }
        self.tools = tools;
        Some(())
    }

    /// Checks that the credential has not ended. Also refreshes outdated lists of upstreams, apart from the stream
    /// because an upstream may be slow.
    async fn still_valid(&mut self) -> Option<()> {
        if let Err(error) = access::still_valid(&self.services, &self.place.actor).await {
            // While the database is away, nothing can change that could be told.
            return matches!(error.kind, Kind::Unavailable).then_some(());
        }
        if self.wants_tools && self.refreshing.as_ref().is_none_or(JoinHandle::is_finished) {
            let (services, place) = (self.services.clone(), self.place.clone());
            self.refreshing = Some(tokio::spawn(async move { drop(list::refresh(&services, &place).await) }));
        }
        Some(())
    }

    /// Sends a task's state once that is recorded, since it may carry the result of a call. `None`: it cannot be
    /// recorded; the stream ends, and the client has to poll.
    async fn tell_of(&mut self, news: News) -> Option<()> {
        let asked = json!({"taskId": news.id}).to_string();
        let recording = self.place.record(&self.services, "notifications/tasks", Some(&asked)).await;
        let written = recording.write(&self.services, Status::Ok, Some(news.task.get()), None, news.approval).await;
        if let Err(error) = written {
            error.log();
            return None;
        }
        self.notify("notifications/tasks", Some(&news.task));
        Some(())
    }

    fn notify(&mut self, method: &str, params: Option<&RawValue>) {
        let params = match &self.subscription {
            Some(subscription) => Some(with_meta(params.unwrap_or(&EMPTY), SUBSCRIPTION_ID, subscription.id.get())),
            None => params.map(RawValue::to_owned),
        };
        self.queue.push_back(event(&notification_bytes(method, params.as_deref())));
    }

    /// A subscription that the server ends gets its result (MCP 2026-07-28, "Subscriptions", graceful closure).
    fn farewell(&self) -> Option<Vec<u8>> {
        let subscription = self.subscription.as_ref()?;
        let info = methods::server_info();
        let result = format!(
            "{{\"resultType\":\"complete\",\"_meta\":{{\"io.modelcontextprotocol/subscriptionId\":{},\"io.modelcontextprotocol/serverInfo\":{}}}}}",
            subscription.id.get(),
            info.get()
        );
        Some(event(&response_bytes(&subscription.id, &spliced(result))))
    }
}

/// Resolves when the stream's session is over, if it has one.
async fn over(session: &Option<mcp_session::Stream>) {
    match session {
        Some(stream) => stream.over().await,
        None => std::future::pending().await,
    }
}

/// The next news of tasks, if any are followed.
async fn next(news: &mut Option<mpsc::Receiver<News>>) -> Option<News> {
    match news {
        Some(news) => news.recv().await,
        None => std::future::pending().await,
    }
}
