//! The configuration: every variable of the environment, typed and checked once, at the start
//! (`.env.example` lists them for people). `Debug` hides secrets.
//!
//! Nothing here reaches out: whether Postgres answers or a role may sign in is found out later.

mod budgets;
mod outbound;
mod reach;
mod vars;

#[cfg(test)]
mod tests;

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use domain::{HoldTimes, hold::InvalidHoldTimes};
use ipnet::IpNet;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use vars::Vars;

pub use budgets::{Budgets, Share};
pub use outbound::Outbound;
pub use reach::{AllowedHosts, Host, NotAHost};
pub use vars::ConfigError;

/// Everything that can be set from outside.
#[derive(Clone, Debug)]
pub struct Config {
    /// `DATABASE_URL`: where the application works. `serve` cannot do without.
    pub database_url: Option<SecretString>,
    /// `PERMESSO_MIGRATE_URL`: as whom the schema is changed; unset: as `database_url` says.
    pub migrate_url: Option<SecretString>,
    /// `PERMESSO_MIGRATE`: `auto` where `serve` brings the schema up to date before it starts.
    pub migrate: bool,
    /// `PERMESSO_LISTEN`: the address and port of the server; 127.0.0.1:8765 unless set.
    pub listen: SocketAddr,
    /// `PERMESSO_PUBLIC_URL`: where people and agents reach the server; only scheme, host and port.
    pub public_url: Option<Url>,
    /// `PERMESSO_ALLOWED_HOSTS`: what a request may have as `Host`, beside the public
    /// URL's host and, on a loopback listener, the names of this machine; nothing else unless set.
    pub allowed_hosts: AllowedHosts,
    /// `PERMESSO_ALLOWED_ORIGINS`: of which origins, beside the public URL's, pages in a browser may use the
    /// MCP endpoint; none unless set. As browsers write them.
    pub allowed_origins: Vec<String>,
    /// `PERMESSO_TRUSTED_PROXIES`: peers whose forwarded headers count; nobody unless set.
    pub trusted_proxies: Vec<IpNet>,
    /// `PERMESSO_MAX_CONNECTIONS`: how many connections may be open to this process; 1 to 1,000,000, 10,000
    /// unless set.
    pub max_connections: usize,
    /// `PERMESSO_MAX_CONNECTIONS_PER_ADDRESS`: how many of them one address may have; 1 to 1,000,000, 1,000
    /// unless set. Trusted proxies may have all.
    pub max_connections_per_address: usize,
    /// `PERMESSO_DATA_DIR`: files of `dev` and of stdio upstreams; `.permesso` unless set.
    pub data_dir: PathBuf,
    /// `PERMESSO_MASTER_KEY`, as written; the sealer reads it.
    pub master_key: Option<SecretString>,
    /// `PERMESSO_ALLOW_DEV_MASTER_KEY`: without a master key the published development key serves.
    pub allow_dev_master_key: bool,
    /// `PERMESSO_ADMIN_EMAIL`, in lower case: the first administrator, made when there is none.
    /// Set together with `admin_password` or not at all.
    pub admin_email: Option<String>,
    /// `PERMESSO_ADMIN_PASSWORD`: the first administrator's.
    pub admin_password: Option<SecretString>,
    /// `PERMESSO_EGRESS_ALLOW`: hosts (in lower case) and networks that an upstream may have
    /// although they are private or loopback.
    pub egress_allow: Vec<String>,
    /// `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`: the proxy on the way to upstreams; none unless set.
    pub outbound: Outbound,
    /// `PERMESSO_CHILD_USER`: as which user of the system the programs of stdio upstreams run; unless set, as
    /// the gateway's own.
    pub child_user: Option<String>,
    /// `PERMESSO_LOG`: a filter as `tracing` reads it; `info` unless set.
    pub log: String,
    /// `PERMESSO_APPROVAL_LEASE_SECONDS`: how long a claim is good without renewal (approvals.md,
    /// "The lease"); 10 to 300 s, 30 s unless set.
    pub approval_lease: Duration,
    /// `PERMESSO_SESSION_IDLE_SECONDS`: a console session ends this long after its last use; 5 minutes
    /// to 30 days, 12 hours unless set.
    pub session_idle: Duration,
    /// `PERMESSO_SESSION_MAX_SECONDS`: a console session ends this long after the sign-in, however much
    /// it is used; 5 minutes to 90 days, 7 days unless set.
    pub session_max: Duration,
    /// `PERMESSO_HOLD_SECONDS`: how long calls that need approval are held open, by the client's name
    /// (approvals.md, "What the agent sees").
    pub hold_times: HoldTimes,
    /// `PERMESSO_MAX_OPEN_APPROVALS`: how many approvals one caller may have open.
    pub max_open_approvals: i64,
    /// `PERMESSO_MAX_HELD_ARGUMENT_BYTES`: how large the arguments of a held call may be.
    pub max_held_argument_bytes: usize,
    /// `PERMESSO_FORBID_SELF_APPROVAL`: nobody decides on their own request, whatever policies say.
    pub forbid_self_approval: bool,
    /// What callers may take up of a process at once.
    pub budgets: Budgets,
    /// `PERMESSO_GUEST_RECORD_BYTES_PER_HOUR`: how much of an org's record one caller from outside may fill in an
    /// hour, on each replica; 16 MiB unless set.
    pub guest_record_bytes: usize,
    /// `PERMESSO_AUDIT_QUEUE_BYTES`: how many bytes of records may wait to be written; 32 MiB to 64 GiB, 64 MiB unless
    /// set.
    pub audit_queue_bytes: usize,
    /// `PERMESSO_DB_CONNECTIONS`: the largest number of pooled connections to Postgres, which are shared out (`db::Pools`);
    /// 6 to 1000, 20 unless set.
    pub db_max_connections: u32,
}

