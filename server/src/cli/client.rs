//! The REST API as a signed-in person, for commands.

use anyhow::{Context, bail};
use reqwest::{
    Method, Url,
    header::{self, HeaderValue},
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use url::form_urlencoded;

/// Where the gateway is, and who signs in.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct SignInArgs {
    /// The gateway's address
    #[arg(long, env = "PERMESSO_URL", default_value = "http://127.0.0.1:8765", global = true)]
    pub(super) url: String,
    /// The e-mail to sign in with
    #[arg(long, env = "PERMESSO_EMAIL", global = true)]
    pub(super) email: Option<String>,
    /// The org, where you belong to several
    #[arg(long, env = "PERMESSO_ORG", global = true)]
    pub(super) org: Option<String>,
}

/// What the gateway answered instead.
#[derive(Debug, thiserror::Error)]
#[error("{detail} ({status}, request {request_id})")]
struct Problem {
    status: u16,
    detail: String,
    request_id: String,
}

/// A person who is signed in.
pub(super) struct Client {
    http: reqwest::Client,
    base: String,
    token: Option<SecretString>,
}

impl Client {
    /// Signs in; the password comes from PERMESSO_PASSWORD or the terminal.
    pub(super) async fn sign_in(args: &SignInArgs) -> anyhow::Result<Self> {
        let email = args.email.clone().context("who are you? Give --email, or set PERMESSO_EMAIL")?;
        let password: SecretString = match std::env::var("PERMESSO_PASSWORD") {
            Ok(password) => password.into(),
            Err(_) => rpassword::prompt_password(format!("Password of {email}: "))
                .context("no terminal to read the password from: set PERMESSO_PASSWORD")?
                .into(),
        };
        let host = public_host(&args.url, std::env::var("PERMESSO_PUBLIC_URL").ok().as_deref());
        Self::sign_in_by(&args.url, host, &email, &password).await
    }

    /// Signs in with a password that is at hand.
    #[cfg(feature = "devkit")]
    pub(super) async fn sign_in_as(url: &str, email: &str, password: &SecretString) -> anyhow::Result<Self> {
        Self::sign_in_by(url, None, email, password).await
    }

    async fn sign_in_by(
        url: &str,
        host: Option<HeaderValue>,
        email: &str,
        password: &SecretString,
    ) -> anyhow::Result<Self> {
        let host = host.into_iter().map(|host| (header::HOST, host));
        let http = reqwest::Client::builder().no_proxy().default_headers(host.collect()).build()?;
        let mut client = Self { http, base: format!("{}/api/v1", url.trim_end_matches('/')), token: None };
        let body = json!({"email": email, "password": password.expose_secret()});
        let answer = client.post("/auth/login", &body).await.context("cannot sign in")?;
        let token = answer["access_token"].as_str().context("the log-in gave no token")?;
        client.token = Some(token.to_owned().into());
        Ok(client)
    }

    pub(super) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.send(Method::GET, path, None).await
    }

    /// Hands over every item of a list, page by page; `path` has a query.
    pub(super) async fn each(&self, path: &str, mut take: impl FnMut(Value)) -> anyhow::Result<()> {
        let mut cursor = None;
        loop {
            let from = cursor.as_ref().map(|cursor: &String| {
                let cursor: String = form_urlencoded::byte_serialize(cursor.as_bytes()).collect();
                format!("&cursor={cursor}")
            });
            let mut page = self.get(&format!("{path}{}", from.unwrap_or_default())).await?;
            page["items"].as_array_mut().map(std::mem::take).into_iter().flatten().for_each(&mut take);
            let next = page["next_cursor"].as_str().map(ToOwned::to_owned);
            if next.is_none() || next == cursor {
                return Ok(());
            }
            cursor = next;
        }
    }

    /// Gets something that may not be there, as JSON text.
    pub(super) async fn find(&self, path: &str) -> anyhow::Result<Option<String>> {
        match self.text(Method::GET, path, None).await {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.downcast_ref::<Problem>().is_some_and(|problem| problem.status == 404) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.send(Method::POST, path, Some(body)).await
    }

    /// Posts, and gives the answer as the JSON text that it is.
    pub(super) async fn post_text(&self, path: &str, body: &Value) -> anyhow::Result<String> {
        self.text(Method::POST, path, Some(body)).await
    }

    pub(super) async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> anyhow::Result<Value> {
        let text = self.text(method, path, body).await?;
        Ok(if text.is_empty() { Value::Null } else { serde_json::from_str(&text)? })
    }

    async fn text(&self, method: Method, path: &str, body: Option<&Value>) -> anyhow::Result<String> {
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token.expose_secret());
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.with_context(|| format!("the gateway at {} cannot be reached", self.base))?;
        let status = answer.status();
        let text = answer.text().await?;
        if status.is_success() {
            return Ok(text);
        }
        let problem: Value = serde_json::from_str(&text).unwrap_or_default();
        let detail = problem["detail"].as_str().unwrap_or("no reason was given");
        let request_id = problem["request_id"].as_str().unwrap_or("unknown").to_owned();
        Err(Problem { status: status.as_u16(), detail: detail.to_owned(), request_id }.into())
    }

    /// The orgs to look in: the one that was named, else all of the person's.
    pub(super) async fn orgs(&self, named: Option<&str>) -> anyhow::Result<Vec<String>> {
        if let Some(org) = named {
            return Ok(vec![org.to_owned()]);
        }
        let me = self.get("/me").await?;
        let orgs = me["orgs"].as_array().cloned().unwrap_or_default();
        // Of some there is only a record: there is nothing to do in them.
        let orgs = orgs.iter().filter(|org| org["records_only"] != true);
        Ok(orgs.filter_map(|org| org["slug"].as_str()).map(ToOwned::to_owned).collect())
    }

    /// The one org a command is about.
    pub(super) async fn org(&self, named: Option<&str>) -> anyhow::Result<String> {
        let orgs = self.orgs(named).await?;
        match orgs.as_slice() {
            [org] => Ok(org.clone()),
            [] => bail!("you belong to no org"),
            several => bail!("which org? Give --org: {}", several.join(", ")),
        }
    }
}

/// The `Host` to ask a gateway on this machine for, which may answer to its public name only: what
/// `PERMESSO_PUBLIC_URL` says of it where both have the same environment, as in a container.
fn public_host(url: &str, public_url: Option<&str>) -> Option<HeaderValue> {
    let (asked, public): (Url, Url) = (url.parse().ok()?, public_url?.parse().ok()?);
    let is_here = matches!(asked.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    let port = public.port().map(|port| format!(":{port}")).unwrap_or_default();
    HeaderValue::from_str(&format!("{}{port}", public.host_str()?)).ok().filter(|_| is_here)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_on_this_machine_is_asked_by_its_public_name() {
        let host = |url, public| public_host(url, public).map(|host| host.to_str().unwrap_or_default().to_owned());
        let here = "http://127.0.0.1:8765";
        assert_eq!(host(here, Some("https://mcp.example.com")).as_deref(), Some("mcp.example.com"));
        assert_eq!(host(here, Some("https://mcp.example.com:8443/")).as_deref(), Some("mcp.example.com:8443"));
        assert_eq!(host(here, None), None);
        assert_eq!(host("https://other.example.com", Some("https://mcp.example.com")), None);
    }
}
