//! Approvals: requests for one exact call each.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// An approval in a list.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Approval {
    /// Its id.
    pub id: Uuid,
    /// Its state, deadlines counted.
    #[cfg_attr(feature = "openapi", schema(value_type = domain::approval::Status))]
    pub status: String,
    /// The toolkit's slug.
    #[cfg_attr(feature = "openapi", schema(examples("bank")))]
    pub toolkit: String,
    /// The tool's name as the agent saw it.
    #[cfg_attr(feature = "openapi", schema(examples("pay")))]
    pub tool: String,
    /// `key` or `user`.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::words::CallerKind))]
    pub caller_kind: String,
    /// The caller's id.
    pub caller_id: Uuid,
    /// What people call the caller.
    #[cfg_attr(feature = "openapi", schema(examples("robot")))]
    pub caller_name: String,
    /// The first characters of the newest secret of a caller that is a key, to tell keys apart.
    #[cfg_attr(feature = "openapi", schema(examples("mmcp_7Qm2")))]
    pub caller_prefix: Option<String>,
    /// The client's name and version, as it said.
    #[cfg_attr(feature = "openapi", schema(examples("claude-code 2.1")))]
    pub client: Option<String>,
    /// The person answerable for the caller.
    pub owner_id: Uuid,
    /// Their e-mail; `null` once they are gone.
    #[cfg_attr(feature = "openapi", schema(examples("sam@example.com")))]
    pub owner_email: Option<String>,
    /// Why it was held.
    #[cfg_attr(feature = "openapi", schema(examples("tool: needs_approval")))]
    pub rule: String,
    /// What the upstream claims of the tool.
    pub hints: ToolHints,
    /// Whether a changed definition that nobody reviewed is (also) why it is held.
    pub definition_changed: bool,
    /// The arguments in one line of at most 200 characters, for lists; `null` when nothing of them is
    /// kept any more.
    #[cfg_attr(feature = "openapi", schema(max_length = 200, examples("to \"Ada\", cents 418000")))]
    pub summary: Option<String>,
    /// At most six of the arguments' values in words, for a row of a list: those that differ from the caller's last approved
    /// call of the tool come first. Each has at most 60 characters; what cannot be seen in them is written as its JSON
    /// escape. Empty when nothing of the arguments is kept any more, or they are large.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(max_items = 6, examples(json!(["4180.00 EUR", "Ada"]))))]
    pub values: Vec<String>,
    /// Why the agent asks: its claim, not checked.
    pub agent_reason: Option<String>,
    /// When it was opened.
    pub created_at: DateTime<Utc>,
    /// When it expires undecided.
    pub expires_at: DateTime<Utc>,
    /// How often it was given more time; at most twice.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(maximum = 2))]
    pub extended: u8,
    /// When it expires unused.
    pub execute_by: Option<DateTime<Utc>>,
    /// While it is executing: the upstream asked the agent's side for input, and the call waits for it.
    #[serde(default)]
    pub asks_input: bool,
    /// How the upstream answered, once the call ran: `result`, `tool_error` (the tool reported an error) or
    /// `protocol_error` (a JSON-RPC error); `null` while it did not run, or where nobody knows the answer.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<domain::approval::Answer>))]
    pub answer: Option<String>,
    /// Whether the one who asks or watches may decide it, as far as the approval policy goes; whether it waits for a
    /// decision is `status`.
    #[serde(default)]
    pub may_decide: bool,
    /// Who decided, also where the decision was taken back or undone since.
    pub decided_by: Option<Uuid>,
    /// Their e-mail; `null` once they are gone.
    #[cfg_attr(feature = "openapi", schema(examples("kim@example.com")))]
    pub decided_by_email: Option<String>,
    /// When.
    pub decided_at: Option<DateTime<Utc>>,
    /// What they wrote.
    pub decision_reason: Option<String>,
    /// Who took the approval back before it was used; `null` of what the agent withdrew.
    #[serde(default)]
    pub taken_back_by: Option<Uuid>,
    /// Their e-mail; `null` once they are gone.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(examples("kim@example.com")))]
    pub taken_back_by_email: Option<String>,
    /// What they wrote: the agent reads it word for word.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(examples("the invoice is a forgery")))]
    pub taken_back_reason: Option<String>,
    /// What changed and so undid it, in words.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(examples("the tool's definition changed since the request")))]
    pub changed: Option<String>,
    /// Hex SHA-256 of the canonical arguments: name it when deciding.
    #[cfg_attr(
        feature = "openapi",
        schema(
            pattern = "^[0-9a-f]{64}$",
            examples("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")
        )
    )]
    pub arguments_sha256: String,
    /// Hex SHA-256 of the definition: name it when deciding.
    #[cfg_attr(
        feature = "openapi",
        schema(
            pattern = "^[0-9a-f]{64}$",
            examples("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")
        )
    )]
    pub definition_sha256: String,
}