impl Config {
    /// Reads the environment of this process.
    ///
    /// # Errors
    /// The first variable that is wrong.
    pub fn from_env() -> Result<Self, ConfigError> {
        let is_ours = |name: &str| name.starts_with("PERMESSO_") || name.starts_with("DATABASE_URL");
        let names = std::env::vars_os().filter(|(_, value)| value.to_str().is_none());
        let unreadable = names.filter_map(|(name, _)| name.into_string().ok()).find(|name| is_ours(name));
        if let Some(name) = unreadable {
            return Err(ConfigError::new(&name, "is not UTF-8; write it as UTF-8 text"));
        }
        Self::from_vars(|name| std::env::var(name).ok())
    }

    /// Reads variables from `var`. Files that `…_FILE` variables name are read from disk.
    ///
    /// # Errors
    /// The first variable that is wrong.
    pub fn from_vars(var: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let vars = Vars(&var);
        let (admin_email, admin_password) = administrator(&vars)?;
        Ok(Self {
            database_url: postgres_url(&vars, "DATABASE_URL")?,
            migrate_url: postgres_url(&vars, "PERMESSO_MIGRATE_URL")?,
            migrate: migrate(&vars)?,
            listen: vars
                .parsed("PERMESSO_LISTEN", "an IP address with a port; write for example 127.0.0.1:8765")?
                .unwrap_or(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8765)),
            public_url: public_url(&vars)?,
            allowed_hosts: reach::allowed_hosts(&vars)?,
            allowed_origins: reach::allowed_origins(&vars)?,
            trusted_proxies: trusted_proxies(&vars)?,
            max_connections: vars.number("PERMESSO_MAX_CONNECTIONS", 1..=1_000_000, 10_000)?,
            max_connections_per_address: vars.number("PERMESSO_MAX_CONNECTIONS_PER_ADDRESS", 1..=1_000_000, 1_000)?,
            data_dir: vars.text("PERMESSO_DATA_DIR").map_or_else(|| PathBuf::from(".permesso"), PathBuf::from),
            master_key: vars.secret("PERMESSO_MASTER_KEY")?,
            allow_dev_master_key: vars.flag("PERMESSO_ALLOW_DEV_MASTER_KEY")?,
            admin_email,
            admin_password,
            egress_allow: egress_allow(&vars)?,
            outbound: outbound::outbound(&vars)?,
            child_user: vars.text("PERMESSO_CHILD_USER"),
            log: vars.text("PERMESSO_LOG").unwrap_or_else(|| "info".to_owned()),
            approval_lease: Duration::from_secs(vars.number("PERMESSO_APPROVAL_LEASE_SECONDS", 10..=300, 30)?),
            session_idle: Duration::from_secs(vars.number("PERMESSO_SESSION_IDLE_SECONDS", 300..=2_592_000, 43_200)?),
            session_max: Duration::from_secs(vars.number("PERMESSO_SESSION_MAX_SECONDS", 300..=7_776_000, 604_800)?),
            hold_times: hold_times(&vars)?,
            max_open_approvals: vars.number("PERMESSO_MAX_OPEN_APPROVALS", 1..=10_000, 20)?,
            max_held_argument_bytes: vars.number("PERMESSO_MAX_HELD_ARGUMENT_BYTES", 1_024..=4_194_304, 262_144)?,
            forbid_self_approval: vars.flag("PERMESSO_FORBID_SELF_APPROVAL")?,
            budgets: budgets::budgets(&vars)?,
            guest_record_bytes: vars.number(
                "PERMESSO_GUEST_RECORD_BYTES_PER_HOUR",
                1_024..=1_099_511_627_776,
                16 << 20,
            )?,
            audit_queue_bytes: vars.number("PERMESSO_AUDIT_QUEUE_BYTES", 32 << 20..=64 << 30, 64 << 20)?,
            db_max_connections: vars.number("PERMESSO_DB_CONNECTIONS", 6..=1_000, 20)?,
        })
    }
}

