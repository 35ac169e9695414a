//! Words that answers carry as plain text, named for the OpenAPI document: a client that was made
//! before a word came must still read the answer, so no type of an answer insists on them.

use utoipa::ToSchema;

/// What asks: an API key or a person.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum CallerKind {
    /// An API key.
    Key,
    /// A person.
    User,
}

/// What acted: an API key, a person, or the gateway itself.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum ActorKind {
    /// An API key.
    Key,
    /// A person.
    User,
    /// The gateway itself.
    System,
}

/// Where something on record came from.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum AuditSource {
    /// An MCP endpoint.
    Mcp,
    /// The REST API, with a bearer or without a credential.
    Rest,
    /// The console.
    Console,
    /// The gateway itself: periodic work, its start, a command on its machine.
    Job,
}

/// Whose approval policy sets a field that is in force.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum PolicyLevel {
    /// The toolkit tool's.
    Tool,
    /// The toolkit's.
    Toolkit,
    /// The org's.
    Org,
    /// The instance's: PERMESSO_FORBID_SELF_APPROVAL.
    Instance,
}

/// How an export is written.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum ExportFormat {
    /// One JSON object in each line.
    Jsonl,
    /// Comma-separated, with a line of names first.
    Csv,
}

/// How a call ended: `ok` and `error` are what the tool said; `refused`, `held`, `rejected` and `failed`
/// did not run; `replayed` gave an earlier result again; `unknown` may have run; `interrupted` has no
/// outcome (yet).
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum AuditStatus {
    /// It ran and said that it went well.
    Ok,
    /// It ran and said that it went wrong.
    Error,
    /// The gateway refused it.
    Refused,
    /// It waits for a person.
    Held,
    /// A person said no.
    Rejected,
    /// An earlier result was given again; nothing ran.
    Replayed,
    /// The upstream could not be reached; nothing ran.
    Failed,
    /// It may have run.
    Unknown,
    /// There is no outcome: the call goes on, or the gateway stopped in it.
    Interrupted,
}
