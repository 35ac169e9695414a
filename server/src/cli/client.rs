//! The REST API as a signed-in person or an agent, for commands.

use std::time::Duration;

use anyhow::{Context, bail};
use connect::KEY_VARIABLE;
use reqwest::{
    Method, StatusCode, Url,
    header::{self, HeaderValue},
    redirect::Policy,
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use url::form_urlencoded;

use super::setup::refuse;

/// How long connecting to an agent's gateway may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// Where the gateway is, and by which e-mail somebody signs in.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct GatewayArgs {
    /// The gateway's address
    #[arg(long, env = "PERMESSO_URL", default_value = "http://127.0.0.1:8765", global = true)]
    url: String,
    /// The e-mail to sign in with
    #[arg(long, env = "PERMESSO_EMAIL", global = true)]
    email: Option<String>,
}

/// Where the gateway is, who signs in, and to which org.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct SignInArgs {
    #[command(flatten)]
    gateway: GatewayArgs,
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

/// What the gateway answered, whatever it says.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) text: String,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoAnswer {
    /// There is no such address.
    #[error("nothing can be asked of {base}: give the gateway's address, like https://mcp.example.com")]
    NoAddress { base: String, source: reqwest::Error },
    /// Nothing was sent.
    #[error("the gateway at {base} cannot be reached")]
    NotSent { base: String, source: reqwest::Error },
    /// It was sent, and may have been done.
    #[error("the connection to the gateway at {base} was lost")]
    Lost { base: String, source: reqwest::Error },
}

/// Who signs in, and may have to again.
#[derive(Clone)]
struct Person {
    email: String,
    password: SecretString,
}

/// A person who is signed in, or an agent.
pub(super) struct Client {
    http: reqwest::Client,
    base: String,
    token: Option<SecretString>,
    person: Option<Person>,
}

impl Client {
    /// The agent whose key is in PERMESSO_KEY, else the person who signs in.
    pub(super) async fn open(args: &GatewayArgs) -> anyhow::Result<Self> {
        // As everywhere, an empty variable is one that is not set.
        match std::env::var(KEY_VARIABLE).ok().filter(|key| !key.is_empty()) {
            Some(key) => Self::with_key(&args.url, key.into()),
            None if args.email.is_none() => {
                bail!("who are you? Set {KEY_VARIABLE} to an agent's key, or give --email")
            }
            None => Self::sign_in_at(args).await,
        }
    }

    /// An agent. Its requests follow no redirect: a call goes where it was meant to go, or nowhere.
    pub(super) fn with_key(url: &str, key: SecretString) -> anyhow::Result<Self> {
        if HeaderValue::from_str(&format!("Bearer {}", key.expose_secret())).is_err() {
            return Err(refuse(format!("{KEY_VARIABLE} has characters that no key of Permesso has").as_str()));
        }
        let http = http(own_host(url)).redirect(Policy::none()).connect_timeout(CONNECT_WITHIN).build()?;
        Ok(Self { http, base: base(url), token: Some(key), person: None })
    }

    /// Signs in; the password comes from PERMESSO_PASSWORD or the terminal.
    pub(super) async fn sign_in(args: &SignInArgs) -> anyhow::Result<Self> {
        Self::sign_in_at(&args.gateway).await
    }

    async fn sign_in_at(args: &GatewayArgs) -> anyhow::Result<Self> {
        let email = args.email.clone().context("who are you? Give --email, or set PERMESSO_EMAIL")?;
        let password: SecretString = match std::env::var("PERMESSO_PASSWORD") {
            Ok(password) => password.into(),
            Err(_) => rpassword::prompt_password(format!("Password of {email}: "))
                .context("no terminal to read the password from: set PERMESSO_PASSWORD")?
                .into(),
        };
        Self::sign_in_by(&args.url, own_host(&args.url), Person { email, password }).await
    }

    /// Signs in with a password that is at hand.
    #[cfg(feature = "devkit")]
    pub(super) async fn sign_in_as(url: &str, email: &str, password: &SecretString) -> anyhow::Result<Self> {
        let person = Person { email: email.to_owned(), password: password.clone() };
        Self::sign_in_by(url, None, person).await
    }

