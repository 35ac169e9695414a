//! A connection's configuration: read and checked, shown without its secrets, sealed and opened.
//!
//! What may be secret is not shown: values of headers and of the environment, those in the URL's query, what in its path
//! looks like a token ([`address`](super::address)), and of arguments all whose form does not say what they are
//! ([`args`](super::args)). A configuration that comes back with the placeholder keeps what was there, but only towards the
//! same address or program: otherwise whoever may change a connection could have its secrets sent to a place of their own.

use std::{collections::BTreeMap, path::PathBuf};

use api_types::ConnectionKind;
use domain::ConnectionId;
use http::{HeaderName, HeaderValue};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use super::{
    address::{self, View},
    args, references,
};
use crate::{
    error::{Error, Result, shown},
    seal::{Purpose, Sealer},
    upstream::Transport,
};

/// How large a configuration may be, in bytes of JSON: every replica keeps it in memory.
const MAX_CONFIG: usize = 64 * 1024;

/// How long the arguments of a program may be with the values of variables in place: what one argument may have on Linux.
const MAX_ARGS: usize = 128 * 1024;

/// In what is sealed: the arguments refer to variables. Absent where that makes no difference, and in what was stored
/// before there were references: those arguments keep their bytes.
const REFERS: &str = "args_refer";

/// Stands where a value is not shown.
pub(super) const MASK: &str = "********";

/// Headers that the gateway sets itself.
const OWN_HEADERS: &[&str] = &[
    "accept",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "keep-alive",
    "last-event-id",
    "mcp-protocol-version",
    "mcp-session-id",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// How an upstream is reached, secrets included: it has no `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub enum Config {
    /// MCP's Streamable HTTP.
    StreamableHttp(Http),
    /// A child process.
    Stdio(Stdio),
}

/// `{url, headers?}`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    #[serde(serialize_with = "write_url", deserialize_with = "read_url")]
    pub(super) url: Url,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) headers: BTreeMap<String, String>,
}

/// `{command, args?, env?, cwd?}`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stdio {
    pub(super) command: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) args: Vec<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) env: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cwd: Option<PathBuf>,
    /// Whether the arguments refer to variables ([`references`]).
    #[serde(skip)]
    refers: bool,
}

fn write_url<S: serde::Serializer>(url: &Url, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(url.as_str())
}

fn read_url<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Url, D::Error> {
    let text = String::deserialize(deserializer)?;
    Url::parse(&text).map_err(|error| serde::de::Error::custom(format!("`url` is not a URL: {error}")))
}

impl Config {
    /// Reads a configuration, puts the values of `before` where the placeholder stands, and checks
    /// everything.
    ///
    /// # Errors
    /// What is wrong, naming the field; a placeholder that has nothing to keep.
    pub fn read(kind: ConnectionKind, config: &Value, before: Option<&Self>) -> Result<Self> {
        let wrong = |error: serde_path_to_error::Error<serde_json::Error>| {
            let path = error.path().to_string();
            let field = if path == "." { "config".to_owned() } else { format!("config.{}", shown(path.as_bytes())) };
            if ["env.", "headers.", "args["].iter().any(|texts| path.starts_with(texts)) {
                return Error::invalid(field, "must be text; write it in quotes, numbers too");
            }
            Error::invalid(field, format!("does not fit the kind `{}`: {}", kind.as_str(), error.inner()))
        };
        if config.to_string().len() > MAX_CONFIG {
            return Err(Error::invalid("config", "may have at most 64 KiB"));
        }
        // Serde would take an array as well, its positions for the fields.
        Self::check_change(config)?;
        match kind {
            ConnectionKind::StreamableHttp => {
                let mut http: Http = serde_path_to_error::deserialize(config).map_err(wrong)?;
                http.keep(
                    before.and_then(|before| if let Self::StreamableHttp(http) = before { Some(http) } else { None }),
                )?;
                http.check()?;
                Ok(Self::StreamableHttp(http))
            }
            ConnectionKind::Stdio => {
                let mut stdio: Stdio = serde_path_to_error::deserialize(config).map_err(wrong)?;
                stdio
                    .keep(before.and_then(|before| if let Self::Stdio(stdio) = before { Some(stdio) } else { None }))?;
                stdio.check()?;
                Ok(Self::Stdio(stdio.referring(before)))
            }
        }
    }

    /// Checks what can be judged of a change from itself alone.
    ///
    /// # Errors
    /// It is no object.
    pub fn check_change(change: &Value) -> Result<()> {
        if change.is_object() { Ok(()) } else { Err(Error::invalid("config", "must be an object")) }
    }

