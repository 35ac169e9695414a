//! What the gateway does: every change goes through here (check, change, audit, commit, publish),
//! and every tool call. Composes the modules below it, which do not know each other.

pub mod access;
pub mod approval;
pub mod audit_export;
pub mod call;
pub mod catalog;
pub mod change;
mod consequence;
pub mod etag;
pub mod exports;
pub mod feed;
pub mod identity;
pub mod key_uses;
mod label;
mod loosening;
pub mod mcp_session;
pub mod on_record;
mod reason;

pub mod signed;
mod summary;

use std::{collections::HashSet, sync::Arc, time::Duration};

use domain::{ApprovalId, HoldTimes, OrgId, Principal};
use parking_lot::Mutex;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use url::Url;

use crate::{
    audit,
    auth::{device::Devices, jwt::Jwt, session::Store},
    clock::Clock,
    db::Pools,
    directory::Snapshots,
    limit::{Budget, quota::Quota, refusals::Refusals, seats::Seats, throttle::Throttle, turns::Turns},
    live::Live,
    seal::Sealer,
    upstream::Upstreams,
};

/// Everything a request needs. One per process, shared.
pub struct Services {
    /// The application's connections to Postgres, in a pool for each kind of work.
    pub db: Pools,
    /// The time.
    pub clock: Clock,
    /// Seals and opens what is kept under the master key.
    pub sealer: Arc<Sealer>,
    /// Issues and verifies login tokens.
    pub jwt: Jwt,
    /// Makes and recognizes the cookies by which browsers are known.
    pub devices: Devices,
    /// Console sessions, and how long they live.
    pub sessions: Store,
    /// Slows failed log-ins.
    pub throttle: Throttle,
    /// The snapshot of all configuration.
    pub directory: Arc<Snapshots>,
    /// Wakes who waits.
    pub live: Live,
    /// Makes records durable.
    pub audit: audit::Writer,
    /// Reaches upstreams.
    pub upstreams: Upstreams,
    /// Opened configurations of connections and the age of their tool lists.
    pub connections: catalog::connection::Open,
    /// Sessions of MCP clients that this replica has seen.
    pub mcp_sessions: mcp_session::Sessions,
    /// The upstreams' tasks that somebody follows here.
    pub polls: call::task::Polls,
    /// The event streams of MCP clients.
    pub listeners: Seats,
    /// The calls that are held open.
    pub held: Seats,
    /// The turns of callers at opening approvals.
    pub opening: Turns<Principal>,
    /// The turns of changes in one org.
    pub changing: Turns<OrgId>,
    /// The event streams of consoles.
    pub feed: feed::Feed,
    /// What definitions claim of their tools.
    pub hints: catalog::tool_hints::KnownHints,
    /// Last uses of keys, written now and then.
    pub key_uses: key_uses::KeyUses,
    /// How many read the audit's lists at once: searches are wide, and the rest needs connections too.
    pub audit_readers: tokio::sync::Semaphore,
    /// The audit's exports under way.
    pub exports: exports::Exports,
    /// Approvals this replica is claiming: one attempt at a time.
    pub claiming: Mutex<HashSet<ApprovalId>>,
    /// Dispatched calls, which run to their end also when their client has gone.
    pub dispatched: TaskTracker,
    /// Ends background work.
    pub stop: CancellationToken,
    /// Where people reach the console.
    pub public_url: Url,
    /// How long calls are held open, by the client's name.
    pub hold_times: HoldTimes,
    /// How clients that wait are kept company.
    pub pace: Pace,
    /// What callers take up of this process.
    pub budget: Budget,
    /// What callers from outside write into an org's record.
    pub guest_records: Quota,
    /// Refusals of which only some are recorded.
    pub refusals: Refusals,
    /// What callers may ask for.
    pub limits: Limits,
    /// How long a claim is good without renewal.
    pub lease: Duration,
    /// Whether nobody decides on their own request, whatever policies say. The snapshot's policies say so already.
    pub forbid_self_approval: bool,
}

impl Services {
    /// Whether people come over HTTPS.
    pub fn is_https(&self) -> bool {
        self.public_url.scheme() == "https"
    }
}

/// How clients that wait are kept company. A deployment has the default; tests do not wait that long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// How often a waiting call tells its client progress (approvals.md, "What the agent sees", 1).
    pub step: Duration,
    /// How often something is sent on an event stream when nothing happens, so that nobody in between gives the
    /// connection up.
    pub keep_alive: Duration,
    /// How long a call is held for a client that can hear nothing meanwhile: whoever stands in between gives a
    /// silent connection up after a minute.
    pub silence: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { step: Duration::from_secs(10), keep_alive: Duration::from_secs(15), silence: Duration::from_secs(45) }
    }
}

/// What callers may ask for (approvals.md, "Limits").
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How many approvals of one caller may be open at once.
    pub open_approvals: i64,
    /// How large the arguments of a held call may be, in bytes.
    pub held_argument_bytes: usize,
}