/// How many requests wait for a decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ApprovalsSummary {
    /// All that wait.
    pub waiting: u64,
    /// Those of them that the one who asks may decide; 0 for a key.
    pub mine: u64,
    /// When the oldest that waits was opened; `null` when none does.
    pub oldest_at: Option<DateTime<Utc>>,
}

/// What a tool says of itself (MCP `ToolAnnotations`): claims of the upstream, not facts. `null`: not said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ToolHints {
    /// It changes nothing.
    pub read_only: Option<bool>,
    /// It may destroy.
    pub destructive: Option<bool>,
    /// Twice is as once.
    pub idempotent: Option<bool>,
    /// It reaches beyond its own data.
    pub open_world: Option<bool>,
}

/// An earlier call to compare with.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EarlierCall {
    /// Its approval.
    pub id: Uuid,
    /// When it was approved.
    pub approved_at: DateTime<Utc>,
    /// Its arguments, as JSON text: as they were sent while they are kept, then as the audit has them,
    /// where secrets read `[redacted]`.
    #[cfg_attr(feature = "openapi", schema(examples("{\"cents\":418000,\"to\":\"Ada\"}")))]
    pub arguments_json: String,
}

/// What the upstream answered, as its record has it: secrets read `[redacted]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunResult {
    /// The audit record of the run.
    pub record_id: Uuid,
    /// The MCP result, or the JSON-RPC error, as JSON text; of a long one the first 65,536 characters.
    #[cfg_attr(
        feature = "openapi",
        schema(max_length = 65536, examples("{\"content\":[{\"type\":\"text\",\"text\":\"done\"}]}"))
    )]
    pub response: String,
    /// Whether `response` is all of it.
    pub is_whole: bool,
    /// How many bytes all of it has.
    pub bytes: u64,
}

/// One approval with everything a person needs to decide.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ApprovalDetail {
    /// The same as in the list.
    #[serde(flatten)]
    pub approval: Approval,
    /// The exact bytes that would be sent as arguments, as JSON text. Once they are erased: as the record has them,
    /// where secrets read `[redacted]`; `null` when the record has none.
    #[cfg_attr(feature = "openapi", schema(examples("{\"cents\":418000,\"to\":\"Ada\"}")))]
    pub arguments_json: Option<String>,
    /// Whether the arguments are the record's: the exact bytes are erased.
    pub arguments_redacted: bool,
    /// The arguments as JSON. Numbers that JavaScript cannot hold are exact only in `arguments_json`.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>, examples(json!({"to": "Ada", "cents": 418000}))))]
    pub arguments: Option<Box<serde_json::value::RawValue>>,
    /// The tool's definition when asked.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub definition: Box<serde_json::value::RawValue>,
    /// The definition last reviewed, where it differs: then the difference is why it is held.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub reviewed_definition: Option<Box<serde_json::value::RawValue>>,
    /// The tool's reviewed definitions as they are now, the last reviewed one first: eight at most, and none once the
    /// toolkit no longer has the tool.
    #[serde(default)]
    pub reviewed: Vec<crate::ReviewedDefinition>,
    /// How far the arguments were checked against the tool's input schema when it was opened: `full`, `partial` or
    /// `none`.
    #[cfg_attr(feature = "openapi", schema(value_type = domain::ArgumentsCheck))]
    pub arguments_check: String,
    /// Why not wholly.
    #[cfg_attr(feature = "openapi", schema(examples("the pattern `(?=x)y` is left out")))]
    pub check_note: Option<String>,
    /// Everything that happened to it, oldest first.
    pub history: Vec<ApprovalEvent>,
    /// The last five other requests of this tool by this caller.
    pub similar: Vec<Approval>,
    /// The last approved call of this tool by this caller, if its arguments are still on record.
    pub last_approved: Option<EarlierCall>,
    /// When another approved call of this tool with the same arguments last ran, whoever asked, if within
    /// the hour before now.
    pub same_call_ran_at: Option<DateTime<Utc>>,
    /// Why the one who asks here may not decide it; `null` where they may.
    pub may_not_decide_because: Option<String>,
    /// Whether anybody other than those whose request it is could decide.
    pub somebody_may_decide: bool,
    /// Who decides, who is barred from it, and where that is set.
    pub who_decides: crate::WhoDecides,
    /// What the upstream answered; `null` while it did not run, and where nothing of that is on record.
    pub result: Option<RunResult>,
    /// For an unknown outcome: when a person may settle it.
    pub settle_from: Option<DateTime<Utc>>,
}