    /// What a change makes of this configuration (RFC 7396): members that it does not name stay as they are, what may be
    /// secret as its placeholder, so that it is kept towards the same address or program only; `null` takes a member away.
    ///
    /// # Errors
    /// A change that is no object; a header that is there twice.
    pub fn merged(&self, change: &Value) -> Result<Value> {
        Self::check_change(change)?;
        let mut change = change.clone();
        if let (Self::StreamableHttp(_), Some(Value::Object(headers))) = (self, change.get_mut("headers")) {
            for (name, value) in std::mem::take(headers) {
                let name = name.to_ascii_lowercase();
                if headers.insert(name.clone(), value).is_some() {
                    return Err(Error::invalid(format!("config.headers.{name}"), "is there twice"));
                }
            }
        }
        let mut merged = self.shown_as(View::Whole);
        merge(&mut merged, change);
        Ok(merged)
    }

    /// The configuration as it is shown to everybody.
    pub fn shown(&self) -> Value {
        self.shown_as(View::Masked)
    }

    /// The configuration as it is shown to those who may have this view.
    pub fn shown_as(&self, view: View) -> Value {
        let shown = match self {
            Self::StreamableHttp(http) => {
                serde_json::to_value(Http { url: address::shown(&http.url, view), headers: masked(&http.headers) })
            }
            Self::Stdio(stdio) => {
                let args = stdio.shown_args(view);
                serde_json::to_value(Stdio { args, env: masked(&stdio.env), ..stdio.clone() })
            }
        };
        // A path that is not UTF-8 cannot have come in as JSON.
        shown.unwrap_or(Value::Null)
    }

    /// Seals it for one connection.
    ///
    /// # Errors
    /// A path that is not UTF-8, which cannot have come in as JSON.
    pub fn seal(&self, sealer: &Sealer, connection: ConnectionId) -> Result<Vec<u8>> {
        let json = match self {
            Self::StreamableHttp(http) => serde_json::to_vec(http),
            Self::Stdio(stdio) => stdio.stored(),
        };
        let json = json.map_err(Error::internal)?;
        Ok(sealer.seal(Purpose::ConnectionConfig, connection.0.as_bytes(), &json))
    }

    /// Opens what was sealed for this connection.
    ///
    /// # Errors
    /// When it was sealed under another master key or for another connection.
    pub fn open(sealer: &Sealer, connection: ConnectionId, kind: &str, sealed: &[u8]) -> Result<Self> {
        let json = sealer.open(Purpose::ConnectionConfig, connection.0.as_bytes(), sealed).map_err(Error::internal)?;
        match kind {
            "streamable_http" => serde_json::from_slice(&json).map(Self::StreamableHttp).map_err(Error::internal),
            "stdio" => Stdio::from_stored(&json).map(Self::Stdio).map_err(Error::internal),
            other => Err(Error::internal(format!("connections {connection}: unknown kind {other}"))),
        }
    }

    /// What `upstream` needs of it.
    pub fn into_transport(self) -> Transport {
        let secret = |(name, value)| (name, SecretString::from(value));
        match self {
            Self::StreamableHttp(http) => {
                Transport::StreamableHttp { url: http.url, headers: http.headers.into_iter().map(secret).collect() }
            }
            Self::Stdio(stdio) => Transport::Stdio {
                args: stdio.resolved_args(),
                command: stdio.command,
                env: stdio.env.into_iter().map(secret).collect(),
                cwd: stdio.cwd,
            },
        }
    }
}

impl Http {
    fn keep(&mut self, before: Option<&Self>) -> Result<()> {
        let headers = std::mem::take(&mut self.headers);
        for (name, value) in headers {
            let name = name.to_ascii_lowercase();
            if self.headers.insert(name.clone(), value).is_some() {
                return Err(Error::invalid(format!("config.headers.{name}"), "is there twice"));
            }
        }
        let same_place = before.filter(|before| address::is_same_place(&before.url, &self.url));
        address::keep_path(&mut self.url, same_place.map(|before| &before.url))?;
        let none = BTreeMap::new();
        keep("headers", &mut self.headers, same_place.map_or(&none, |before| &before.headers))?;
        address::keep_query(&mut self.url, same_place.map(|before| &before.url))
    }

    fn check(&self) -> Result<()> {
        if !matches!(self.url.scheme(), "http" | "https") || !self.url.has_host() {
            return Err(Error::invalid("config.url", "must start with http:// or https:// and name a host"));
        }
        if !self.url.username().is_empty() || self.url.password().is_some() {
            return Err(Error::invalid("config.url", "must not have credentials in it; send them as a header"));
        }
        if self.url.fragment().is_some() {
            return Err(Error::invalid("config.url", "must not have a `#`: what comes after it is never sent"));
        }
        for (name, value) in &self.headers {
            let field = || format!("config.headers.{name}");
            HeaderName::from_bytes(name.as_bytes()).map_err(|_| Error::invalid(field(), "is not a header's name"))?;
            HeaderValue::from_str(value).map_err(|_| Error::invalid(field(), "has a value that no header may have"))?;
            if OWN_HEADERS.contains(&name.as_str()) {
                return Err(Error::invalid(field(), "is set by the gateway itself"));
            }
        }
        Ok(())
    }
}

