//! Connections to upstreams.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::Tool;

/// How an upstream is spoken to: `streamable_http` is MCP over HTTP, `stdio` a child process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ConnectionKind {
    /// MCP's Streamable HTTP. Its configuration: `{url, headers?}`.
    StreamableHttp,
    /// A child process. Its configuration: `{command, args?, env?, cwd?}`.
    Stdio,
}

impl ConnectionKind {
    /// The word in the API and the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::StreamableHttp => "streamable_http",
            Self::Stdio => "stdio",
        }
    }
}

/// How a connection is doing, as the replica that answers sees it: `disabled` by an administrator, `idle`
/// until its first use, `connecting`, `connected`, `disconnected` after its session ended in order, so that the next use
/// connects, `error` where the last attempt or the last call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ConnectionStatus {
    /// Switched off by an administrator.
    Disabled,
    /// Not used since this replica started; it connects on first use.
    Idle,
    /// A session is being opened.
    Connecting,
    /// A session is open.
    Connected,
    /// Its session ended in order; the next use connects.
    Disconnected,
    /// The last attempt or the last call failed; `last_error` says why.
    Error,
}

/// A connection. Values that may be secret (headers, environment, the URL's query, what in its path looks like a token,
/// arguments other than flags, paths and packages) show as `********`; people who may change the connection see the path
/// and the arguments but for values of flags whose name looks secret, passwords in addresses and known credentials.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Connection {
    /// Its id.
    pub id: Uuid,
    /// Its name in URLs.
    #[cfg_attr(feature = "openapi", schema(examples("files")))]
    pub slug: String,
    /// How it is spoken to.
    pub kind: ConnectionKind,
    /// Its configuration, by kind; `null` when it cannot be opened with this master key.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>, examples(json!({"url": "https://mcp.example.com/mcp", "headers": {"authorization": "********"}}))))]
    pub config: Option<Value>,
    /// Counts up with each change of the configuration; approvals are bound to it.
    #[cfg_attr(feature = "openapi", schema(minimum = 1))]
    pub version: i64,
    /// Whether it may be used.
    pub enabled: bool,
    /// How long connecting may take, in milliseconds.
    pub connect_timeout_ms: i32,
    /// How long a call may take, in milliseconds.
    pub call_timeout_ms: i32,
    /// How it is doing.
    pub status: ConnectionStatus,
    /// Since when it is doing that on the replica that answers; absent before its first use there.
    #[serde(default)]
    pub since: Option<DateTime<Utc>>,
    /// When the next attempt to connect may be made, after one that failed. Until then calls fail at once.
    #[serde(default)]
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// When it last answered.
    pub last_seen_at: Option<DateTime<Utc>>,
    /// Why it last failed, if it has not answered since.
    pub last_error: Option<String>,
    /// When that was.
    pub last_error_at: Option<DateTime<Utc>>,
    /// What its administrators should know of how it runs on the replica that answers, and mend.
    #[serde(default)]
    #[cfg_attr(
        feature = "openapi",
        schema(examples("child processes run as root and can read all that the gateway knows"))
    )]
    pub warning: Option<String>,
    /// What the upstream's last list has that cannot be used, and why: the first 50.
    #[serde(default)]
    pub unusable: Vec<UnusableTool>,
    /// Whether a person trusts what the upstream says of its tools: a changed definition holds nothing, unless the tool
    /// became destructive.
    #[serde(default)]
    pub trust_definitions: bool,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// The tag of what can be changed: as `If-Match`, a change is made only to the state that was seen.
    #[serde(default)]
    #[cfg_attr(
        feature = "openapi",
        schema(pattern = "^\"[0-9a-f]{32}\"$", examples("\"0f4b1d9c3a5e7f820f4b1d9c3a5e7f82\""))
    )]
    pub etag: String,
}

/// A connection with what its administrators ask of it first.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ConnectionDetail {
    /// The connection.
    #[serde(flatten)]
    pub connection: Connection,
    /// Whether the replica that answers has a session with its upstream.
    pub has_session: bool,
    /// Its tools with their definitions, by name: the first 50, fewer where they are long. The list of its tools has all.
    pub tools: Vec<Tool>,
    /// Whether there are more.
    pub more_tools: bool,
    /// The last lines of its log on the replica that answers, oldest first: 20 at most.
    pub logs: Vec<String>,
}

/// A connection to be made.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateConnection {
    /// Its name in URLs: `[a-z0-9-]`, 2 to 40 characters.
    #[cfg_attr(
        feature = "openapi",
        schema(min_length = 2, max_length = 40, pattern = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", examples("files"))
    )]
    pub slug: String,
    /// How it is spoken to.
    pub kind: ConnectionKind,
    /// Its configuration, by kind: `streamable_http` has `url` and may have `headers`; `stdio` has
    /// `command` and may have `args`, `env` and `cwd`.
    #[cfg_attr(feature = "openapi", schema(value_type = Object, examples(json!({"url": "https://mcp.example.com/mcp", "headers": {"authorization": "Bearer …"}}))))]
    pub config: Value,
    /// How long connecting may take, and a program's start: 1000 to 300000 milliseconds. 10000 unless given, and 60000 for
    /// `stdio`, since a program may be fetched when it is first started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1000, maximum = 300000, examples(60000)))]
    pub connect_timeout_ms: Option<i32>,
    /// How long a call may take: 100 to 3600000 milliseconds; 120000 unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 100, maximum = 3600000, examples(120000)))]
    pub call_timeout_ms: Option<i32>,
}

