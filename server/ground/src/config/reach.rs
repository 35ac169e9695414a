//! Under which names the gateway is reached, and from pages of which origins: what `Host` is compared with, and at the
//! MCP endpoint `Origin`, beside the public URL.

use std::{
    fmt::{self, Display, Formatter},
    str::FromStr,
};

use http::uri::Authority;
use url::{Origin, Url};

use super::vars::{ConfigError, Vars};

/// Names that a request may ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllowedHosts {
    /// Any: somebody in front sees to it.
    Any,
    /// These, beside the public URL's.
    Named(Vec<Host>),
}

/// A host, as in a URL: a name, an IPv4 address or an IPv6 address in brackets, in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// The host.
    pub name: String,
    /// Its port, where one is named.
    pub port: Option<u16>,
}

/// The text is not a host with or without a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a host or host:port")]
pub struct NotAHost;

impl FromStr for Host {
    type Err = NotAHost;
    /// Reads what a `Host` header may have (RFC 9110, section 7.2), and nothing more.
    fn from_str(text: &str) -> Result<Self, NotAHost> {
        let authority: Authority = text.parse().map_err(|_| NotAHost)?;
        let name = authority.host();
        // Other characters of a URL's host are in no name that a resolver knows; `*` would look like a pattern.
        let in_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if !name.starts_with('[') && !name.chars().all(in_name) {
            return Err(NotAHost);
        }
        // What is neither host nor port is somebody's name and password.
        let rest = text.strip_prefix(name).ok_or(NotAHost)?;
        let port = match rest.strip_prefix(':') {
            Some(port) if port.bytes().all(|b| b.is_ascii_digit()) => Some(port.parse().map_err(|_| NotAHost)?),
            None if rest.is_empty() && !name.is_empty() => None,
            _ => return Err(NotAHost),
        };
        Ok(Self { name: name.to_ascii_lowercase(), port })
    }
}

/// As a `Host` header has it.
impl Display for Host {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

/// `PERMESSO_ALLOWED_HOSTS`.
pub(super) fn allowed_hosts(vars: &Vars<'_>) -> Result<AllowedHosts, ConfigError> {
    const NAME: &str = "PERMESSO_ALLOWED_HOSTS";
    let listed = vars.list(NAME);
    if listed == ["*"] {
        return Ok(AllowedHosts::Any);
    }
    let host = |part: String| {
        let problem = || {
            format!(
                "{part:?} is not a host; write for example mcp.internal or mcp.internal:8765, or only * to allow any"
            )
        };
        part.parse().map_err(|_| ConfigError::new(NAME, problem()))
    };
    Ok(AllowedHosts::Named(listed.iter().cloned().map(host).collect::<Result<_, _>>()?))
}

/// `PERMESSO_ALLOWED_ORIGINS`, each as browsers write it.
pub(super) fn allowed_origins(vars: &Vars<'_>) -> Result<Vec<String>, ConfigError> {
    const NAME: &str = "PERMESSO_ALLOWED_ORIGINS";
    let origin = |part: String| {
        let problem = || format!("{part:?} is not an origin; write for example https://agents.example.com");
        let wrong = || ConfigError::new(NAME, problem());
        let url: Url = part.parse().map_err(|_| wrong())?;
        let is_bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
        if !is_bare || !url.has_host() || !url.username().is_empty() || url.password().is_some() {
            return Err(wrong());
        }
        Ok(match url.origin() {
            origin @ Origin::Tuple(..) => origin.ascii_serialization(),
            // Extensions and desktop applications have schemes of their own.
            Origin::Opaque(_) => part.trim_end_matches('/').to_owned(),
        })
    };
    vars.list(NAME).into_iter().map(origin).collect()
}
