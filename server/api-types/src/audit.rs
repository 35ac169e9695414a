//! Audit records.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The `tool` of a record of a request that was refused before its body was read, or whose body could not be read: it may
/// have called any. No tool has such a name.
pub const NOT_READ: &str = "(not read)";

/// A record in a list.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditRecord {
    /// Its id.
    pub id: Uuid,
    /// When it began.
    pub at: DateTime<Utc>,
    /// The request it belongs to.
    pub request_id: Uuid,
    /// `key`, `user` or `system`.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::words::ActorKind))]
    pub actor_kind: String,
    /// The actor's id.
    pub actor_id: Option<Uuid>,
    /// What people call the actor.
    #[cfg_attr(feature = "openapi", schema(examples("robot")))]
    pub actor_name: String,
    /// The actor's own org, where it is another.
    pub actor_org_id: Option<Uuid>,
    /// The MCP method or REST operation.
    #[cfg_attr(feature = "openapi", schema(examples("tools/call")))]
    pub action: String,
    /// The toolkit's slug.
    #[cfg_attr(feature = "openapi", schema(examples("bank")))]
    pub toolkit: Option<String>,
    /// The tool's name. `(not read)`: the request was refused before its body was read, or that could not be read, so that
    /// nobody knows which tool it called, or whether it called one.
    #[cfg_attr(feature = "openapi", schema(examples("pay")))]
    pub tool: Option<String>,
    /// The rule that decided.
    pub rule: Option<String>,
    /// The approval it belongs to.
    pub approval_id: Option<Uuid>,
    /// The client, as it said.
    pub client: Option<String>,
    /// Where it came from; `null` in records of earlier versions.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::words::AuditSource>))]
    pub source: Option<String>,
    /// How it ended; `interrupted` while there is no outcome.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::words::AuditStatus))]
    pub status: String,
    /// Of a call (`tools/call`) that ended with `error`: `tool_error` where the tool reported it, `protocol_error`
    /// where the upstream answered with a JSON-RPC error.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<domain::approval::Answer>))]
    pub answer: Option<String>,
    /// How long it took, in microseconds.
    #[cfg_attr(feature = "openapi", schema(minimum = 0))]
    pub duration_us: Option<i64>,
    /// Of a call (`tools/call`): at most six of its arguments' values in words, as in a list of approvals, in the order of
    /// the arguments; empty without the right `audit:bodies`, and of large requests.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(max_items = 6, examples(json!(["4180.00 EUR", "Ada"]))))]
    pub values: Vec<String>,
    /// The e-mail of who decided the approval that the record belongs to; `null` once they are gone.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(examples("mara@example.com")))]
    pub decided_by_email: Option<String>,
}

/// One page of a list of records.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditRecords {
    /// The entries of this page.
    pub items: Vec<AuditRecord>,
    /// Pass it as `cursor` for the next page; `null` on the last one.
    pub next_cursor: Option<String>,
    /// With `count=true`: how many there are in all pages, counted up to 10,000; else `null`, and where counting takes too long.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(maximum = 10000))]
    pub count: Option<u64>,
    /// With `count=true`: whether there are more than were counted; else `null`.
    #[serde(default)]
    pub more: Option<bool>,
}

/// How many records began when.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditHistogram {
    /// The buckets in which something began, in order of time; those that are missing have nothing.
    pub items: Vec<AuditBucket>,
}

/// How many records began within a bucket of time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditBucket {
    /// When the bucket begins.
    pub at: DateTime<Utc>,
    /// How many went through, wait for a decision, or have no outcome yet: `ok`, `replayed`, `held`, `interrupted`.
    #[cfg_attr(feature = "openapi", schema(minimum = 0))]
    pub ok: u64,
    /// How many failed or were refused: `error`, `failed`, `unknown`, `refused`, `rejected`.
    #[cfg_attr(feature = "openapi", schema(minimum = 0))]
    pub failed: u64,
}

/// One record with its bodies, for who may see them.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditRecordDetail {
    /// The same as in the list.
    #[serde(flatten)]
    pub record: AuditRecord,
    /// The request as JSON text, secrets taken out; `null` without the right `audit:bodies`.
    pub request: Option<String>,
    /// The response likewise; for lists a digest.
    pub response: Option<String>,
    /// Whether request and response are left out because who asks lacks the right `audit:bodies`.
    pub bodies_left_out: bool,
}

impl<'de> Deserialize<'de> for AuditRecordDetail {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct More {
            request: Option<String>,
            response: Option<String>,
            #[serde(default)]
            bodies_left_out: bool,
        }
        let (record, More { request, response, bodies_left_out }) = crate::flat::both(from)?;
        Ok(Self { record, request, response, bodies_left_out })
    }
}
