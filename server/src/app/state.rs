//! Makes the services of one process.

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use ipnet::IpNet;
use tokio::task::JoinHandle;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use url::Url;

use super::{connections::ConnectionLimits, console::Console};
use crate::{
    audit,
    auth::{
        device::Devices,
        jwt::Jwt,
        session::{Limits as SessionLimits, Store},
    },
    clock::Clock,
    config::{AllowedHosts, Config},
    db::{self, AuditConnector, Pools},
    directory::Directory,
    egress::{AllowRule, Egress},
    limit::{Budget, quota::Quota, refusals::Refusals, seats::Seats, throttle::Throttle},
    live::Live,
    metrics,
    seal::{KeyUse, MasterKey, Sealer},
    service::{
        Base, Calls, Catalog, Identity, Limits, Pace, Services, Views, call,
        catalog::{connection, tool_hints},
        counted_calls, exports, feed, key_uses, mcp_session,
    },
    upstream::{ChildUser, Upstreams},
};

/// The services, and the tasks to wait for at the end.
pub struct App {
    /// Everything a request needs.
    pub services: Arc<Services>,
    /// The lanes of the audit: they end when the writer is closed.
    pub writers: Vec<JoinHandle<()>>,
    /// The console; none unless it is given.
    pub console: Console,
    /// Hosts that a request may name, besides the known ones.
    pub allowed_hosts: AllowedHosts,
    /// The origins whose pages may use the MCP endpoint, besides the public URL's.
    pub allowed_origins: Vec<String>,
    /// The proxies whose forwarded headers count.
    pub trusted_proxies: Vec<IpNet>,
    /// How long a stop waits for requests in flight, then for dispatched calls, then for the audit.
    pub grace: Duration,
    /// A client's limits before it has authenticated.
    pub connection_limits: ConnectionLimits,
}

/// How many event streams one caller may have open on one replica.
const STREAMS: usize = 20;
/// How many calls of one caller are held open at once on one replica; further calls are answered immediately.
const HELD: usize = 200;
/// The default grace period.
const GRACE: Duration = Duration::from_secs(20);

impl App {
    /// Connects to the database in the application's role and makes the services. The schema must exist.
    ///
    /// # Errors
    /// One line that says what is missing or wrong.
    pub async fn new(config: &Config, clock: Clock, public_url: Url) -> anyhow::Result<Self> {
        metrics::start();
        let children = ChildUser::find(config.child_user.as_deref())?;
        let url = config.database_url.as_ref().context("DATABASE_URL is not set")?;
        let set_role = config.migrate_url.is_none();
        db::migrate::ready(url, set_role).await?;
        let db = Pools::connect(url, set_role, config.db_max_connections).await?;
        db::migrate::check(&db.directory).await?;
        let instance = db::migrate::instance(&db.directory).await?;
        db::audit::ensure_partitions(&db.upkeep).await.context("cannot make the audit's partitions")?;
        let master = MasterKey::from_config(config)?;
        let sealer = Arc::new(Sealer::new(&master));
        let (audit, writers) = audit::Writer::start(AuditConnector::new(url, set_role)?, config.audit_queue_bytes);
        let rules = AllowRule::parse_list(&config.egress_allow.join(",")).context("PERMESSO_EGRESS_ALLOW")?;
        let egress = Egress::new(rules).context("cannot make the HTTP client")?.by_way_of(&config.outbound);
        // A third for lists of the audit, a third for its exports: the rest of people's connections is for everything
        // else.
        let wide = (db.people.size() / 3).max(1);
        let sessions = Store::new(
            db.people.clone(),
            clock.clone(),
            SessionLimits { idle: config.session_idle, absolute: config.session_max },
        );
        let directory = Directory::begin(db.directory.clone(), config.forbid_self_approval);
        let base = Arc::new(Base {
            directory: directory.await.context("cannot read the configuration")?,
            jwt: Jwt::new(&master.derive(KeyUse::LoginToken(instance))),
            sessions,
            key_uses: key_uses::KeyUses::default(),
            live: Live::default(),
            refusals: Refusals::new(clock.clone()),
            changing: Default::default(),
            dispatched: TaskTracker::new(),
            stop: CancellationToken::new(),
            forbid_self_approval: config.forbid_self_approval,
            public_url,
            db,
            clock: clock.clone(),
            sealer,
            audit,
        });
        let identity = Identity {
            base: base.clone(),
            devices: Devices::new(&master.derive(KeyUse::KnownDevice(instance))),
            throttle: Throttle::new(clock.clone()),
        };
        let catalog = Arc::new(Catalog {
            base,
            upstreams: Upstreams::new(egress, children, clock.clone()),
            connections: connection::UsedConnections::default(),
            hints: tool_hints::KnownHints::default(),
            trials: connection::Trials::default(),
        });
        let views = Views {
            catalog: catalog.clone(),
            feed: feed::Feed::default(),
            audit_readers: tokio::sync::Semaphore::new(wide),
            exports: exports::Exports::new(wide),
            counted_calls: counted_calls::CountedCalls::default(),
        };
        let calls = Calls {
            catalog,
            budget: Budget::new(config.budgets),
            guest_records: Quota::new(config.guest_record_bytes, clock),
            limits: Limits {
                open_approvals: config.max_open_approvals,
                held_argument_bytes: config.max_held_argument_bytes,
            },
            mcp_sessions: mcp_session::Sessions::default(),
            listeners: Seats::new(STREAMS),
            held: Seats::new(HELD),
            hold_times: config.hold_times.clone(),
            pace: Pace::default(),
            opening: Default::default(),
            claiming: Default::default(),
            lease: config.approval_lease,
            polls: call::task::Polls::default(),
        };
        let services = Services { identity: Arc::new(identity), views: Arc::new(views), calls: Arc::new(calls) };
        Ok(Self {
            services: Arc::new(services),
            writers,
            console: Console::default(),
            allowed_hosts: config.allowed_hosts.clone(),
            allowed_origins: config.allowed_origins.clone(),
            trusted_proxies: config.trusted_proxies.clone(),
            grace: GRACE,
            connection_limits: ConnectionLimits {
                open: config.max_connections,
                per_address: config.max_connections_per_address,
                ..ConnectionLimits::default()
            },
        })
    }
}