fn postgres_url(vars: &Vars<'_>, name: &str) -> Result<Option<SecretString>, ConfigError> {
    let Some(secret) = vars.secret(name)? else { return Ok(None) };
    let scheme = Url::parse(secret.expose_secret()).map(|url| url.scheme().to_owned());
    match scheme.as_deref() {
        Ok("postgres" | "postgresql") => Ok(Some(secret)),
        // The value has a password in it, so it is not shown.
        _ => Err(ConfigError::new(name, "is no Postgres URL; write postgres://user:password@host:5432/database")),
    }
}

fn migrate(vars: &Vars<'_>) -> Result<bool, ConfigError> {
    const NAME: &str = "PERMESSO_MIGRATE";
    match vars.text(NAME).as_deref() {
        None | Some("off") => Ok(false),
        Some("auto") => Ok(true),
        Some(other) => Err(ConfigError::new(NAME, format!("{other:?} is not auto or off"))),
    }
}

fn public_url(vars: &Vars<'_>) -> Result<Option<Url>, ConfigError> {
    const NAME: &str = "PERMESSO_PUBLIC_URL";
    const WANTED: &str = "an address like https://mcp.example.com, without path, query or user";
    let Some(url) = vars.parsed::<Url>(NAME, WANTED)? else { return Ok(None) };
    let is_web = matches!(url.scheme(), "http" | "https");
    let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    let is_anonymous = url.username().is_empty() && url.password().is_none();
    if is_web && is_bare && is_anonymous {
        return Ok(Some(url));
    }
    Err(ConfigError::new(NAME, format!("is not {WANTED}")))
}

fn hold_times(vars: &Vars<'_>) -> Result<HoldTimes, ConfigError> {
    const NAME: &str = "PERMESSO_HOLD_SECONDS";
    let text = vars.text(NAME).unwrap_or_default();
    text.parse().map_err(|error: InvalidHoldTimes| ConfigError::new(NAME, error.to_string()))
}

fn trusted_proxies(vars: &Vars<'_>) -> Result<Vec<IpNet>, ConfigError> {
    const NAME: &str = "PERMESSO_TRUSTED_PROXIES";
    let network = |part: String| {
        let single = part.parse::<IpAddr>().map(IpNet::from);
        let problem = || format!("{part:?} is not an address or network; write for example 10.0.0.7 or 10.0.0.0/8");
        part.parse().or(single).map_err(|_| ConfigError::new(NAME, problem()))
    };
    vars.list(NAME).into_iter().map(network).collect()
}

fn egress_allow(vars: &Vars<'_>) -> Result<Vec<String>, ConfigError> {
    const NAME: &str = "PERMESSO_EGRESS_ALLOW";
    let entry = |part: String| {
        let is_network = part.parse::<IpNet>().is_ok() || part.parse::<IpAddr>().is_ok();
        let in_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if is_network || part.chars().all(in_name) {
            return Ok(part.to_ascii_lowercase());
        }
        let problem = format!(
            "{part:?} is not a host or network; write only the name, address or network, for example \
             tools.internal or 10.0.0.0/8"
        );
        Err(ConfigError::new(NAME, problem))
    };
    vars.list(NAME).into_iter().map(entry).collect()
}

/// The first administrator: both the address and the password, or neither.
fn administrator(vars: &Vars<'_>) -> Result<(Option<String>, Option<SecretString>), ConfigError> {
    const EMAIL: &str = "PERMESSO_ADMIN_EMAIL";
    const PASSWORD: &str = "PERMESSO_ADMIN_PASSWORD";
    match (vars.text(EMAIL), vars.secret(PASSWORD)?) {
        (None, None) => Ok((None, None)),
        (Some(email), Some(password)) => {
            let is_address = email.split_once('@').is_some_and(|(name, host)| !name.is_empty() && !host.is_empty());
            if !is_address || email.contains(char::is_whitespace) {
                return Err(ConfigError::new(EMAIL, format!("{email:?} is not an e-mail address")));
            }
            Ok((Some(email.to_lowercase()), Some(password)))
        }
        (Some(_), None) => {
            let problem = format!("is set but {PASSWORD} is not; set both or neither");
            Err(ConfigError::new(EMAIL, problem))
        }
        (None, Some(_)) => {
            let problem = format!("is set but {EMAIL} is not; set both or neither");
            Err(ConfigError::new(PASSWORD, problem))
        }
    }
}
