//! The stream of a session: a newer one takes its place, whichever replica serves it, since nothing is told on
//! two (MCP 2025-11-25, "Multiple Connections").
//!
//! Each stream is announced, and Postgres puts the announcements into one order for all replicas: whoever has heard
//! its own knows that a later one is newer. While a replica cannot hear them a session may have two streams.

use std::collections::HashMap;

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use super::known::Hash;

/// The streams of this replica, by session.
#[derive(Default)]
pub(super) struct Streams {
    by_session: Mutex<HashMap<Hash, OpenStream>>,
}

pub(super) struct OpenStream {
    pub(super) id: String,
    /// Whether what is announced from now on is newer.
    pub(super) announced: bool,
    pub(super) over: CancellationToken,
}

/// The stream of a session, open as long as this lives.
pub struct Stream {
    pub(super) over: CancellationToken,
}

impl Stream {
    /// Resolves when the session has ended or a newer stream has taken the place of this one.
    pub async fn over(&self) {
        self.over.cancelled().await;
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.over.cancel();
    }
}

impl Streams {
    pub(super) fn open(&self, session: Hash, stream: OpenStream) {
        let mut streams = self.by_session.lock();
        streams.retain(|_, stream| !stream.over.is_cancelled());
        if let Some(older) = streams.insert(session, stream) {
            older.over.cancel();
        }
    }

    /// A stream was opened somewhere.
    pub(super) fn announced(&self, session: &Hash, id: &str) {
        let mut streams = self.by_session.lock();
        let Some(ours) = streams.get_mut(session) else { return };
        if ours.id == id {
            ours.announced = true;
        } else if ours.announced {
            ours.over.cancel();
            streams.remove(session);
        }
    }

    /// Announcements were missed, and perhaps those of the streams here.
    pub(super) fn lost_track(&self) {
        self.by_session.lock().values_mut().for_each(|stream| stream.announced = true);
    }

    /// A session has ended.
    pub(super) fn end(&self, session: &Hash) {
        if let Some(stream) = self.by_session.lock().remove(session) {
            stream.over.cancel();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SESSION: Hash = [7; 32];

    fn open(streams: &Streams, id: &str) -> CancellationToken {
        let over = CancellationToken::new();
        streams.open(SESSION, OpenStream { id: id.to_owned(), announced: false, over: over.clone() });
        over
    }

    #[test]
    fn of_two_streams_that_are_opened_at_once_every_replica_keeps_the_same() {
        let (here, there) = (Streams::default(), Streams::default());
        let (first, second) = (open(&here, "first"), open(&there, "second"));
        for id in ["first", "second"] {
            here.announced(&SESSION, id);
            there.announced(&SESSION, id);
        }
        assert!(first.is_cancelled(), "a newer one was announced");
        assert!(!second.is_cancelled(), "what was announced before it is older");
        here.announced(&[8; 32], "third");
        there.announced(&[8; 32], "third");
        assert!(!second.is_cancelled(), "that was another session's");
    }

    #[test]
    fn a_stream_whose_announcement_was_missed_gives_way_all_the_same() {
        let streams = Streams::default();
        let stream = open(&streams, "first");
        streams.lost_track();
        assert!(!stream.is_cancelled());
        streams.announced(&SESSION, "second");
        assert!(stream.is_cancelled());
    }

    #[test]
    fn streams_leave_nothing_behind() {
        let streams = Streams::default();
        drop(Stream { over: open(&streams, "first") });
        streams.open([8; 32], OpenStream { id: String::new(), announced: false, over: CancellationToken::new() });
        assert_eq!(streams.by_session.lock().len(), 1);
        streams.end(&[8; 32]);
        assert!(streams.by_session.lock().is_empty());
    }
}
