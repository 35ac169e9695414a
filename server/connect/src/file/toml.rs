//! Codex's file, which is TOML.

use toml_edit::{DocumentMut, Item, Table, TableLike, Value, value};

use super::{Change, Conflict};
use crate::client::{KEY_VARIABLE, Server};

const SERVERS: &str = "mcp_servers";
const URL: &str = "url";
const KEY: &str = "bearer_token_env_var";
/// Codex's timeout of a call, in seconds: longer than its calls are held.
const TOOL_TIMEOUT: (&str, i64) = ("tool_timeout_sec", 300);
/// The fields that Codex refuses in a server with an address (its source, `codex-rs/config/src/mcp_types.rs`).
const NOT_WITH_URL: [&str; 6] = ["command", "args", "env", "env_vars", "cwd", "bearer_token"];
/// The tables of headers in Codex; a server has one key, and that is [`KEY`].
const HEADERS: [&str; 2] = ["http_headers", "env_http_headers"];

/// See [`super::merge`].
pub(super) fn merge(server: &Server, text: &str, force: bool) -> Result<Change, Conflict> {
    let mut document: DocumentMut =
        text.parse().map_err(|error: toml_edit::TomlError| Conflict::Unreadable(one_line(error.message())))?;
    let servers = document.entry(SERVERS).or_insert_with(|| {
        let mut servers = Table::new();
        servers.set_implicit(true);
        Item::Table(servers)
    });
    let servers = servers.as_table_mut().ok_or(Conflict::Shape(SERVERS))?;
    let is_new = !servers.contains_key(&server.name);
    let found = servers.entry(&server.name).or_insert_with(|| Item::Table(Table::new()));
    let found = found.as_table_like_mut().ok_or(Conflict::Shape(SERVERS))?;
    if !is_new {
        if is_here(found, server) {
            return Ok(Change::Nothing);
        }
        if !force {
            return Err(Conflict::Taken);
        }
    }
    point(found, server);
    Ok(Change::Text(document.to_string()))
}

fn is_here(found: &dyn TableLike, server: &Server) -> bool {
    let is = |name, wanted| found.get(name).and_then(Item::as_str) == Some(wanted);
    is(URL, server.url.as_str()) && is(KEY, KEY_VARIABLE) && !NOT_WITH_URL.iter().any(|name| found.contains_key(name))
}

fn point(found: &mut dyn TableLike, server: &Server) {
    for name in NOT_WITH_URL {
        found.remove(name);
    }
    for headers in HEADERS {
        if let Some(headers) = found.get_mut(headers).and_then(Item::as_table_like_mut) {
            let names: Vec<_> = headers.iter().map(|(name, _)| name.to_owned()).collect();
            for name in names.iter().filter(|name| name.eq_ignore_ascii_case("authorization")) {
                headers.remove(name);
            }
        }
    }
    set(found, URL, &server.url);
    set(found, KEY, KEY_VARIABLE);
    let (name, seconds) = TOOL_TIMEOUT;
    if !found.contains_key(name) {
        found.insert(name, value(seconds));
    }
}

/// Sets a text in its place; a comment beside it is kept.
fn set(found: &mut dyn TableLike, name: &str, text: &str) {
    match found.get_mut(name).and_then(Item::as_value_mut) {
        Some(there) => {
            let decor = there.decor().clone();
            *there = Value::from(text);
            *there.decor_mut() = decor;
        }
        None => drop(found.insert(name, value(text))),
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
