//! What a replica knows of sessions: those it has seen, their requests under way and their streams.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
    time::Instant,
};

use domain::{OrgId, Principal, ToolkitId};
use parking_lot::Mutex;
use tokio::sync::OnceCell;

use super::{
    streams::Streams,
    under_way::{Requests, UnderWay},
};
use crate::{
    db::mcp_session::Row,
    error::{Error, Result},
};

pub(super) type Hash = [u8; 32];

/// What this replica knows of sessions.
#[derive(Default)]
pub struct Sessions {
    pub(super) known: Mutex<HashMap<Hash, KnownSession>>,
    /// Sessions that are being looked up, so that many first uses at once are one query.
    pub(super) looking: Mutex<HashMap<Wanted, Weak<OnceCell<Lookup>>>>,
    pub(super) requests: Requests,
    pub(super) streams: Streams,
}

/// A session as it is looked for: whose and where belong to the question.
pub(super) type Wanted = (Hash, OrgId, ToolkitId, Principal);
pub(super) type Lookup = Result<Option<Arc<Row>>, Arc<Error>>;

pub(super) struct KnownSession {
    pub(super) org: OrgId,
    pub(super) row: Arc<Row>,
    pub(super) used: Instant,
}

/// A session in use.
#[derive(Clone, Debug)]
pub struct Session {
    pub(super) hash: Hash,
    /// What is known of it.
    pub row: Arc<Row>,
}

impl Sessions {
    /// Notes that a request is under way. `request` is its id as it was written.
    pub fn under_way(&self, session: &Session, request: &str) -> UnderWay<'_> {
        self.requests.begin(session.hash, request)
    }

    pub(super) fn forget(&self, hash: &Hash) {
        self.known.lock().remove(hash);
        self.streams.end(hash);
    }

    /// News were missed.
    pub(super) fn lost_track(&self) {
        self.known.lock().clear();
        self.streams.lost_track();
    }
}
