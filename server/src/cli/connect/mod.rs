//! `permesso connect`: points an agent's client at a toolkit. What is printed and written is made by
//! the crate `connect`, as on the page that a browser sees at the endpoint.

mod check;
mod write;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use connect::{Client, KEY_VARIABLE, Server, lines};
use domain::Slug;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use url::Url;

use super::{
    output::{Output, document, note, put},
    setup::refuse,
};
use crate::config::Config;
use check::Found;

/// Options of `connect`.
#[derive(Debug, clap::Args)]
pub(super) struct ConnectArgs {
    /// Which client
    #[arg(value_parser = clients())]
    client: Client,
    /// The toolkit, as <org>/<toolkit>
    #[arg(long)]
    toolkit: String,
    /// The gateway's address; PERMESSO_PUBLIC_URL or where PERMESSO_LISTEN says, unless given
    #[arg(long, env = "PERMESSO_URL")]
    url: Option<String>,
    /// An agent's key, to try the connection with; others on this machine see it here, so better in the
    /// environment
    #[arg(long, env = KEY_VARIABLE, hide_env_values = true, value_parser = secret)]
    key: Option<SecretString>,
    /// What the client calls it; `permesso-<toolkit>` unless given
    #[arg(long)]
    name: Option<String>,
    /// Write it into the client's configuration file, and keep a copy of that as it was
    #[arg(long)]
    write: bool,
    /// Point another server that has the name at this toolkit, and keep what else is set for it
    #[arg(long, requires = "write")]
    force: bool,
    /// Do not ask the gateway whether the key works
    #[arg(long)]
    offline: bool,
}

/// Prints or writes a client's configuration.
pub(super) async fn run(args: ConnectArgs, out: Output) -> anyhow::Result<()> {
    let server = server(&args)?;
    // As everywhere, an empty variable is one that is not set.
    let key = args.key.as_ref().filter(|key| !key.expose_secret().is_empty());
    if !args.write {
        show(args.client, &server, out);
    }
    // Before anything is written: what does not work would only be found out in the client.
    if let Some(key) = key.filter(|_| !args.offline) {
        let found = match check::check(server.url(), key).await? {
            Found::Works(what) => format!("answers: {what}"),
            Found::Unreachable => "cannot be reached from here: not tried".to_owned(),
        };
        note(format_args!("{} {found}", server.url()));
    }
    if args.write {
        let written = write::write(args.client, &server, key, args.force, out)?;
        out.say(&written.json(), &written);
    }
    if key.is_none() {
        note(need_of_key(args.client));
    }
    Ok(())
}

/// The ways to connect a client, to paste.
fn show(client: Client, server: &Server, out: Output) {
    let steps = client.steps(server);
    if out.json {
        let steps: Vec<_> = steps.iter().map(|step| json!({"says": step.says, "text": step.text})).collect();
        document(&json!({"name": server.name(), "url": server.url(), "steps": steps}).to_string());
        return;
    }
    for step in steps {
        put(format_args!("{}\n\n{}\n", step.says, step.text));
    }
}

fn need_of_key(client: Client) -> String {
    let make = "`permesso keys create` makes one";
    match client {
        Client::VsCode => format!("VS Code asks for an API key when it starts the server ({make})."),
        Client::Inspector => format!("It needs an API key ({make})."),
        _ => format!(
            "{} reads an API key ({make}) from {KEY_VARIABLE}: `{}` in the terminal that starts it.",
            client.title(),
            lines::read_key()
        ),
    }
}

fn server(args: &ConnectArgs) -> anyhow::Result<Server> {
    let parts = args.toolkit.split_once('/').and_then(|(org, toolkit)| {
        let org = org.parse::<Slug>().ok().filter(|org| !org.is_reserved())?;
        Some((org, toolkit.parse::<Slug>().ok()?))
    });
    let (org, toolkit) = parts.ok_or_else(|| {
        refuse(anyhow::anyhow!(
            "{:?} is not a toolkit: give --toolkit <org>/<toolkit>, as in acme/ledger",
            args.toolkit
        ))
    })?;
    let base = base(args.url.as_deref())?;
    let name = args.name.clone().unwrap_or_else(|| Server::usual_name(&toolkit));
    Server::of(base.as_str().trim_end_matches('/'), &org, &toolkit, &name).ok_or_else(|| {
        refuse(anyhow::anyhow!(
            "{name:?} cannot be a name in every client: give --name 1 to 64 of A-Z, a-z, 0-9, - and _"
        ))
    })
}

/// Where the gateway is: as it is said here, else as it is told itself.
fn base(given: Option<&str>) -> anyhow::Result<Url> {
    let Some(given) = given else {
        let config = Config::from_env().map_err(refuse)?;
        return match config.public_url {
            Some(url) => Ok(url),
            None => {
                let mut listen = config.listen;
                if listen.ip().is_unspecified() {
                    listen.set_ip(if listen.is_ipv4() {
                        [127, 0, 0, 1].into()
                    } else {
                        std::net::Ipv6Addr::LOCALHOST.into()
                    });
                }
                Ok(Url::parse(&format!("http://{listen}"))?)
            }
        };
    };
    let url = Url::parse(given).ok().filter(|url| {
        let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        matches!(url.scheme(), "http" | "https") && is_bare && url.username().is_empty() && url.password().is_none()
    });
    url.ok_or_else(|| {
        refuse(anyhow::anyhow!(
            "{given:?} is not a gateway's address: give --url like https://mcp.example.com, without a path"
        ))
    })
}

/// A client, by its word.
fn clients() -> impl TypedValueParser<Value = Client> {
    let values = Client::ALL
        .map(|client| PossibleValue::new(client.word()).help(format!("{}: {}", client.title(), client.file())));
    PossibleValuesParser::new(values).try_map(|word| Client::named(&word).ok_or("no client has this name"))
}

fn secret(text: &str) -> Result<SecretString, std::convert::Infallible> {
    Ok(text.into())
}
