//! The stream for an upstream's unrequested messages: changed lists, pings. An upstream need not offer it. It is
//! requested by GET, or in MCP 2026-07-28 by `subscriptions/listen`.

use std::ops::ControlFlow::{self, Break, Continue};
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use reqwest::Method;
use tokio::time::Instant;

use super::{
    super::message::{Answer, Heard, Request, hear, tools_subscription},
    answer::{Events, beginning, is_message, is_stream},
    modern,
    peer::Peer,
};
use crate::egress::Outgoing;

const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Listens until the session is over or the upstream says that it offers no such stream.
pub(super) async fn listen(peer: Arc<Peer>) {
    let over = peer.over.clone();
    over.run_until_cancelled_owned(keep_listening(peer)).await;
}

async fn keep_listening(peer: Arc<Peer>) {
    let mut pause = FIRST_PAUSE;
    let mut before = Before::default();
    loop {
        let started = Instant::now();
        if listen_once(&peer, &mut before).await.is_break() {
            return;
        }
        // A stream that lasted long may be reopened soon; after short ones the pause grows.
        pause = if started.elapsed() > LONGEST_PAUSE { FIRST_PAUSE } else { (pause * 2).min(LONGEST_PAUSE) };
        tokio::time::sleep(pause).await;
    }
}

/// What is known from earlier streams.
#[derive(Default)]
struct Before {
    /// Whether there was one.
    any: bool,
    last_id: Option<String>,
}

async fn listen_once(peer: &Arc<Peer>, before: &mut Before) -> ControlFlow<()> {
    let Some((request, id)) = ask(peer, before.last_id.as_deref()) else {
        return Break(());
    };
    let Ok(response) = request.send().await else {
        return Continue(());
    };
    match response.status() {
        // For a session that had a stream, the session is lost; for another one, there is no such stream.
        StatusCode::NOT_FOUND | StatusCode::UNAUTHORIZED | StatusCode::BAD_REQUEST
            if before.any && peer.has_session() =>
        {
            peer.over.cancel();
            return Break(());
        }
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => return Continue(()),
        status if status.is_server_error() => return Continue(()),
        // The specification says 405; any other error of this range means the same.
        status if !status.is_success() => return Break(()),
        _ if !is_stream(&response) => return Break(()),
        _ => {}
    }
    let mut events = Events::new(response, peer.observer.clone());
    before.any = true;
    let _open = peer.elsewhere.open();
    events.last_id = before.last_id.take();
    while let Ok(event) = events.next().await {
        if !is_message(&event) {
            peer.observer.pace.keep(event.data.len()).await;
            continue;
        }
        for heard in hear(event.data.as_bytes(), &peer.observer) {
            match heard {
                Ok(Heard::Reply(reply)) => peer.reply(reply),
                // The subscription is refused, or ended in good order.
                Ok(Heard::Answer(answered, Answer::Error(_))) if Some(answered) == id => return Break(()),
                Ok(Heard::Answer(answered, Answer::Result(_))) if Some(answered) == id => return Continue(()),
                Ok(Heard::Answer(answered, answer)) if peer.elsewhere.hear(answered, &answer) => {}
                Ok(Heard::Answer(..) | Heard::Unaddressed { .. }) => {
                    let text = beginning(&event.data);
                    peer.observer.dropped(&format!("an answer on the stream that answers nothing: {text}"));
                }
                Err(unreadable) => {
                    let (reason, text) = (unreadable.reason, beginning(&event.data));
                    peer.observer.dropped(&format!("an event that cannot be read, because {reason}: {text}"));
                }
            }
        }
        peer.observer.pace.keep(event.data.len()).await;
    }
    before.last_id = events.last_id;
    Continue(())
}

/// The request that opens the stream, and its id if it has one.
fn ask(peer: &Peer, last_id: Option<&str>) -> Option<(Outgoing, Option<u64>)> {
    if peer.is_modern() {
        let id = peer.next_id();
        let post = modern::post(id, &Request::new("subscriptions/listen", Some(tools_subscription().into()))).ok()?;
        return Some((peer.start_post(post.headers, false).ok()?.body(post.body.concat()), Some(id)));
    }
    let request = peer.start(Method::GET, false).ok()?;
    let resumed = match last_id {
        Some(last_id) => request.header("last-event-id", last_id),
        None => request,
    };
    Some((resumed, None))
}