/// A connection to be tried before it is made: nothing of it is kept.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TestConnection {
    /// How it is spoken to.
    pub kind: ConnectionKind,
    /// Its configuration, as a connection to be made has it.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub config: Value,
    /// How long connecting may take: 1000 to 60000 milliseconds; as of a connection to be made unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1000, maximum = 60000))]
    pub connect_timeout_ms: Option<i32>,
}

/// How an upstream answered when it was tried.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TestedConnection {
    /// Whether it answered, and its tools could be listed.
    pub ok: bool,
    /// How it went, in words: the upstream's name and version, or what was wrong and what to do.
    pub detail: String,
    /// The tools that it offers: the first 200.
    pub tools: Vec<FoundTool>,
    /// How many more there are.
    pub more_tools: usize,
    /// What the upstream lists but cannot be used: the first 50.
    pub unusable: Vec<UnusableTool>,
    /// The last lines that it wrote to stderr, or that the gateway noted, oldest first: 20 at most.
    pub logs: Vec<String>,
}

/// A tool that an upstream offers, in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FoundTool {
    /// Its name at the upstream.
    pub name: String,
    /// The beginning of its description: at most 300 characters.
    pub description: Option<String>,
    /// Whether the upstream claims that it changes nothing.
    pub read_only: bool,
    /// Whether the upstream claims that it may destroy something.
    pub destructive: bool,
}

/// What to change about a connection; what is absent stays.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct UpdateConnection {
    /// What to change about its configuration: members that are absent stay, `null` takes one away, lists are given whole.
    /// What may be secret stays, given as `********` or not at all, as long as the URL is the same, its query included, or
    /// the program with its arguments, directory and variables; else it must be given again.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::absent::not_null")]
    #[cfg_attr(feature = "openapi", schema(nullable = false, value_type = Option<Object>, examples(json!({"url": "https://mcp.example.com/mcp", "headers": {"authorization": "********"}}))))]
    pub config: Option<Value>,
    /// Whether it may be used.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::absent::not_null")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub enabled: Option<bool>,
    /// How long connecting may take, and a program's start: 1000 to 300000 milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::absent::not_null")]
    #[cfg_attr(feature = "openapi", schema(nullable = false, minimum = 1000, maximum = 300000, examples(60000)))]
    pub connect_timeout_ms: Option<i32>,
    /// How long a call may take: 100 to 3600000 milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::absent::not_null")]
    #[cfg_attr(feature = "openapi", schema(nullable = false, minimum = 100, maximum = 3600000, examples(120000)))]
    pub call_timeout_ms: Option<i32>,
    /// Whether what the upstream says of its tools is trusted: a changed definition then holds nothing, unless the tool
    /// became destructive. Only a person may change this.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::absent::not_null")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub trust_definitions: Option<bool>,
}

/// What an upstream says to agents beside its tools (`instructions` of MCP), and what of it is passed on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ConnectionInstructions {
    /// What it said when its tools were last listed, without characters that nobody sees, at most 8 KiB; `null`: nothing.
    pub instructions: Option<String>,
    /// The SHA-256 of that text, in hex; `null` before its tools were listed.
    pub instructions_sha256: Option<String>,
    /// Since when it says that.
    pub seen_at: Option<DateTime<Utc>>,
    /// Whether that is not what was last reviewed: agents do not get it.
    pub changed: bool,
    /// What was last reviewed, the first seen included: agents get it, as long as the upstream says anything.
    pub reviewed_instructions: Option<String>,
    /// When that was.
    pub reviewed_at: Option<DateTime<Utc>>,
    /// Who accepted it; `null` for the first seen.
    pub reviewed_by: Option<Uuid>,
    /// The e-mail of that person.
    pub reviewed_by_email: Option<String>,
}

/// Accepts what an upstream says to agents.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ReviewInstructions {
    /// The SHA-256, in hex, of the text that was looked at.
    #[cfg_attr(
        feature = "openapi",
        schema(
            pattern = "^[0-9a-fA-F]{64}$",
            examples("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")
        )
    )]
    pub instructions_sha256: String,
}

/// What listing an upstream's tools again brought: of each kind the first 50.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Refreshed {
    /// Names of tools that are new, or offered again.
    pub added: Vec<String>,
    /// Names of tools whose definition changed: held until it is reviewed.
    pub changed: Vec<String>,
    /// Names of tools that are no longer offered.
    pub gone: Vec<String>,
    /// What the upstream lists but cannot be used.
    pub unusable: Vec<UnusableTool>,
    /// How many more there are of each kind; `null` when there are none.
    pub left_out: Option<LeftOut>,
}

/// How many more a list of an upstream's tools brought than are told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LeftOut {
    /// Further tools that are new, or offered again.
    pub added: usize,
    /// Further tools whose definition changed.
    pub changed: usize,
    /// Further tools that are no longer offered.
    pub gone: usize,
    /// Further entries that cannot be used.
    pub unusable: usize,
}

/// An entry of an upstream's list that cannot be used, or in part: the problem says which.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UnusableTool {
    /// Its place in the list, from 0.
    pub index: usize,
    /// What is wrong with it.
    pub problem: String,
}

/// The last lines of a connection's log on the replica that answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ConnectionLogs {
    /// What a child process wrote to stderr, or what the gateway noted; oldest first.
    pub lines: Vec<String>,
}
