//! The files of clients that read JSON with comments.

use jsonc_parser::cst::{CstInputValue, CstNode, CstObject, CstObjectProp, CstRootNode};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::{COMMENTED, Change, Conflict};
use crate::client::{Client, INPUT, KEY_VARIABLE, PLACEHOLDER, Server};

const HEADERS: &str = "headers";
const AUTHORIZATION: &str = "Authorization";
/// Members of a server that is a process; some clients would start the process and ignore the address.
const PROCESS: [&str; 5] = ["command", "args", "env", "envFile", "cwd"];
const INPUT_SAYS: &str = "API key of Permesso";

/// See [`super::merge`].
pub(super) fn merge(
    client: Client,
    server: &Server,
    key: Option<&SecretString>,
    text: &str,
    force: bool,
) -> Result<Change, Conflict> {
    // A file with any other syntax error could not be read by the client either.
    let root = CstRootNode::parse(text, &COMMENTED).map_err(|error| Conflict::Unreadable(error.to_string()))?;
    let whole = root.object_value_or_create().ok_or(Conflict::Shape("{}"))?;
    let member = if client == Client::VsCode { "servers" } else { "mcpServers" };
    let mut changed = client == Client::VsCode && ask_for_key(&whole)?;

    let entry = Entry::new(client, server, key);
    let servers = match single(&whole, member)? {
        Some(servers) => servers.value().and_then(|value| value.as_object()).ok_or(Conflict::Shape(member))?,
        None => whole.object_value_or_set(member),
    };
    match single(&servers, &server.name)? {
        Some(found) => {
            let found = found.value().and_then(|value| value.as_object()).ok_or(Conflict::Shape(member))?;
            if !entry.is_here(&found)? {
                if !force {
                    return Err(Conflict::Taken);
                }
                entry.point(&found)?;
                changed = true;
            }
        }
        None => {
            servers.append(&server.name, entry.input());
            changed = true;
        }
    }
    Ok(if changed { Change::Text(root.to_string()) } else { Change::Nothing })
}

/// The server as `code --add-mcp` takes it. Contains no single quotes: [`Server::new`] lets none in.
pub(crate) fn definition(server: &Server) -> String {
    let Entry { kind, url, authorization } = Entry::new(Client::VsCode, server, None);
    json!({
        "name": server.name,
        "type": kind,
        "url": url,
        HEADERS: {AUTHORIZATION: authorization},
        "inputs": [{"type": "promptString", "id": INPUT, "description": INPUT_SAYS, "password": true}],
    })
    .to_string()
}

/// A server as these files write it.
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

    fn input(&self) -> CstInputValue {
        let kind = self.kind.map(|kind| ("type".to_owned(), kind.into()));
        let headers = CstInputValue::Object(vec![(AUTHORIZATION.to_owned(), self.authorization.as_str().into())]);
        let rest = [("url".to_owned(), self.url.as_str().into()), (HEADERS.to_owned(), headers)];
        CstInputValue::Object(kind.into_iter().chain(rest).collect())
    }

    /// Whether an entry is this server, whatever else it contains.
    fn is_here(&self, found: &CstObject) -> Result<bool, Conflict> {
        let is = |object: &CstObject, name: &str, wanted: &str| {
            single(object, name).map(|there| there.and_then(|there| text(&there)).as_deref() == Some(wanted))
        };
        let authorized = match headers(found)? {
            Some(headers) => is(&headers, AUTHORIZATION, &self.authorization)?,
            None => false,
        };
        let of_kind = match self.kind {
            Some(kind) => is(found, "type", kind)?,
            None => true,
        };
        Ok(authorized
            && of_kind
            && is(found, "url", &self.url)?
            && PROCESS.iter().all(|name| found.get(name).is_none()))
    }

    /// Changes an entry to this server.
    fn point(&self, found: &CstObject) -> Result<(), Conflict> {
        for name in PROCESS {
            remove(found, |named| named == name);
        }
        match self.kind {
            Some(kind) => set(found, "type", kind)?,
            None => remove(found, |named| named == "type"),
        }
        set(found, "url", &self.url)?;
        let headers = match headers(found)? {
            Some(headers) => headers,
            None => found.object_value_or_set(HEADERS),
        };
        // Header names are case-insensitive (RFC 9110, section 5.1), and a request has one of each.
        remove(&headers, |named| named != AUTHORIZATION && named.eq_ignore_ascii_case(AUTHORIZATION));
        set(&headers, AUTHORIZATION, &self.authorization)
    }
}

fn headers(found: &CstObject) -> Result<Option<CstObject>, Conflict> {
    let headers = single(found, HEADERS)?.map(|headers| headers.value().and_then(|value| value.as_object()));
    headers.map(|headers| headers.ok_or(Conflict::Shape(HEADERS))).transpose()
}

fn text(property: &CstObjectProp) -> Option<String> {
    property.value()?.as_string_lit()?.decoded_value().ok()
}

fn set(object: &CstObject, name: &str, text: &str) -> Result<(), Conflict> {
    match single(object, name)? {
        Some(there) => there.set_value(text.into()),
        None => drop(object.append(name, text.into())),
    }
    Ok(())
}

fn remove(object: &CstObject, is_meant: impl Fn(&str) -> bool) {
    for property in object.properties() {
        if property.decoded_name().is_some_and(|name| is_meant(&name)) {
            property.remove();
        }
    }
}

/// Makes VS Code ask for the key, unless it does so already. Returns whether that changed anything.
fn ask_for_key(whole: &CstObject) -> Result<bool, Conflict> {
    let inputs = match single(whole, "inputs")? {
        Some(inputs) => inputs.value().and_then(|value| value.as_array()).ok_or(Conflict::Shape("inputs"))?,
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

/// A member of an object. An error if the name occurs twice, since clients differ in which one counts.
fn single(object: &CstObject, name: &str) -> Result<Option<CstObjectProp>, Conflict> {
    let mut found = object.properties().into_iter().filter(|property| property.decoded_name().as_deref() == Some(name));
    let first = found.next();
    if found.next().is_some() {
        return Err(Conflict::Unreadable(format!("`{name}` stands in it twice")));
    }
    Ok(first)
}
