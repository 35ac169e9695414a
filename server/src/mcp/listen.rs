//! Streams on which a client hears that its tools have changed and how its tasks stand: of a session (GET,
//! until 2025-11-25), or of a request (`subscriptions/listen`, 2026-07-28). They end when the client closes them, when its credential
//! ends, and, with a word, when this replica stops.

use std::{collections::VecDeque, convert::Infallible, sync::Arc};

use axum::{body::Body, http::StatusCode};
use bytes::Bytes;
use domain::ApprovalId;
use futures::stream;
use serde_json::value::RawValue;
use tokio::{
    sync::watch,
    time::{Instant, Interval, MissedTickBehavior, interval_at},
};
use wire::{
    envelope::{error_bytes, notification_bytes, response_bytes},
    error::RpcError,
    mcp::task::ListenParams,
};

use super::{
    answer::{self, Answer, Content},
    discover, fault,
    following::Following,
    list,
    record::Place,
    stream::{KEEP_ALIVE, STILL_HERE, event},
};
use crate::{
    db::audit::Status,
    error::{Kind, Result},
    service::{Services, access, listener::Seat},
};

/// The stream of a session: its tools' changes.
///
/// # Errors
/// `too_many_streams`; when Postgres cannot be reached.
pub(super) async fn to_session(services: &Arc<Services>, place: Place) -> Result<Body> {
    let recording = place.record(services, "notifications", None);
    let seat = services.listeners.seat(place.caller.principal)?;
    recording.write(services, Status::Ok, None, None, None).await?;
    Ok(Listener::new(services, place, seat, None, true).body())
}

/// The stream of a subscription: first what is agreed to, then that and nothing else.
pub(super) async fn subscribe(
    services: &Arc<Services>,
    place: &Place,
    id: &RawValue,
    params: Option<&RawValue>,
) -> Answer {
    let recording = place.record(services, "subscriptions/listen", params.map(RawValue::get));
    let wanted = ListenParams::parse(params).and_then(|wanted| {
        let may = wanted.task_ids.is_empty() || place.spoken.tasks;
        may.then_some(wanted).ok_or_else(RpcError::missing_tasks_capability)
    });
    let wanted = match wanted {
        Ok(wanted) => wanted,
        Err(error) => {
            let written = recording.write(services, Status::Refused, Some(&error.message), None, None).await;
            return match written {
                Ok(()) => Answer::json(answer::status_of(place, &error), error_bytes(Some(id), &error)),
                Err(unrecorded) => fault::answer(&unrecorded, Some(id), place.request_id),
            };
        }
    };
    let begun = async {
        let seat = services.listeners.seat(place.caller.principal)?;
        let mut following = Following::new(place);
        for task in &wanted.task_ids {
            following.begin(services, task).await?;
        }
        let subscription = Subscription { id: id.to_owned() };
        let acknowledged = subscription.acknowledged(&wanted, &following);
        recording.write(services, Status::Ok, Some(acknowledged.get()), None, None).await?;
        let mut listener = Listener::new(services, place.clone(), seat, Some(subscription), wanted.tools_list_changed);
        let first = notification_bytes("notifications/subscriptions/acknowledged", Some(&acknowledged));
        listener.queue.push_back(event(&first));
        listener.following = following;
        listener.tell_of_tasks(None).await;
        Ok(listener)
    };
    match begun.await {
        Ok(listener) => Answer { status: StatusCode::OK, content: Content::Events(listener.body()), session: None },
        Err(error) => fault::answer(&error, Some(id), place.request_id),
    }
}

/// A `subscriptions/listen` request: all that its stream says names it.
struct Subscription {
    id: Box<RawValue>,
}

impl Subscription {
    /// `_meta` of everything on the stream.
    fn meta(&self) -> String {
        format!("\"_meta\":{{\"io.modelcontextprotocol/subscriptionId\":{}}}", self.id.get())
    }

