//! An outbound failure in two versions: in words for everybody, and in full for those who run the gateway. The
//! gateway's internal network belongs to its operators: to which addresses its names resolve, and what answers there,
//! is not for agents and org members.

use std::error::Error as StdError;
use std::io;
use std::net::IpAddr;

use rustls::CertificateError as Certificate;

/// One failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreached {
    /// One line for agents and people: names the host as the connection does, and no resolved address.
    pub reason: String,
    /// One line with all details except the URL: for the instance's administrators only.
    pub detail: String,
}

/// Why there is no response to a request.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// On a direct connection.
    #[error(transparent)]
    Direct(#[from] reqwest::Error),
    /// Through the proxy.
    #[error(transparent)]
    Proxied(#[from] hyper_util::client::legacy::Error),
    /// Through the proxy, and it took too long.
    #[error("no answer in time")]
    Late,
}

impl Broken {
    /// Whether no connection was made, so that nothing was sent.
    pub fn is_connect(&self) -> bool {
        match self {
            Self::Direct(error) => error.is_connect(),
            Self::Proxied(error) => error.is_connect(),
            Self::Late => false,
        }
    }
}

/// The proxy opened no connection to the upstream.
#[derive(Debug, thiserror::Error)]
#[error("by the outbound proxy")]
pub(super) struct NoTunnel(#[source] pub(super) Box<dyn StdError + Send + Sync>);

/// A host that the egress rules refuse.
#[derive(Debug, thiserror::Error)]
#[error("egress to {host} is refused, because it is not a public address{}", resolved_to(.address.as_ref()))]
pub(super) struct Refused {
    host: String,
    /// The address that the host resolved to, if it is a name.
    address: Option<IpAddr>,
}

/// A name for which the system's resolver has no address.
#[derive(Debug, thiserror::Error)]
#[error("{0} was not resolved: {1}")]
pub(super) struct Unresolved(pub(super) String, #[source] pub(super) io::Error);

fn resolved_to(address: Option<&IpAddr>) -> String {
    address.map(|address| format!(": it resolved to {address}")).unwrap_or_default()
}

impl Refused {
    pub(super) fn literal(address: IpAddr) -> Self {
        Self { host: address.to_string(), address: None }
    }

    pub(super) fn resolved(host: &str, address: IpAddr) -> Self {
        Self { host: host.to_owned(), address: Some(address) }
    }

    fn reason(&self) -> String {
        format!(
            "egress to {} is refused, because it is not a public address; \
             the operator may allow it with PERMESSO_EGRESS_ALLOW",
            self.host
        )
    }
}

impl From<Refused> for Unreached {
    fn from(refused: Refused) -> Self {
        Self { reason: refused.reason(), detail: refused.to_string() }
    }
}

impl From<reqwest::Error> for Unreached {
    fn from(error: reqwest::Error) -> Self {
        Broken::Direct(error).into()
    }
}

impl From<Broken> for Unreached {
    fn from(error: Broken) -> Self {
        let error = match error {
            Broken::Direct(error) => Broken::Direct(error.without_url()),
            proxied => proxied,
        };
        let chain = || chain(&error);
        if let Some(refused) = chain().find_map(|error| error.downcast_ref::<Refused>()) {
            return Self { reason: refused.reason(), detail: refused.to_string() };
        }
        let detail = chain().map(ToString::to_string).collect::<Vec<_>>().join(": ");
        let cause = chain().find_map(|error| error.downcast_ref::<Unresolved>()).map_or_else(
            || chain().last().map_or_else(String::new, cause),
            |Unresolved(host, _)| format!("the name {host} cannot be resolved"),
        );
        let what = match error.is_connect() {
            true if chain().any(|error| error.is::<NoTunnel>()) => {
                "no connection to the upstream by the outbound proxy"
            }
            true => "no connection to the upstream",
            false => "the connection to the upstream was lost",
        };
        Self { reason: format!("{what}: {cause}"), detail }
    }
}

/// The innermost error in the gateway's words: the words of the system and the TLS library may contain internal
/// addresses and names.
fn cause(innermost: &(dyn StdError + 'static)) -> String {
    if let Some(error) = innermost.downcast_ref::<io::Error>() {
        return match error.get_ref() {
            // Nested errors, as TLS streams have them.
            Some(inner) if inner.is::<io::Error>() || inner.is::<rustls::Error>() => cause(inner),
            _ => error.kind().to_string(),
        };
    }
    match innermost.downcast_ref::<rustls::Error>() {
        Some(error) => tls(error).to_owned(),
        // hyper's and reqwest's own errors have fixed words.
        None => innermost.to_string(),
    }
}

fn tls(error: &rustls::Error) -> &'static str {
    match error {
        rustls::Error::InvalidCertificate(certificate) => match certificate {
            Certificate::Expired | Certificate::ExpiredContext { .. } => "its certificate has expired",
            Certificate::NotValidYet | Certificate::NotValidYetContext { .. } => "its certificate is not valid yet",
            Certificate::NotValidForName | Certificate::NotValidForNameContext { .. } => {
                "its certificate is for another name"
            }
            Certificate::UnknownIssuer => "its certificate is from no authority that this machine trusts",
            _ => "its certificate is not valid",
        },
        rustls::Error::AlertReceived(_) => "it refused the TLS handshake",
        _ => "the TLS handshake failed",
    }
}

/// The innermost error; the outer ones repeat the address.
pub(super) fn root_cause(error: &(dyn StdError + 'static)) -> String {
    chain(error).last().map(ToString::to_string).unwrap_or_default()
}

/// An error and its causes, the innermost last.
fn chain<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::ServerName;

    use super::*;

    #[test]
    fn a_refused_name_is_said_without_its_address_and_in_detail_with_it() {
        let unreached = Unreached::from(Refused::resolved("db.corp", IpAddr::from([10, 1, 2, 3])));
        assert!(unreached.reason.contains("db.corp") && !unreached.reason.contains("10.1.2.3"), "{}", unreached.reason);
        assert!(unreached.detail.contains("db.corp") && unreached.detail.contains("10.1.2.3"), "{}", unreached.detail);
    }

    #[test]
    fn what_the_system_says_of_an_address_is_not_passed_on() {
        let said = io::Error::new(io::ErrorKind::ConnectionRefused, "10.1.2.3:5432 said no");
        assert_eq!(cause(&said), "connection refused");
    }

    #[test]
    fn the_names_in_anothers_certificate_are_not_passed_on() {
        let expected = ServerName::try_from("tools.corp").expect("a name").to_owned();
        let presented = vec!["DnsName(\"vault.corp\")".to_owned(), "IpAddress(10.1.2.3)".to_owned()];
        let wrong = rustls::Error::InvalidCertificate(Certificate::NotValidForNameContext { expected, presented });
        assert!(wrong.to_string().contains("vault.corp"), "the library says it: {wrong}");
        assert_eq!(cause(&io::Error::new(io::ErrorKind::InvalidData, wrong)), "its certificate is for another name");
        let unknown = rustls::Error::InvalidCertificate(Certificate::UnknownIssuer);
        assert!(cause(&unknown).contains("no authority"));
    }
}
