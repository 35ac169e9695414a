//! What stands in the clients' configuration files, and how a server comes into one that exists: comments,
//! order and spacing stay, and nothing is taken out.

use jsonc_parser::{
    ParseOptions,
    cst::{CstInputValue, CstNode, CstObject, CstRootNode},
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use toml_edit::{DocumentMut, Item, Table, value};

use super::{Client, INPUT, KEY_VARIABLE, PLACEHOLDER, Server};

/// How long Codex waits for a call, in seconds: longer than its calls are held.
const CODEX_TOOL_TIMEOUT: i64 = 300;

/// What became of a file.
#[derive(Debug, PartialEq, Eq)]
pub enum Change {
    /// The file holds the server already, as it would be written.
    Nothing,
    /// The file's new text.
    Text(String),
}

/// Why a server cannot come into a file.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// The file is not what the client could read.
    #[error("cannot be read: {0}")]
    Unreadable(String),
    /// A part of it is not of the kind that the client knows.
    #[error("has `{0}`, but not as the client would read it")]
    Shape(&'static str),
    /// Another server has the name.
    #[error("has another server of this name")]
    Taken,
}

/// Puts a server into the text of a client's file; no text is a file that is not there. A server of the
/// same name is replaced only with `force`. The key is used only where the client
/// [keeps it](Client::keeps_key); without one a placeholder stands there.
///
/// # Errors
/// See [`Conflict`]; nothing is lost silently.
pub fn merge(
    client: Client,
    server: &Server,
    key: Option<&SecretString>,
    text: Option<&str>,
    force: bool,
) -> Result<Change, Conflict> {
    let text = text.filter(|text| !text.trim().is_empty());
    match client {
        Client::Codex => merge_toml(server, text.unwrap_or_default(), force),
        _ => merge_json(client, &Entry::new(client, server, key), server, text.unwrap_or("{}\n"), force),
    }
}

/// The file of somebody who has no other server.
pub(super) fn fresh(client: Client, server: &Server) -> String {
    match merge(client, server, None, None, false) {
        Ok(Change::Text(text)) => text.trim_end().to_owned(),
        // An empty file has neither the server nor anything in its way.
        Ok(Change::Nothing) | Err(_) => String::new(),
    }
}

/// The server as `code --add-mcp` takes it. A plain text without single quotes: [`Server::new`] lets none in.
pub(super) fn definition(server: &Server) -> String {
    let entry = Entry::new(Client::VsCode, server, None);
    let mut definition = entry.value();
    definition["name"] = json!(server.name);
    definition["inputs"] = json!([input_value()]);
    definition.to_string()
}

/// A server as JSON files have it.
struct Entry {
    kind: Option<&'static str>,
    url: String,
    authorization: String,
}

impl Entry {
    fn new(client: Client, server: &Server, key: Option<&SecretString>) -> Self {
        let (kind, key) = match client {
            Client::ClaudeCode | Client::Codex => (Some("http"), format!("${{{KEY_VARIABLE}}}")),
            Client::Cursor => (None, format!("${{env:{KEY_VARIABLE}}}")),
            Client::VsCode => (Some("http"), format!("${{input:{INPUT}}}")),
            Client::Inspector => {
                (Some("streamable-http"), key.map_or(PLACEHOLDER, ExposeSecret::expose_secret).to_owned())
            }
        };
        Self { kind, url: server.url.clone(), authorization: format!("Bearer {key}") }
    }

    fn value(&self) -> Value {
        let mut value = json!({"url": self.url, "headers": {"Authorization": self.authorization}});
        if let Some(kind) = self.kind {
            value["type"] = json!(kind);
        }
        value
    }

    fn input(&self) -> CstInputValue {
        let headers = object(&[("Authorization", &self.authorization)]);
        let kind = self.kind.map(|kind| ("type".to_owned(), kind.into()));
        let rest = [("url".to_owned(), self.url.as_str().into()), ("headers".to_owned(), headers)];
        CstInputValue::Object(kind.into_iter().chain(rest).collect())
    }
}

fn object(members: &[(&str, &str)]) -> CstInputValue {
    CstInputValue::Object(members.iter().map(|(name, text)| ((*name).to_owned(), (*text).into())).collect())
}

const INPUT_SAYS: &str = "API key of Permesso";

fn input_value() -> Value {
    json!({"type": "promptString", "id": INPUT, "description": INPUT_SAYS, "password": true})
}

fn merge_json(client: Client, entry: &Entry, server: &Server, text: &str, force: bool) -> Result<Change, Conflict> {
    // Comments and commas at the end are common in these files; what else is wrong the client would not read.
    let options = ParseOptions {
        allow_comments: true,
        allow_trailing_commas: true,
        allow_loose_object_property_names: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    };
    let root = CstRootNode::parse(text, &options).map_err(|error| Conflict::Unreadable(error.to_string()))?;
    let whole = root.object_value_or_create().ok_or(Conflict::Shape("{}"))?;
    let member = if client == Client::VsCode { "servers" } else { "mcpServers" };
    let inputs = client == Client::VsCode;
    let mut changed = inputs && ask_for_key(&whole)?;

    let servers = single(&whole, member)?;
    let servers = match servers {
        Some(servers) => servers.as_object().ok_or(Conflict::Shape(member))?,
        None => whole.object_value_or_set(member),
    };
    match single(&servers, &server.name).map_err(|_| Conflict::Taken)? {
        Some(found) if found.to_serde_value() == Some(entry.value()) => {}
        Some(_) if !force => return Err(Conflict::Taken),
        _ => {
            match servers.get(&server.name) {
                Some(found) => found.set_value(entry.input()),
                None => drop(servers.append(&server.name, entry.input())),
            }
            changed = true;
        }
    }
    Ok(if changed { Change::Text(root.to_string()) } else { Change::Nothing })
}

/// Has VS Code ask for the key, unless it does already. Says whether that changed anything.
fn ask_for_key(whole: &CstObject) -> Result<bool, Conflict> {
    let inputs = match single(whole, "inputs")? {
        Some(inputs) => inputs.as_array().ok_or(Conflict::Shape("inputs"))?,
        None => whole.array_value_or_set("inputs"),
    };
    let asks = |input: CstNode| input.to_serde_value().is_some_and(|input| input["id"] == INPUT);
    if inputs.elements().into_iter().any(asks) {
        return Ok(false);
    }
    let mut members: Vec<(String, CstInputValue)> =
        [("type", "promptString"), ("id", INPUT), ("description", INPUT_SAYS)]
            .map(|(name, text)| (name.to_owned(), text.into()))
            .into();
    members.push(("password".to_owned(), true.into()));
    inputs.ensure_multiline();
    inputs.append(CstInputValue::Object(members));
    Ok(true)
}

/// The value of a member; an error where there are two of the name, since clients differ in which one counts.
fn single(object: &CstObject, name: &str) -> Result<Option<CstNode>, Conflict> {
    let mut found = object.properties().into_iter().filter(|property| property.decoded_name().as_deref() == Some(name));
    let first = found.next();
    if found.next().is_some() {
        return Err(Conflict::Unreadable(format!("`{name}` stands in it twice")));
    }
    Ok(first.and_then(|property| property.value()))
}

fn merge_toml(server: &Server, text: &str, force: bool) -> Result<Change, Conflict> {
    const SERVERS: &str = "mcp_servers";
    let mut document: DocumentMut =
        text.parse().map_err(|error: toml_edit::TomlError| Conflict::Unreadable(one_line(error.message())))?;
    let wanted = [("url", value(&server.url)), ("bearer_token_env_var", value(KEY_VARIABLE))];
    let servers = document.entry(SERVERS).or_insert_with(|| {
        let mut servers = Table::new();
        servers.set_implicit(true);
        Item::Table(servers)
    });
    let servers = servers.as_table_mut().ok_or(Conflict::Shape(SERVERS))?;
    if let Some(found) = servers.get(&server.name) {
        // Whatever else one has set for it, such as time limits, is one's own.
        let text = |name: &str| found.get(name).and_then(Item::as_str);
        if wanted.iter().all(|(name, wanted)| text(name) == wanted.as_str()) {
            return Ok(Change::Nothing);
        }
        if !force {
            return Err(Conflict::Taken);
        }
    }
    let mut table = Table::new();
    for (name, wanted) in wanted {
        table.insert(name, wanted);
    }
    table.insert("tool_timeout_sec", value(CODEX_TOOL_TIMEOUT));
    servers.insert(&server.name, Item::Table(table));
    Ok(Change::Text(document.to_string()))
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
