#![allow(clippy::unwrap_used, reason = "a test that panics fails")]

use tokio::time::timeout;

use super::*;

/// A stream of this text, which then ends.
fn events(text: String) -> Events {
    Events::new(Response::from(http::Response::new(text)), Arc::new(Observer::of_nothing()))
}

#[tokio::test]
async fn what_is_no_event_is_read_no_faster_than_events_may_come() {
    for nothing in [":\n", "\n", "id: 1\n\n", "retry: 1\n", "event: x\n", "x: y\n"] {
        let mut events = events(nothing.repeat(200_000));
        assert!(timeout(Duration::from_millis(50), events.next()).await.is_err(), "{nothing:?} is read at once");
    }
}

#[tokio::test]
async fn an_event_does_not_wait_for_the_comments_before_it() {
    let mut events = events(format!("{}data: 1\n\n", ":\n".repeat(200_000)));
    let event = timeout(Duration::from_secs(5), events.next()).await.unwrap();
    assert_eq!(event.ok().unwrap().data, "1");
}