    async fn sign_in_by(url: &str, host: Option<HeaderValue>, person: Person) -> anyhow::Result<Self> {
        let mut client = Self { http: http(host).build()?, base: base(url), token: None, person: Some(person) };
        client.sign_in_again().await?;
        Ok(client)
    }

    /// Signs in anew: a login token is good for an hour. `false` for an agent, whose key stays what it is.
    pub(super) async fn sign_in_again(&mut self) -> anyhow::Result<bool> {
        let Some(Person { email, password }) = self.person.clone() else { return Ok(false) };
        self.token = None;
        let body = json!({"email": email, "password": password.expose_secret()});
        let answer = self.post("/auth/login", &body).await.context("cannot sign in")?;
        let token = answer["access_token"].as_str().context("the log-in gave no token")?;
        self.token = Some(token.to_owned().into());
        Ok(true)
    }

    pub(super) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.send(Method::GET, path, None).await
    }

    /// Hands over every item of a list, page by page; `path` has a query.
    pub(super) async fn each(&self, path: &str, mut take: impl FnMut(Value)) -> anyhow::Result<()> {
        let mut cursor = None;
        loop {
            let mut page: Value = serde_json::from_str(&self.page(path, cursor.as_deref()).await?)?;
            page["items"].as_array_mut().map(std::mem::take).into_iter().flatten().for_each(&mut take);
            let next = page["next_cursor"].as_str().map(ToOwned::to_owned);
            if next.is_none() || next == cursor {
                return Ok(());
            }
            cursor = next;
        }
    }

    /// Gets a page of a list, as the JSON text that it is; `path` has a query.
    pub(super) async fn page(&self, path: &str, cursor: Option<&str>) -> anyhow::Result<String> {
        let from = cursor.map(|cursor| {
            let cursor: String = form_urlencoded::byte_serialize(cursor.as_bytes()).collect();
            format!("&cursor={cursor}")
        });
        self.text(Method::GET, &format!("{path}{}", from.unwrap_or_default()), None).await
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

    /// Asks, and gives whatever is answered. The body is sent byte for byte.
    pub(super) async fn exchange(&self, method: Method, path: &str, body: Option<String>) -> Result<Answer, NoAnswer> {
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token.expose_secret());
        }
        if let Some(body) = body {
            request = request.header(header::CONTENT_TYPE, "application/json").body(body);
        }
        let base = || self.base.clone();
        let answer = request.send().await.map_err(|source| match (source.is_builder(), source.is_connect()) {
            (true, _) => NoAnswer::NoAddress { base: base(), source },
            (false, true) => NoAnswer::NotSent { base: base(), source },
            (false, false) => NoAnswer::Lost { base: base(), source },
        })?;
        let status = answer.status();
        let text = answer.text().await.map_err(|source| NoAnswer::Lost { base: base(), source })?;
        Ok(Answer { status, text })
    }

    async fn text(&self, method: Method, path: &str, body: Option<&Value>) -> anyhow::Result<String> {
        let Answer { status, text } = self.exchange(method, path, body.map(Value::to_string)).await?;
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

/// What the sender has to change ends a command as what cannot be set up right does. What may pass ends it as a failure.
pub(super) fn refused(error: anyhow::Error) -> anyhow::Error {
    let passes = match (error.downcast_ref::<NoAnswer>(), error.downcast_ref::<Problem>()) {
        (Some(no_answer), _) => !matches!(no_answer, NoAnswer::NoAddress { .. }),
        (None, Some(problem)) => problem.status >= 500 || problem.status == 429,
        (None, None) => false,
    };
    if passes { error } else { refuse(error) }
}

fn base(url: &str) -> String {
    format!("{}/api/v1", url.trim_end_matches('/'))
}

fn http(host: Option<HeaderValue>) -> reqwest::ClientBuilder {
    let host = host.into_iter().map(|host| (header::HOST, host));
    reqwest::Client::builder().no_proxy().default_headers(host.collect())
}

fn own_host(url: &str) -> Option<HeaderValue> {
    public_host(url, std::env::var("PERMESSO_PUBLIC_URL").ok().as_deref())
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