impl<'de> Deserialize<'de> for ApprovalDetail {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        /// Everything but what is in the list.
        #[derive(Deserialize)]
        struct More {
            arguments_json: Option<String>,
            #[serde(default)]
            arguments_redacted: bool,
            arguments: Option<Box<serde_json::value::RawValue>>,
            definition: Box<serde_json::value::RawValue>,
            reviewed_definition: Option<Box<serde_json::value::RawValue>>,
            #[serde(default)]
            reviewed: Vec<crate::ReviewedDefinition>,
            arguments_check: String,
            check_note: Option<String>,
            history: Vec<ApprovalEvent>,
            similar: Vec<Approval>,
            last_approved: Option<EarlierCall>,
            same_call_ran_at: Option<DateTime<Utc>>,
            may_not_decide_because: Option<String>,
            somebody_may_decide: bool,
            #[serde(default)]
            who_decides: crate::WhoDecides,
            #[serde(default)]
            result: Option<RunResult>,
            settle_from: Option<DateTime<Utc>>,
        }
        let (approval, more): (_, More) = crate::flat::both(from)?;
        Ok(Self {
            approval,
            arguments_json: more.arguments_json,
            arguments_redacted: more.arguments_redacted,
            arguments: more.arguments,
            definition: more.definition,
            reviewed_definition: more.reviewed_definition,
            reviewed: more.reviewed,
            arguments_check: more.arguments_check,
            check_note: more.check_note,
            history: more.history,
            similar: more.similar,
            last_approved: more.last_approved,
            same_call_ran_at: more.same_call_ran_at,
            may_not_decide_because: more.may_not_decide_because,
            somebody_may_decide: more.somebody_may_decide,
            who_decides: more.who_decides,
            result: more.result,
            settle_from: more.settle_from,
        })
    }
}

/// One line of an approval's history.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ApprovalEvent {
    /// When.
    pub at: DateTime<Utc>,
    /// The state before; `null` for the opening.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<domain::approval::Status>))]
    pub from: Option<String>,
    /// The state after.
    #[cfg_attr(feature = "openapi", schema(value_type = domain::approval::Status))]
    pub to: String,
    /// `key`, `user` or `system`.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::words::ActorKind))]
    pub actor_kind: String,
    /// The actor's id.
    pub actor_id: Option<Uuid>,
    /// What people call the actor.
    pub actor_name: String,
    /// A reason, a rule, or what went wrong.
    pub note: Option<String>,
}

/// Allows a call, once.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Approve {
    /// The arguments' hash that was seen.
    #[cfg_attr(
        feature = "openapi",
        schema(
            pattern = "^[0-9a-fA-F]{64}$",
            examples("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")
        )
    )]
    pub arguments_sha256: String,
    /// The definition's hash that was seen.
    #[cfg_attr(
        feature = "openapi",
        schema(
            pattern = "^[0-9a-fA-F]{64}$",
            examples("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")
        )
    )]
    pub definition_sha256: String,
    /// A word to the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 2000, examples("as agreed")))]
    pub reason: Option<String>,
    /// Edited arguments: not offered yet, refused when sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(schema_with = not_yet))]
    pub arguments: Option<serde_json::Value>,
}

/// The place of what cannot be sent yet.
#[cfg(feature = "openapi")]
fn not_yet() -> utoipa::openapi::schema::Object {
    use utoipa::openapi::schema::{ObjectBuilder, Type};
    let description = "Edited arguments: not offered yet, refused when sent.";
    ObjectBuilder::new().schema_type(Type::Null).description(Some(description)).build()
}

/// Refuses a call.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Reject {
    /// The arguments' hash that was seen.
    #[cfg_attr(
        feature = "openapi",
        schema(
            pattern = "^[0-9a-fA-F]{64}$",
            examples("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")
        )
    )]
    pub arguments_sha256: String,
    /// The definition's hash that was seen.
    #[cfg_attr(
        feature = "openapi",
        schema(
            pattern = "^[0-9a-fA-F]{64}$",
            examples("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")
        )
    )]
    pub definition_sha256: String,
    /// Why: the agent reads it word for word.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 2000, examples("use the monthly run")))]
    pub reason: String,
}

/// Takes an approval back before it was used.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Revoke {
    /// Why: the agent reads it word for word.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 2000, examples("the invoice is a forgery")))]
    pub reason: String,
}

/// Gives a request that waits more time.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Extend {
    /// How many seconds more, added to `expires_at`.
    #[cfg_attr(feature = "openapi", schema(minimum = 60, maximum = 86400, examples(3600)))]
    pub seconds: u32,
}

/// One page of a list of approvals.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Approvals {
    /// The entries of this page.
    pub items: Vec<Approval>,
    /// Pass it as `cursor` for the next page; `null` on the last one.
    pub next_cursor: Option<String>,
    /// With `count=true`: how many there are in all pages, counted up to 10,000; else `null`.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(maximum = 10000))]
    pub count: Option<u64>,
    /// With `count=true`: whether there are more than were counted; else `null`.
    #[serde(default)]
    pub more: Option<bool>,
}

/// Says what became of a call whose outcome is not known.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Settle {
    /// What was found.
    pub outcome: SettleOutcome,
    /// How it was found out.
    #[cfg_attr(
        feature = "openapi",
        schema(min_length = 1, max_length = 2000, examples("the bank's statement shows the payment"))
    )]
    pub note: String,
}

/// What a person found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SettleOutcome {
    /// It ran.
    Executed,
    /// It did not run.
    NotExecuted,
}