    /// What of the wanted is agreed to: tasks that are not the caller's are left out.
    fn acknowledged(&self, wanted: &ListenParams<'_>, following: &Following) -> Box<RawValue> {
        let mut agreed = serde_json::Map::new();
        if wanted.tools_list_changed {
            agreed.insert("toolsListChanged".to_owned(), true.into());
        }
        if !wanted.task_ids.is_empty() {
            agreed.insert("taskIds".to_owned(), following.ids().into());
        }
        spliced(format!("{{{},\"notifications\":{}}}", self.meta(), serde_json::Value::Object(agreed)))
    }
}

/// JSON that was put together from JSON.
fn spliced(text: String) -> Box<RawValue> {
    RawValue::from_string(text).unwrap_or_default()
}

/// A stream under way.
struct Listener {
    services: Arc<Services>,
    place: Place,
    /// Counted as open as long as this lives.
    _seat: Seat,
    subscription: Option<Subscription>,
    wants_tools: bool,
    /// What the caller's tools were when they were last looked at.
    tools: [u8; 32],
    following: Following,
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
        let mut alive = interval_at(Instant::now() + KEEP_ALIVE, KEEP_ALIVE);
        alive.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            services: services.clone(),
            tools: list::digest(&place),
            following: Following::new(&place),
            place,
            _seat: seat,
            subscription,
            wants_tools,
            versions: services.directory.versions(),
            alive,
            // The first byte takes the head along.
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

    /// What is sent next; `None` at the end.
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
                _ = self.versions.changed() => self.look_again()?,
                moved = self.following.moved(&self.services) => self.tell_of_tasks(moved).await,
                _ = self.alive.tick() => {
                    self.still_valid().await?;
                    self.tell_of_tasks(None).await;
                    self.queue.push_back(STILL_HERE.to_vec());
                }
            }
        }
    }

    /// Looks at the caller's tools after a change of the configuration. `None`: there is nothing for it here
    /// any more.
    fn look_again(&mut self) -> Option<()> {
        let Ok(directory) = self.services.directory.get() else { return Some(()) };
        let actor = access::again(&self.services, &directory, &self.place.actor).ok()?;
        let (org, toolkit) = (self.place.org.slug.as_str(), self.place.toolkit.slug.as_str());
        let (caller, org, toolkit) = access::caller(&directory, &actor, org, toolkit).ok()?;
        self.place = Place { version: directory.version, caller, org, toolkit, ..self.place.clone() };
        let tools = list::digest(&self.place);
        if self.wants_tools && tools != self.tools {
            self.notify("notifications/tools/list_changed", "");
        }
        self.tools = tools;
        Some(())
    }

    /// Whether the credential has not ended meanwhile; and asks the upstreams again whose lists are too old.
    async fn still_valid(&mut self) -> Option<()> {
        if let Err(error) = access::still_valid(&self.services, &self.place.actor).await {
            // Without the database nothing changes that could be told.
            return matches!(error.kind, Kind::Unavailable).then_some(());
        }
        if self.wants_tools {
            list::refresh(&self.services, &self.place).await;
        }
        Some(())
    }

    /// Tells how the tasks stand of one approval, or all, where that is news.
    async fn tell_of_tasks(&mut self, approval: Option<ApprovalId>) {
        for task in self.following.news(&self.services, approval).await {
            let members = task.get().strip_prefix('{').and_then(|task| task.strip_suffix('}')).unwrap_or_default();
            self.notify("notifications/tasks", &format!(",{members}"));
        }
    }

    fn notify(&mut self, method: &str, members: &str) {
        let params = match &self.subscription {
            Some(subscription) => Some(spliced(format!("{{{}{members}}}", subscription.meta()))),
            None => None,
        };
        self.queue.push_back(event(&notification_bytes(method, params.as_deref())));
    }

    /// A subscription that ends here ends with its result (MCP 2026-07-28, "Subscriptions", graceful closure).
    fn farewell(&self) -> Option<Vec<u8>> {
        let subscription = self.subscription.as_ref()?;
        let info = discover::server_info();
        let result = format!(
            "{{\"resultType\":\"complete\",\"_meta\":{{\"io.modelcontextprotocol/subscriptionId\":{},\"io.modelcontextprotocol/serverInfo\":{}}}}}",
            subscription.id.get(),
            info.get()
        );
        Some(event(&response_bytes(&subscription.id, &spliced(result))))
    }
}
