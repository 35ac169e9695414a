//! A gateway in this process, on a real port.

use std::{sync::Arc, time::Duration};

use permesso::{
    app::{connections::ConnectionLimits, serve::serve, state::App},
    clock::Clock,
    config::Config,
    service::{Pace, Services},
};
use secrecy::{ExposeSecret, SecretString};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

/// One replica.
pub(crate) struct Gateway {
    pub(crate) url: String,
    pub(crate) services: Arc<Services>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// The environment of a gateway on this database.
pub(crate) fn variables(database: &SecretString) -> Vec<(String, String)> {
    [
        ("DATABASE_URL", database.expose_secret()),
        ("PERMESSO_LISTEN", "127.0.0.1:0"),
        ("PERMESSO_ALLOW_DEV_MASTER_KEY", "1"),
        ("PERMESSO_ADMIN_EMAIL", super::world::ADMIN.0),
        ("PERMESSO_ADMIN_PASSWORD", super::world::ADMIN.1),
        ("PERMESSO_EGRESS_ALLOW", "127.0.0.0/8"),
        ("PERMESSO_APPROVAL_LEASE_SECONDS", "10"),
        ("PERMESSO_DB_CONNECTIONS", "12"),
        ("PERMESSO_HOLD_SECONDS", "*=0,patient=4"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}

/// The pace of the gateways here, unless a test says otherwise: a deployment's, but for what tests wait for.
const PACE: Pace = Pace { sweep: Duration::from_millis(500), ..Pace::DEFAULT };

fn set_pace(app: &mut App, pace: Pace) {
    let services = Arc::get_mut(&mut app.services).expect("nobody else has them yet");
    Arc::get_mut(&mut services.calls).expect("nor these").pace = pace;
}

impl Gateway {
    /// Starts a replica on a migrated database.
    pub(crate) async fn start(database: &SecretString) -> Self {
        Self::start_with(database, Clock::system()).await
    }

    pub(crate) async fn start_with(database: &SecretString, clock: Clock) -> Self {
        Self::start_at(database, clock, None).await
    }

    /// A replica that people reach by `public_url`, as behind a proxy that speaks TLS.
    pub(crate) async fn start_at(database: &SecretString, clock: Clock, public_url: Option<&str>) -> Self {
        Self::build(&variables(database), clock, public_url, |_| {}).await
    }

    /// A replica whose stop waits only so long for what does not end.
    pub(crate) async fn start_hasty(database: &SecretString, grace: Duration) -> Self {
        Self::build(&variables(database), Clock::system(), None, |app| app.grace = grace).await
    }

    /// A replica that lets its clients take up only so much.
    pub(crate) async fn start_strict(database: &SecretString, limits: ConnectionLimits) -> Self {
        Self::build(&variables(database), Clock::system(), None, |app| app.connection_limits = limits).await
    }

    /// A replica that keeps clients that wait company in another way than usual.
    pub(crate) async fn start_paced(database: &SecretString, pace: Pace) -> Self {
        Self::build(&variables(database), Clock::system(), None, |app| set_pace(app, pace)).await
    }

    /// A replica with this environment.
    pub(crate) async fn start_with_variables(variables: &[(String, String)]) -> Self {
        Self::build(variables, Clock::system(), None, |_| {}).await
    }

    /// A replica with these variables beside the usual ones, and this clock.
    pub(crate) async fn start_limited(database: &SecretString, limits: &[(&str, usize)], clock: Clock) -> Self {
        let mut variables = variables(database);
        variables.extend(limits.iter().map(|(name, value)| ((*name).to_owned(), value.to_string())));
        Self::build(&variables, clock, None, |_| {}).await
    }

    async fn build(
        variables: &[(String, String)],
        clock: Clock,
        public_url: Option<&str>,
        adjust: impl FnOnce(&mut App),
    ) -> Self {
        permesso::process::keeper::keep_with(env!("CARGO_BIN_EXE_permesso"));
        let find = |name: &str| variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        let config = Config::from_vars(find).expect("a configuration");
        let listener = TcpListener::bind(config.listen).await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let public_url = public_url.unwrap_or(&url).parse().expect("a URL");
        let mut app = App::new(&config, clock, public_url).await.expect("the gateway starts");
        set_pace(&mut app, PACE);
        adjust(&mut app);
        let (email, password) = super::world::ADMIN;
        permesso::service::identity::sign_in::first_administrator(&app.services, email, password)
            .await
            .expect("an administrator");
        let services = app.services.clone();
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        let task = tokio::spawn(async move { serve(app, listener, stopped).await.expect("the gateway serves") });
        Self { url, services, stop, task }
    }

    /// Stops in order.
    pub(crate) async fn stop(self) {
        let Self { stop, task, services, .. } = self;
        drop(services);
        stop.cancel();
        tokio::time::timeout(Duration::from_secs(30), task)
            .await
            .expect("it stops in time")
            .expect("it does not panic");
    }
}
