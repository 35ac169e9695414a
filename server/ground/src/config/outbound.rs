//! The proxy towards the internet, by the names that every program has for it: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and
//! `NO_PROXY`, in capitals or in small letters.

use http::uri::{Scheme, Uri};
use secrecy::SecretString;

use super::vars::{ConfigError, Vars};

/// What never goes by way of a proxy: this machine.
const HERE: &str = "localhost,127.0.0.0/8,::1";

/// Which requests to upstreams go by way of a proxy.
#[derive(Clone, Debug, Default)]
pub struct Outbound {
    /// The proxy for `https` addresses, its password included.
    pub https: Option<SecretString>,
    /// The proxy for `http` addresses, likewise.
    pub http: Option<SecretString>,
    /// The hosts, domains and networks that are reached without one, comma-separated.
    pub except: String,
}

/// Reads the variables.
///
/// # Errors
/// The first that names no proxy which `CONNECT` can be sent to.
pub(super) fn outbound(vars: &Vars<'_>) -> Result<Outbound, ConfigError> {
    let all = proxy(vars, "ALL_PROXY")?;
    let except = either(vars, "NO_PROXY").map_or_else(|| HERE.to_owned(), |(_, hosts)| format!("{hosts},{HERE}"));
    Ok(Outbound {
        https: proxy(vars, "HTTPS_PROXY")?.or_else(|| all.clone()),
        http: proxy(vars, "HTTP_PROXY")?.or(all),
        except,
    })
}

fn proxy(vars: &Vars<'_>, name: &str) -> Result<Option<SecretString>, ConfigError> {
    let Some((name, value)) = either(vars, name) else { return Ok(None) };
    let is_proxy = value.parse::<Uri>().is_ok_and(|uri| {
        let is_http = uri.scheme().is_none_or(|scheme| [Scheme::HTTP, Scheme::HTTPS].contains(scheme));
        is_http && uri.host().is_some_and(|host| !host.is_empty())
    });
    // The value may have a password in it, so it is not shown.
    let wrong = || ConfigError::new(&name, "is no HTTP proxy; write http://proxy.example:3128, https:// or unset it");
    if is_proxy { Ok(Some(value.into())) } else { Err(wrong()) }
}

/// The variable in capitals, else in small letters, and its value.
fn either(vars: &Vars<'_>, name: &str) -> Option<(String, String)> {
    [name.to_owned(), name.to_ascii_lowercase()]
        .into_iter()
        .find_map(|name| vars.text(&name).map(|value| (name, value)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

    use secrecy::ExposeSecret;

    use super::*;

    fn read(set: &[(&str, &str)]) -> Result<Outbound, ConfigError> {
        let var = |name: &str| set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        outbound(&Vars(&var))
    }

    #[test]
    fn both_spellings_are_read_and_this_machine_is_never_behind_a_proxy() {
        let shown = |proxy: Option<SecretString>| proxy.map(|proxy| proxy.expose_secret().to_owned());
        let capitals =
            read(&[("HTTPS_PROXY", "http://u:p@proxy.corp:3128/"), ("NO_PROXY", "corp,10.0.0.0/8")]).unwrap();
        assert_eq!(capitals.except, "corp,10.0.0.0/8,localhost,127.0.0.0/8,::1");
        assert!(!format!("{capitals:?}").contains("u:p"), "{capitals:?}");
        assert_eq!(
            (shown(capitals.https).as_deref(), capitals.http.is_none()),
            (Some("http://u:p@proxy.corp:3128/"), true)
        );
        let small = read(&[("https_proxy", "proxy:3128"), ("http_proxy", ""), ("all_proxy", "https://other")]).unwrap();
        assert_eq!(
            (shown(small.https).as_deref(), shown(small.http).as_deref()),
            (Some("proxy:3128"), Some("https://other"))
        );
        assert!(read(&[]).unwrap().https.is_none());
    }

    #[test]
    fn what_is_no_http_proxy_is_refused_by_name_and_not_shown() {
        for wrong in ["socks5://u:SECRET@proxy:1080", "ftp://SECRET@proxy", "/SECRET", "http://", "a b SECRET"] {
            let error = read(&[("https_proxy", wrong)]).unwrap_err().to_string();
            assert!(
                error.starts_with("https_proxy: is no HTTP proxy") && !error.contains("SECRET"),
                "{wrong}: {error}"
            );
        }
    }
}