impl Stdio {
    fn keep(&mut self, before: Option<&Self>) -> Result<()> {
        // Arguments, the directory and other variables, a proxy say, may have the program send what it has elsewhere.
        let same_program = before.filter(|before| {
            (&before.command, &before.cwd) == (&self.command, &self.cwd)
                && before.has_args(&self.args)
                && before.env.keys().eq(self.env.keys())
                && self.env.iter().all(|(name, value)| value == MASK || before.env.get(name) == Some(value))
        });
        if let Some(before) = same_program {
            self.args.clone_from(&before.args);
        }
        let none = BTreeMap::new();
        keep("env", &mut self.env, same_program.map_or(&none, |before| &before.env))
    }

    /// Whether these are its arguments, each as it is or as it is shown.
    fn has_args(&self, args: &[String]) -> bool {
        let shown = [View::Masked, View::Whole].map(|view| self.shown_args(view));
        let is_it = |at: usize, arg: &String| self.args[at] == *arg || shown.iter().any(|shown| shown[at] == *arg);
        self.args.len() == args.len() && args.iter().enumerate().all(|(at, arg)| is_it(at, arg))
    }

    pub(super) fn shown_args(&self, view: View) -> Vec<String> {
        let none = BTreeMap::new();
        args::shown(&self.command, &self.args, view, if self.refers { &self.env } else { &none })
    }

    /// Sending the same again changes nothing, also where references make a difference now.
    fn referring(self, before: Option<&Config>) -> Self {
        let refers = self.args.iter().any(|arg| references::refers(arg, &self.env));
        match before {
            Some(Config::Stdio(before)) if (Self { refers: before.refers, ..self.clone() }) == *before => {
                before.clone()
            }
            _ => Self { refers, ..self },
        }
    }

    /// The arguments that the program gets.
    fn resolved_args(&self) -> Vec<String> {
        match self.refers {
            true => self.args.iter().map(|arg| references::resolved(arg, &self.env)).collect(),
            false => self.args.clone(),
        }
    }

    fn stored(&self) -> serde_json::Result<Vec<u8>> {
        let mut json = serde_json::to_value(self)?;
        if let (true, Some(members)) = (self.refers, json.as_object_mut()) {
            members.insert(REFERS.to_owned(), Value::Bool(true));
        }
        serde_json::to_vec(&json)
    }

    fn from_stored(json: &[u8]) -> serde_json::Result<Self> {
        let mut json: Value = serde_json::from_slice(json)?;
        let refers = json.as_object_mut().and_then(|members| members.remove(REFERS)).is_some();
        Ok(Self { refers, ..Self::deserialize(json)? })
    }

    fn check(&self) -> Result<()> {
        let nul = |text: &str| text.contains('\0');
        if self.command.trim().is_empty() || nul(&self.command) {
            return Err(Error::invalid("config.command", "must name a program"));
        }
        if self.args.iter().any(|arg| nul(arg)) {
            return Err(Error::invalid("config.args", "must not have NUL characters"));
        }
        if self.args.iter().any(|arg| arg.contains(MASK)) {
            return Err(Error::invalid(
                "config.args",
                format!("has {MASK}, which stands for what is not shown; send every argument as it is to be"),
            ));
        }
        let length: usize = self.args.iter().map(|arg| references::resolved_length(arg, &self.env)).sum();
        if length > MAX_ARGS {
            return Err(Error::invalid(
                "config.args",
                format!(
                    "would have {length} bytes with the variables in place that they refer to; {MAX_ARGS} are allowed"
                ),
            ));
        }
        for (name, value) in &self.env {
            if name.is_empty() || name.contains('=') || nul(name) || nul(value) {
                return Err(Error::invalid(
                    format!("config.env.{name}"),
                    "is not a variable's name, or has a NUL character",
                ));
            }
        }
        match &self.cwd {
            Some(cwd) if !cwd.is_absolute() || cwd.to_str().is_none_or(nul) => {
                Err(Error::invalid("config.cwd", "must be an absolute path"))
            }
            _ => Ok(()),
        }
    }
}

/// RFC 7396, section 2.
fn merge(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    let Value::Object(target) = target else { return };
    for (name, value) in patch {
        if value.is_null() {
            target.remove(&name);
        } else {
            merge(target.entry(name).or_insert(Value::Null), value);
        }
    }
}

fn keep(field: &str, values: &mut BTreeMap<String, String>, before: &BTreeMap<String, String>) -> Result<()> {
    for (name, value) in values.iter_mut().filter(|(_, value)| *value == MASK) {
        *value = before.get(name).cloned().ok_or_else(|| nothing_to_keep(&format!("{field}.{name}")))?;
    }
    Ok(())
}

pub(super) fn nothing_to_keep(field: &str) -> Error {
    Error::invalid(
        format!("config.{field}"),
        format!(
            "is {MASK}, but there is no value to keep here; after a change of the address, its query included, or of the \
             program, its arguments, directory or variables, send every value again"
        ),
    )
}

fn masked(values: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    values.keys().map(|name| (name.clone(), MASK.to_owned())).collect()
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
