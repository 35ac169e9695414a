//! What the gateway does: every change goes through here (check, change, audit, commit, publish),
//! and every tool call. Composes the modules below it, which do not know each other.

pub mod access;
pub mod approval;
pub mod audit_export;
pub mod call;
pub mod catalog;
pub mod change;
mod consequence;
pub mod counted_calls;
pub mod delivered;
pub mod etag;
pub mod exports;
pub mod feed;
pub mod identity;
pub mod key_uses;
mod label;
mod loosening;
pub mod mcp_session;
pub mod on_record;
pub mod overview;
mod reason;
pub mod recording;
pub mod signed;
pub mod summary;

use std::{collections::HashSet, ops::Deref, sync::Arc, time::Duration};

use domain::{ApprovalId, HoldTimes, OrgId, Principal};
use parking_lot::Mutex;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use url::Url;

use crate::{
    audit,
    auth::{device::Devices, jwt::Jwt, session::Store},
    clock::Clock,
    db::Pools,
    directory::Directory,
    limit::{Budget, quota::Quota, refusals::Refusals, seats::Seats, throttle::Throttle, turns::Turns},
    live::Live,
    seal::Sealer,
    upstream::Upstreams,
};

/// Everything a request needs, in parts. One per process, shared. A function takes the part that it needs: what
/// [`Calls`] has, [`Catalog`] and [`Base`] included, is reached by its name in `Services` as well.
pub struct Services {
    /// What signing in needs.
    pub identity: Arc<Identity>,
    /// What people look at.
    pub views: Arc<Views>,
    /// What tool calls need.
    pub calls: Arc<Calls>,
}

/// What every change needs: the database, who asks, the record, and who hears of it.
pub struct Base {
    /// The application's connections to Postgres, in a pool for each kind of work.
    pub db: Pools,
    /// The time.
    pub clock: Clock,
    /// Seals and opens what is kept under the master key.
    pub sealer: Arc<Sealer>,
    /// Issues and verifies login tokens.
    pub jwt: Jwt,
    /// Console sessions, and how long they live.
    pub sessions: Store,
    /// Last uses of keys, written now and then.
    pub key_uses: key_uses::KeyUses,
    /// The configuration of the orgs in use.
    pub directory: Arc<Directory>,
    /// Wakes who waits.
    pub live: Live,
    /// Makes records durable.
    pub audit: audit::Writer,
    /// Refusals of which only some are recorded.
    pub refusals: Refusals,
    /// The turns of changes in one org.
    pub changing: Turns<OrgId>,
    /// Dispatched calls, which run to their end also when their client has gone.
    pub dispatched: TaskTracker,
    /// Ends background work.
    pub stop: CancellationToken,
    /// Where people reach the console.
    pub public_url: Url,
    /// Whether nobody decides on their own request, whatever policies say. The directory's policies say so already.
    pub forbid_self_approval: bool,
}

impl Base {
    /// Whether people come over HTTPS.
    pub fn is_https(&self) -> bool {
        self.public_url.scheme() == "https"
    }
}

/// What signing in needs.
pub struct Identity {
    /// What every change needs.
    pub base: Arc<Base>,
    /// Makes and recognizes the cookies by which browsers are known.
    pub devices: Devices,
    /// Slows failed log-ins.
    pub throttle: Throttle,
}

/// What connections and their tools need.
pub struct Catalog {
    /// What every change needs.
    pub base: Arc<Base>,
    /// Reaches upstreams.
    pub upstreams: Upstreams,
    /// Opened configurations of connections and the age of their tool lists.
    pub connections: catalog::connection::UsedConnections,
    /// What definitions claim of their tools.
    pub hints: catalog::tool_hints::KnownHints,
    /// Connections that are being tried.
    pub trials: catalog::connection::Trials,
}

/// What people look at: the streams of their consoles, lists and exports of the audit.
pub struct Views {
    /// What connections and their tools need.
    pub catalog: Arc<Catalog>,
    /// The event streams of consoles.
    pub feed: feed::Feed,
    /// How many read the audit's lists at once: searches are wide, and the rest needs connections too.
    pub audit_readers: tokio::sync::Semaphore,
    /// The audit's exports under way.
    pub exports: exports::Exports,
    /// The calls of orgs as they were last counted.
    pub counted_calls: counted_calls::CountedCalls,
}

/// What tool calls need, from the first byte of a request to the last of its answer.
pub struct Calls {
    /// What connections and their tools need.
    pub catalog: Arc<Catalog>,
    /// What callers take up of this process.
    pub budget: Budget,
    /// What callers from outside write into an org's record.
    pub guest_records: Quota,
    /// What callers may ask for.
    pub limits: Limits,
    /// Sessions of MCP clients that this replica has seen.
    pub mcp_sessions: mcp_session::Sessions,
    /// The event streams of MCP clients.
    pub listeners: Seats,
    /// The calls that are held open.
    pub held: Seats,
    /// How long calls are held open, by the client's name.
    pub hold_times: HoldTimes,
    /// How clients that wait are kept company, and how often it is looked for what they wait for.
    pub pace: Pace,
    /// The turns of callers at opening approvals.
    pub opening: Turns<Principal>,
    /// Approvals this replica is claiming: one attempt at a time.
    pub claiming: Mutex<HashSet<ApprovalId>>,
    /// How long a claim is good without renewal.
    pub lease: Duration,
    /// The upstreams' tasks that somebody follows here.
    pub polls: call::task::Polls,
}

/// One part stands on another: what the lower one has is reached by its name in the upper one.
macro_rules! stands_on {
    ($($upper:ty => $field:ident: $lower:ty),+ $(,)?) => {$(
        impl Deref for $upper {
            type Target = $lower;

            fn deref(&self) -> &$lower {
                &self.$field
            }
        }
    )+};
}

stands_on! {
    Services => calls: Calls,
    Calls => catalog: Catalog,
    Views => catalog: Catalog,
    Catalog => base: Base,
    Identity => base: Base,
}

/// How clients that wait are kept company, and how often it is looked for what they wait for. A deployment has the default;
/// tests do not wait that long.
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
    /// How often the database is asked what was approved while only a task waits for it.
    pub sweep: Duration,
}

impl Pace {
    /// What a deployment has.
    pub const DEFAULT: Self = Self {
        step: Duration::from_secs(10),
        keep_alive: Duration::from_secs(15),
        silence: Duration::from_secs(45),
        sweep: Duration::from_secs(5),
    };
}

impl Default for Pace {
    fn default() -> Self {
        Self::DEFAULT
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
